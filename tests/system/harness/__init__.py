"""What the system tests share: a private PostgreSQL, the daemon under test, certificates, a raw
protocol client, servers that misbehave on purpose, and waiting for events with a deadline."""
