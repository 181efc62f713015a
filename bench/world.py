"""The private world of a measurement: one PostgreSQL, proxies in front of it, and their end.

Everything lives in one temporary directory and on 127.0.0.1, with ports of its own, and is
gone when the World is closed, also after an error or a signal: children are stopped by their own
process id, and the kernel kills them should this process be killed itself.

PostgreSQL and all proxies run as the same unprivileged user: `postgres` when started by root, else
whoever starts the benchmark. Weir and PgBouncer read the same configuration text, so that no row
compares two settings.
"""
import base64
import ctypes
import hashlib
import hmac
import os
import pwd
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))

from ports import free_port  # noqa: E402  (it lies beside the demonstration)

PG_BIN = os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin")
PGBOUNCER = "/usr/sbin/pgbouncer"
USER = "bench"
PASSWORD = "a-password-only-for-the-benchmark"
POOL_SIZE = 20
MAX_CLIENTS = 10_500
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """What the caller prints instead of a traceback."""


def scram_verifier(password, salt=b"0123456789abcdef", rounds=4096):
    """The verifier that PostgreSQL would store (RFC 5803). A fixed salt: it guards nothing."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    text = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${rounds}:{text[0]}${text[1]}:{text[2]}"


def raise_file_limit():
    """Room for one descriptor per idle client, in this process and all that it starts."""
    wanted = 2 * MAX_CLIENTS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return
        except (ValueError, PermissionError):
            wanted = hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))


def keep_cpus_awake():
    """Until this process ends the kernel lets a CPU that has no work wait for some instead of putting
    it to sleep (its PM quality of service; tuned's profile latency-performance asks for the same).
    Of a virtual machine's transaction with one client two thirds can be its host waking CPUs up, for
    which it takes once 20 us and then 150: that is not what is measured here. False: not allowed."""
    try:
        device = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
        os.write(device, (0).to_bytes(4, "little"))
    except OSError:
        return False
    return True


class Proxy:
    """One started proxy: its name in tables, its process, its port."""

    def __init__(self, name, process, port):
        self.name = name
        self.process = process
        self.port = port

    @property
    def pid(self):
        return self.process.pid


class World:
    def __init__(self):
        self.children = []
        self.log_count = 0
        self.directory = tempfile.mkdtemp(prefix="weir-bench-")
        os.chmod(self.directory, 0o755)
        account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.user_id, self.group_id = account.pw_uid, account.pw_gid
        self.binaries = self.make_directory("bin")
        self.data = self.make_directory("data")
        self.pg_port = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for process, stop_signal in reversed(self.children):
            self.stop_process(process, stop_signal)
        self.children.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- files ---------------------------------------------------------------------------------

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def make_directory(self, name):
        path = self.path(name)
        os.mkdir(path, 0o700 if name == "data" else 0o755)
        os.chown(path, self.user_id, self.group_id)
        return path

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chown(path, self.user_id, self.group_id)
        return path

    def copy_program(self, program):
        """A copy that the unprivileged user can reach and that a rebuild does not change."""
        target = os.path.join(self.binaries, os.path.basename(program))
        shutil.copyfile(program, target)
        os.chmod(target, 0o755)
        return target

    # ---- processes -----------------------------------------------------------------------------

    def start(self, command, stop_signal=signal.SIGTERM, **more):
        """Starts a child as the unprivileged user, its output in a log of its own."""
        self.log_count += 1
        log_path = self.path(f"log.{self.log_count}")
        if os.geteuid() == 0:
            more.update(user=self.user_id, group=self.group_id, extra_groups=[])
        with open(log_path, "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, cwd=self.directory, stdout=more.pop("stdout", log), stderr=log,
                stdin=more.pop("stdin", subprocess.DEVNULL),
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, stop_signal), **more)
        process.log_path = log_path
        self.children.append((process, stop_signal))
        return process

    def stop_process(self, process, stop_signal):
        if process.poll() is None:
            process.send_signal(stop_signal)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop(self, process):
        for entry in self.children:
            if entry[0] is process:
                self.stop_process(*entry)
                self.children.remove(entry)
                return

    def log_tail(self, process):
        with open(process.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-15:])

    def psql(self, port, statement, user="postgres", database="postgres"):
        return subprocess.run(
            [f"{PG_BIN}/psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", user,
             "-c", statement, database], env={"PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "5"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def await_answer(self, process, port, user, database, seconds=15):
        """Waits until a query works through `port`; fails with the child's own words."""
        deadline = time.monotonic() + seconds
        while True:
            result = self.psql(port, "SELECT 1", user, database)
            if result.returncode == 0:
                return
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{process.args[0]} does not serve: {result.stderr.strip()}\n"
                                 f"{self.log_tail(process)}")
            time.sleep(0.05)

    # ---- PostgreSQL ----------------------------------------------------------------------------

    def start_postgres(self):
        initdb = self.start([f"{PG_BIN}/initdb", "-D", self.data, "-A", "trust", "-U", "postgres",
                             "--no-sync", "--locale=C", "-E", "UTF8"])
        if initdb.wait() != 0:
            raise BenchError(f"initdb failed:\n{self.log_tail(initdb)}")
        self.pg_port = free_port()
        settings = {"listen_addresses": "127.0.0.1", "port": self.pg_port, "fsync": "off",
                    "max_connections": 300, "unix_socket_directories": self.directory,
                    "autovacuum": "off", "synchronous_commit": "off", "max_wal_size": "1GB"}
        command = [f"{PG_BIN}/postgres", "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        os.chown(self.directory, self.user_id, self.group_id)
        postgres = self.start(command, stop_signal=signal.SIGINT)
        self.await_answer(postgres, self.pg_port, "postgres", "postgres", seconds=30)
        for statement in (f"CREATE ROLE {USER} SUPERUSER LOGIN", f"CREATE DATABASE {USER}"):
            if self.psql(self.pg_port, statement).returncode != 0:
                raise BenchError(f"cannot prepare the database: {statement}")
        subprocess.run([f"{PG_BIN}/pgbench", "-i", "-q", "-s", "1", "-h", "127.0.0.1", "-p",
                        str(self.pg_port), "-U", USER, USER], check=True, capture_output=True)

    # ---- proxies -------------------------------------------------------------------------------

    def proxy_config(self, port, auth):
        """One text for both: PgBouncer's dialect. Nothing is logged on either side."""
        users = self.write(f"users.{port}", f'"{USER}" "{scram_verifier(PASSWORD)}"\n')
        return self.write(f"proxy.{port}.ini", f"""[databases]
{USER} = host=127.0.0.1 port={self.pg_port} dbname={USER}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = {auth}
auth_file = {users}
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = {MAX_CLIENTS}
so_reuseport = 0
log_connections = 0
log_disconnections = 0
log_pooler_errors = 0
log_stats = 0
""")

    def start_pooler(self, name, program, auth="trust"):
        """`program` is weir or anything that takes PgBouncer's command line."""
        port = free_port()
        is_weir = os.path.basename(program) == "weir"
        config = self.proxy_config(port, auth)
        process = self.start([program, "serve" if is_weir else "-q", config])
        self.await_answer(process, port, USER, USER)
        return Proxy(name, process, port)

    def start_relay(self, program):
        port = free_port()
        process = self.start([program, str(port), str(self.pg_port)])
        self.await_answer(process, port, USER, USER)
        return Proxy("relay", process, port)

    def direct(self):
        return Proxy("direct", None, self.pg_port)
