"""A private PostgreSQL: its own folder, its own port, gone without a trace at the end.

    with PrivatePostgres() as server:
        server.psql("CREATE ROLE ...")
        connect(host="127.0.0.1", port=server.port, ...)

The cluster lives in a fresh temporary folder together with its Unix socket; nothing of a
PostgreSQL that is already installed and running is touched. PostgreSQL refuses to run as root: a
caller who is root gets it run as the user postgres, anybody else as themselves. Logins over TCP
need a password (SCRAM); the socket, which only root and the owner can reach, needs none.

Durability is switched off: the data is thrown away anyway. This is a server for tests and
demonstrations.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from ports import free_port

START_ATTEMPTS = 5
START_SECONDS = 30
STOP_SECONDS = 15


def find_bin():
    """The folder of PostgreSQL's programs: WEIR_PG_BIN, else the newest that Debian installed."""
    if os.environ.get("WEIR_PG_BIN"):
        return os.environ["WEIR_PG_BIN"]
    found = [os.path.dirname(path) for path in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    if not found:
        raise RuntimeError("no PostgreSQL server is installed; run script/setup")
    return max(found, key=lambda path: int(path.split("/")[4]))


class PrivatePostgres:
    def __init__(self, settings=None):
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "password_encryption": "scram-sha-256",
            "max_connections": "100",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "logging_collector": "off",
            **(settings or {}),
        }
        self.bin = find_bin()
        self.owner = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            self.owner = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.folder = None
        self.port = None
        self.process = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="weir-pg-")
        try:
            if self.owner:
                os.chown(self.folder, self.owner["user"], self.owner["group"])
            self._initdb()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGINT)  # fast shutdown: ends all sessions
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def socket_folder(self):
        return self.folder

    def psql(self, sql, database="postgres"):
        """Runs SQL as the superuser through the socket; raises with psql's message if it fails."""
        return self._run(
            [f"{self.bin}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.folder,
             "-p", str(self.port), "-U", "postgres", "-d", database], input=sql)

    def log(self):
        with open(self.folder + "/log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def _run(self, command, **more):
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=self._env(),
                              check=False, **self.owner, **more)
        if done.returncode != 0:
            raise RuntimeError(f"{os.path.basename(command[0])} failed: {done.stderr.strip()}")
        return done.stdout

    @staticmethod
    def _env():
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _initdb(self):
        self._run([f"{self.bin}/initdb", "-D", self.folder + "/data", "-U", "postgres",
                   "-E", "UTF8", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256"])

    def _start(self):
        """Starts the server; another program may snatch the probed port, so try more than once."""
        for _ in range(START_ATTEMPTS):
            self.port = free_port()
            command = [f"{self.bin}/postgres", "-D", self.folder + "/data", "-p", str(self.port),
                       "-k", self.folder]
            for name, value in self.settings.items():
                command += ["-c", f"{name}={value}"]
            with open(self.folder + "/log", "a", encoding="utf-8") as log:
                # A session of its own: Ctrl-C at the terminal is for us, and we stop it in order.
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log, cwd="/", env=self._env(),
                                                start_new_session=True, **self.owner)
            if self._wait_ready():
                return
        raise RuntimeError("PostgreSQL does not start:\n" + self.log())

    def _wait_ready(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.psql("SELECT 1")
                return True
            except RuntimeError:
                time.sleep(0.1)
        if self.process.poll() is None:
            raise RuntimeError("PostgreSQL does not answer:\n" + self.log())
        self.process = None
        return False
