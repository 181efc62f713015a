"""A running horizon: an installation that serves on a port of the kernel's, and its clients."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import time

from .daemon import BAD_SIGNS
from .horizon import HORIZON, PASSWORD, Horizon
from .pg import PASSWORDS
from .wait import until

SECRET = "a secret of the tests, 32 bytes and more"


def _environment(more):
    environment = {**os.environ, **{name: str(value) for name, value in more.items()}}
    options = environment.get("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    environment["ASAN_OPTIONS"] = options + ":quarantine_size_mb=4"
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    environment.setdefault("TSAN_OPTIONS", "halt_on_error=1:second_deadlock_stack=1")
    return environment


def encode(data):
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims, secret=SECRET, header=None, digest=hashlib.sha256):
    """A token in compact form, signed by HMAC."""
    parts = [encode(json.dumps(part).encode())
             for part in (header or {"alg": "HS256", "typ": "JWT"}, claims)]
    mac = hmac.new(secret.encode(), ".".join(parts).encode(), digest).digest()
    return ".".join([*parts, encode(mac)])


class Answer:
    """What a request got: status, headers (lower case), body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of an error."""
        return self.json["error"]["code"]

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Service(Horizon):
    """An installation that serves. `role` is the one it connects as; another than app, which owns the
    database, is made a member of app."""

    def __init__(self, pg, database, role="app"):
        super().__init__(pg, database)
        self.role = role
        self.log_path = os.path.join(self.folder, "log")
        self.processes = []
        self.port = None

    @property
    def url(self):
        return self.url_at(self.pg.port)

    def url_at(self, port):
        return f"postgres://{self.role}:{PASSWORDS[self.role]}@127.0.0.1:{port}/{self.database}"

    # ---- life

    def start(self, *arguments, wait=True, **settings):
        """Starts a process (another one when one runs already) and waits until it serves."""
        environment = {
            "PORT": self.port or 0,
            "HORIZON_HOST": "127.0.0.1",
            "DATABASE_URL": self.url,
            "HORIZON_CREDENTIALS": self.credentials,
            "HORIZON_JWT_SECRET": SECRET,
            "HORIZON_LOG_LEVEL": "debug",
            **settings,
        }
        begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            process = subprocess.Popen([HORIZON, "serve", *arguments], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env=_environment(environment),
                                       cwd=self.folder)
        self.processes.append(process)
        if wait:
            self.await_start(process, begin)
        return process

    def await_start(self, process, begin=0):
        until(lambda: process.poll() is not None or " serves\n" in self.log()[begin:] or
              "share the port" in self.log()[begin:], 20, "horizon says that it serves")
        assert process.poll() is None, f"horizon ended with {process.returncode}:\n{self.log()}"
        self.port = int(re.search(r"listening on \S+ port (\d+)", self.log()[begin:]).group(1))

    def stop(self, process=None, deadline_s=30):
        """SIGTERM; the exit code."""
        process = process or self.processes[-1]
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            raise AssertionError(f"did not end within {deadline_s} s of SIGTERM") from None
        self.processes.remove(process)
        return code

    def forget(self, keep_files=False):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(10)
        self.processes = []
        if not keep_files:
            self.done()

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def await_log(self, text, deadline_s=10):
        """Waits for a text in the log and returns the line."""
        return until(lambda: next((line for line in self.log().splitlines() if text in line), None),
                     deadline_s, f"log line with {text!r}")

    def bad_signs(self):
        return [line for line in self.log().splitlines() if any(sign in line for sign in BAD_SIGNS)]

    # ---- clients

    def client(self, timeout=20):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, token=None, headers=None, client=None):
        """One request on a connection of its own (or on `client`)."""
        own = client or self.client()
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            own.request(method, path, body, headers)
            return Answer(own.getresponse())
        finally:
            if client is None:
                own.close()

    def get(self, path, token=None, **more):
        return self.ask("GET", path, token=token, **more)

    def login(self, login, password=PASSWORD):
        answer = self.ask("POST", "/api/auth/login", {"login": login, "password": password})
        assert answer.status == 200, answer
        return answer.json["access_token"]

    def claims(self, user_id, **more):
        now = int(time.time())
        return {"sub": user_id, "iat": now, "exp": now + 600, "iss": "horizon", "use": "access",
                "login": "somebody", **more}
