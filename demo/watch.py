"""What the demonstration sees of PostgreSQL from outside, and how it says that a promise failed."""
import asyncio
import time

QUIET_SECONDS_MAX = 15
SAMPLE_SECONDS = 0.02


class DemoFailed(Exception):
    """What the demo promises did not happen; the message says what was seen instead."""


def count_servers(watcher, role):
    return watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename = $1", role)


async def wait_quiet(watcher, role):
    """Until PostgreSQL has seen off the last connection of the run before."""
    end = time.monotonic() + QUIET_SECONDS_MAX
    while await count_servers(watcher, role):
        if time.monotonic() > end:
            raise DemoFailed(f"connections of role {role} stay after the run")
        await asyncio.sleep(0.05)


async def sample_peak(watcher, role, peak):
    while True:
        peak[0] = max(peak[0], await count_servers(watcher, role))
        await asyncio.sleep(SAMPLE_SECONDS)
