"""The program under test: writes its configuration, starts it, waits until it listens, reads its
log, stops it and looks at how it ended.

$WEIR_BIN names the program (default build/weir in this checkout). Debian's pgbouncer works too,
for what both can do: it is started as the postgres user, stopped by SIGINT, and tests marked
weir_only are skipped. $WEIR_EVENT_BACKEND runs every daemon on that event_backend.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import psycopg2
import psycopg2.extras

from .pg import PASSWORDS, give_to_postgres, unprivileged
from .wait import free_port, until

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BIN = os.environ.get("WEIR_BIN") or os.path.join(ROOT, "build", "weir")
IS_PGBOUNCER = os.path.basename(BIN) == "pgbouncer"
CONSOLE_PASSWORDS = {"admin": "admin-7Ws3", "stats": "stats-9Pc5"}
BAD_SIGNS = ("AddressSanitizer", "LeakSanitizer", "UndefinedBehaviorSanitizer", "runtime error:",
             "ThreadSanitizer", "invariant violated", "INVARIANT")
SOCKET_TRIES = 5


def auth_lines(secrets):
    """auth_file text for {user: secret}."""
    return "".join(f'"{user}" "{secret}"\n' for user, secret in secrets.items())


class Weir:
    """One daemon. `settings` of start() are [pgbouncer] keys; databases are conninfo strings."""

    def __init__(self, pg, authority):
        self.pg = pg
        self.authority = authority
        self.folder = tempfile.mkdtemp(prefix="weir-run-")
        os.chmod(self.folder, 0o755)
        give_to_postgres(self.folder)
        self.ini = os.path.join(self.folder, "weir.ini")
        self.log_path = os.path.join(self.folder, "log")
        self.host = "127.0.0.1"
        self.port = None
        self.process = None
        self.exit_code = None
        self._last_log = ""

    # ---- configuration

    def conninfo(self, dbname="app", **more):
        extra = "".join(f" {key}={value}" for key, value in more.items())
        return f"host=127.0.0.1 port={self.pg.port} dbname={dbname}{extra}"

    def write(self, databases=None, secrets=None, users=None, **settings):
        """Writes the configuration. None as a setting's value leaves the key out."""
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": self.folder,
            "auth_type": "trust",
            "auth_file": os.path.join(self.folder, "users.txt"),
            "admin_users": "admin",
            "stats_users": "stats",
            "pool_mode": "transaction",
            "default_pool_size": 5,
            "ignore_startup_parameters": "extra_float_digits",
        }
        if os.environ.get("WEIR_EVENT_BACKEND"):
            lines["event_backend"] = os.environ["WEIR_EVENT_BACKEND"]
        lines.update(settings)
        secrets = {**PASSWORDS, **CONSOLE_PASSWORDS} if secrets is None else secrets
        databases = {"app": self.conninfo()} if databases is None else databases
        text = "[databases]\n"
        text += "".join(f"{name} = {conninfo}\n" for name, conninfo in databases.items())
        text += "".join(["[users]\n"] + [f"{k} = {v}\n" for k, v in users.items()]) if users else ""
        text += "[pgbouncer]\n"
        text += "".join(f"{k} = {v}\n" for k, v in lines.items() if v is not None)
        self._put("weir.ini", text)
        self._put("users.txt", auth_lines(secrets))

    def _put(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            out.write(text)
        give_to_postgres(path)
        return path

    def put(self, name, text):
        """A further file in the daemon's folder; returns its path."""
        return self._put(name, text)

    def certificate(self, authority, name):
        """Key and certificate of that authority, readable by the daemon's user."""
        paths = authority.issue(name)
        copies = []
        for path in paths:
            with open(path) as source:
                copies.append(self._put(os.path.basename(path), source.read()))
        os.chmod(copies[0], 0o600)
        return copies

    # ---- life

    def start(self, **configuration):
        """Writes the configuration and starts; comes back when it listens."""
        for _ in range(SOCKET_TRIES):
            self.port = free_port()
            self.write(**configuration)
            self.spawn()
            until(lambda: self.process.poll() is not None or "process up" in self.log(), 20,
                  "the daemon says that it is up")
            if self.process.poll() is None:
                return self
            if "in use" not in self.log().lower():
                break
        raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log()}")

    def spawn(self, arguments=None, env=None, wrapper=()):
        """Starts the program: `weir serve FILE` unless other arguments are given; `wrapper` is a
        command that runs it."""
        if arguments is None:
            arguments = [self.ini] if IS_PGBOUNCER else ["serve", self.ini]
        environment = dict(os.environ)
        # a small quarantine: tests look at the resident memory
        options = environment.get("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        environment["ASAN_OPTIONS"] = options + ":quarantine_size_mb=4"
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
        environment.update(env or {})
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, BIN, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment, cwd=self.folder, **(unprivileged() if IS_PGBOUNCER else {}))
        self.exit_code = None

    def listens(self):
        socket.create_connection((self.host, self.port), 2).close()
        return True

    def signal(self, signo):
        self.process.send_signal(signo)

    def stop(self, deadline_s=15):
        """Asks it to end and returns the exit code."""
        if self.process is None:
            return self.exit_code
        if self.process.poll() is None:
            self.signal(signal.SIGINT if IS_PGBOUNCER else signal.SIGTERM)
        try:
            self.exit_code = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            self.process = None
            raise AssertionError(f"did not end within {deadline_s} s of SIGTERM") from None
        self.process = None
        return self.exit_code

    def forget(self, keep_files=False):
        """Ends it the hard way if it still runs, and removes its folder; log() still answers."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._last_log = self.log()
        if not keep_files:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        if not os.path.exists(self.log_path):
            return self._last_log
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def await_log(self, text, deadline_s=10):
        """Waits for a text in the log and returns the line."""
        def line():
            return next((line for line in self.log().splitlines() if text in line), None)
        return until(line, deadline_s, f"log line with {text!r}")

    def bad_signs(self):
        """Log lines that no run may have: sanitizer reports, broken invariants."""
        return [line for line in self.log().splitlines() if any(sign in line for sign in BAD_SIGNS)]

    # ---- clients

    def dsn(self, user="app", dbname="app", **more):
        return {"host": self.host, "port": self.port, "user": user, "dbname": dbname,
                "password": PASSWORDS.get(user, CONSOLE_PASSWORDS.get(user)),
                "connect_timeout": 20, **more}

    def connect(self, user="app", dbname="app", autocommit=True, **more):
        """A psycopg2 connection through the daemon."""
        connection = psycopg2.connect(**self.dsn(user, dbname, **more))
        connection.autocommit = autocommit
        return connection

    def sql(self, text, params=None, **more):
        """One statement on a connection of its own, through the daemon; rows as tuples."""
        connection = self.connect(**more)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text, params)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def console(self, text, user="admin"):
        """One command on the console; rows as dicts in the order of the columns."""
        connection = self.connect(user=user, dbname="pgbouncer",
                                  cursor_factory=psycopg2.extras.RealDictCursor)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def pool(self, user="app", database="app"):
        """The pool's row of SHOW POOLS, or None."""
        for row in self.console("SHOW POOLS"):
            if (row["database"], row["user"]) == (database, user):
                return row
        return None
