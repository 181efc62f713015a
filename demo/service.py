"""The portfolio service as programs: horizon, and the old stack that has the same five requests.

    with Service.horizon(program, installation) as service:      # or Service.old_stack(installation)
        report = verify(program, service, pages=200, at_once=50)

An Installation is a database with the demonstration's user and the files that belong to it.
"""
import contextlib
import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time

from ports import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
START_SECONDS = 20
VERIFY_SECONDS = 300
OLD_PROCESSES = 2  # of the old stack, as it was


class ServiceError(Exception):
    """What the caller prints instead of a traceback."""


def has_old_stack():
    """Whether Debian's packages of the old stack are installed."""
    return all(importlib.util.find_spec(name) for name in ("fastapi", "uvicorn", "sqlalchemy", "asyncpg"))


class Installation:
    """A migrated database with the demonstration's user; `url` is how the service connects."""

    def __init__(self, program, folder, owner_url):
        self.program, self.folder = program, folder
        self.credentials = os.path.join(folder, "horizon.credentials")
        self.password = secrets.token_hex(8)
        self.password_file = os.path.join(folder, "password")
        with open(self.password_file, "w", encoding="utf-8",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(self.password + "\n")
        for verb in (["migrate"], ["import", "--demo", "--password-file", self.password_file]):
            self.run(*verb, DATABASE_URL=owner_url)

    def run(self, *arguments, **environment):
        done = subprocess.run(
            [self.program, *arguments], capture_output=True, text=True, check=False,
            env={**os.environ, "HORIZON_CREDENTIALS": self.credentials, **environment})
        if done.returncode != 0:
            raise ServiceError(f"horizon {arguments[0]}: {done.stderr.strip()}")
        return done.stdout


class Service:
    """One started service on a port of its own."""

    def __init__(self, installation, name, command, environment):
        self.installation = installation
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = os.path.join(installation.folder, f"{name}.{self.port}.log")
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [part.replace("PORT", str(self.port)) for part in command], cwd=HERE,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **environment, "PORT": str(self.port)})
        try:
            self._await()
        except BaseException:
            self.stop()
            raise

    @classmethod
    def horizon(cls, installation, url, **settings):
        return cls(installation, "horizon", [installation.program, "serve"],
                   {"DATABASE_URL": url, "HORIZON_HOST": "127.0.0.1", "HORIZON_LOG_LEVEL": "warning",
                    "HORIZON_JWT_SECRET": secrets.token_hex(32),
                    "HORIZON_CREDENTIALS": installation.credentials, **settings})

    @classmethod
    def old_stack(cls, installation, url):
        return cls(installation, "old", [
            sys.executable, "-B", "-m", "uvicorn", "old_stack:app", "--host", "127.0.0.1", "--port",
            "PORT", "--workers", str(OLD_PROCESSES), "--no-access-log", "--log-level", "warning"],
            {"DATABASE_URL": url, "OLD_STACK_PASSWORD": installation.password})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _await(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        raise ServiceError("the service does not start:\n" + self.log())

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-15:])

    def stop(self):
        """Ends it and the processes that it has started."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def cpu_seconds(self):
        """User and system time of its processes so far."""
        pids, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            pids.append(pid)
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children",
                                                    encoding="ascii") as file:
                todo += [int(child) for child in file.read().split()]
        return sum(cpu_of(pid) for pid in pids)


def cpu_of(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def verify(service, pages, at_once, sample=1):
    """`horizon verify --json` against the service: its report; "verified" says whether all was well."""
    installation = service.installation
    done = subprocess.run(
        [installation.program, "verify", service.url, "--password-file", installation.password_file,
         "--pages", str(pages), "--concurrency", str(at_once), "--sample", str(sample), "--json"],
        capture_output=True, text=True, timeout=VERIFY_SECONDS, check=False)
    if not done.stdout.strip():
        raise ServiceError(done.stderr.strip() or "horizon verify says nothing")
    return json.loads(done.stdout)
