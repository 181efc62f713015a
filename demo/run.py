"""The incident, and the same load through weir. Started by script/demo.

Four runs against a private PostgreSQL whose role may have 20 connections, four against a
stand-in for a session-mode pooler that lets 15 clients in: with SQLAlchemy and with asyncpg's
own pool, directly and through weir. The load is the same each time: two processes of the
application, 60 pages at once, five requests a page. The demo judges itself: it fails unless
every direct run failed because of the limit, no request through weir failed, and PostgreSQL
never saw more connections than the limit. portfolio.py then does the same with horizon, the
service on libweir, on real prices.

weir is given default_pool_size = 30, what the remedy asks for and the server does not have: so
weir has to find the real limit by itself, and SHOW POOLS shows what it found. Each upstream has
a role of its own, so that the connections that one weir keeps do not use up the limit that the
next run needs.

Without --once everything stays up until Ctrl-C, to be looked at with psql. The weir that is
tried is build/weir, or what WEIR_BIN names.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time

import asyncpg

import portfolio
from ports import free_port
from postgres import PrivatePostgres
from watch import DemoFailed, sample_peak, wait_quiet

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = os.environ.get("WEIR_BIN") or os.path.join(os.path.dirname(HERE), "build", "weir")

ASKED_POOL_SIZE = 30
PROCESSES = 2
PAGES = 100  # per process
AT_ONCE = 30  # per process
PAGES_ALL = PROCESSES * PAGES
AT_ONCE_ALL = PROCESSES * AT_ONCE
RUN_SECONDS_MAX = 120
START_SECONDS_MAX = 15

Upstream = collections.namedtuple("Upstream", "title role limit refusal")
SERVER = Upstream("PostgreSQL, whose role may have 20 connections", "app", 20,
                  "too many connections for role")
POOLER = Upstream("A hosted session-mode pooler (a stand-in for one) that lets 15 clients in",
                  "hosted", 15, "max clients reached")

CONFIG = """\
[databases]
portfolio = host=127.0.0.1 port={upstream} dbname=portfolio
horizon = host=127.0.0.1 port={upstream} dbname=horizon pool_size={horizon_size}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
admin_users = {role}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
"""

INTRODUCTION = f"""\
The load: two processes of a web application, each with the usual pool: 20 connections and 10 more
when busy. {PAGES_ALL} pages are loaded, {AT_ONCE_ALL} at once; each page fires five requests at once.

p50, p99  how long a request took, of those that were answered
peak      connections to PostgreSQL at the busiest moment, sampled from pg_stat_activity
"""
WHAT_YOU_SEE = """
What you see: directly, whoever comes when all {limit} are taken is refused, and the page answers 500.
asyncpg's pool opens its 20 at the start: refused, the application does not even start. Through
weir, with nothing changed but the URL, everybody is served in turn. weir was configured with {asked}
servers, was refused, and learned that {limit} is the ceiling. SHOW POOLS on its console (in part):
"""
ROW = "{:<26} {:>8} {:>6} {:>8} {:>8} {:>4}  {}"
POOL_COLUMNS = ("database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "pool_mode",
                "ceiling")


class Weir:
    """One `weir serve FILE` in front of the upstream at a port."""

    def __init__(self, folder, upstream, upstream_port, password):
        self.role, self.password = upstream.role, password
        self.port = free_port()
        self.url = make_url(upstream.role, password, self.port)
        self.base = os.path.join(folder, "weir-" + upstream.role)
        self.file = self.base + ".ini"
        write_private(self.base + ".users", f'"{upstream.role}" "{password}"\n')
        write_private(self.file, CONFIG.format(
            upstream=upstream_port, port=self.port, users=self.base + ".users", role=self.role,
            pool_size=ASKED_POOL_SIZE, horizon_size=portfolio.POOL_SIZE))
        self.process = None

    async def start(self):
        with open(self.base + ".log", "w", encoding="utf-8") as log:
            self.process = start([WEIR, "serve", self.file], stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise DemoFailed("weir does not start:\n" + self.log())

    def log(self):
        with open(self.base + ".log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def pools(self):
        """What psql prints for SHOW POOLS, as a list of dictionaries."""
        done = subprocess.run(
            ["psql", "-XA", "-F", "\t", "-P", "footer=off", "-h", "127.0.0.1", "-p", str(self.port),
             "-U", self.role, "-d", "pgbouncer", "-c", "SHOW POOLS"],
            env={**os.environ, "PGPASSWORD": self.password}, capture_output=True, text=True,
            check=False)
        if done.returncode != 0:
            raise DemoFailed("SHOW POOLS: " + done.stderr.strip())
        head, *rows = [line.split("\t") for line in done.stdout.splitlines()]
        return [dict(zip(head, row)) for row in rows]

    def stop(self):
        stop(self.process)


def make_url(role, password, port):
    return f"postgresql://{role}:{password}@127.0.0.1:{port}/portfolio"


def write_private(path, text):
    with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as file:
        file.write(text)


def start(command, **more):
    """A program in a session of its own: Ctrl-C reaches only us, and we stop it in order."""
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **more)
    except OSError as error:
        raise DemoFailed(f"cannot start {command[0]}: {error.strerror}") from None


def stop(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def start_pooler(upstream_port):
    """The stand-in as a program of its own; returns (process, port)."""
    process = start([sys.executable, os.path.join(HERE, "standin.py"),
                     "--upstream", f"127.0.0.1:{upstream_port}", "--pool-size", str(POOLER.limit)],
                    stdout=subprocess.PIPE, text=True)
    line = await asyncio.to_thread(process.stdout.readline)
    if not line.startswith("port "):
        stop(process)
        raise DemoFailed("the stand-in for the pooler does not start")
    return process, int(line.split()[1])


async def run_load(url, driver):
    """The application's processes, started together; their results added up."""
    applications = []
    try:
        for _ in range(PROCESSES):
            applications.append(await asyncio.create_subprocess_exec(
                sys.executable, os.path.join(HERE, "load.py"), url, "--driver", driver,
                "--pages", str(PAGES), "--at-once", str(AT_ONCE), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, start_new_session=True, limit=2**24))
        for application in applications:
            await application.stdout.readline()
        for application in applications:
            application.stdin.write(b"go\n")
        lines = [await asyncio.wait_for(application.stdout.readline(), RUN_SECONDS_MAX)
                 for application in applications]
        for application in applications:
            await application.wait()
    except asyncio.TimeoutError:
        raise DemoFailed(f"the application was not done after {RUN_SECONDS_MAX} s") from None
    finally:
        for application in applications:
            if application.returncode is None:
                application.kill()
                await application.wait()
    if not all(lines):
        raise DemoFailed("the application ended without a result")
    results = [json.loads(line) for line in lines]
    return {"requests": sum(result["requests"] for result in results),
            "seconds": sorted(second for result in results for second in result["seconds"]),
            "errors": sum((collections.Counter(result["errors"]) for result in results),
                          collections.Counter())}


async def measure(watcher, role, title, url, driver):
    """One row of the table, printed and returned."""
    peak = [0]
    sampler = asyncio.create_task(sample_peak(watcher, role, peak))
    try:
        result = await run_load(url, driver)
    finally:
        sampler.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sampler
    result["failed"] = result["errors"].total()
    result["peak"] = peak[0]
    error = result["errors"].most_common(1)[0][0] if result["errors"] else ""
    print(ROW.format(title, result["requests"], result["failed"],
                     milliseconds(result["seconds"], 0.50), milliseconds(result["seconds"], 0.99),
                     result["peak"], error).rstrip(), flush=True)
    return result


def milliseconds(seconds, share):
    return f"{seconds[int(share * (len(seconds) - 1))] * 1000:.0f} ms" if seconds else "-"


def judge(title, upstream, result, is_direct):
    """The promise for one row; raises when it was not kept."""
    if result["peak"] > upstream.limit:
        raise DemoFailed(f"{title}: {result['peak']} server connections, {upstream.limit} allowed")
    if is_direct and not any(upstream.refusal in text for text in result["errors"]):
        raise DemoFailed(f"{title}: no request was refused with \"{upstream.refusal}\"; "
                         f"errors: {frequent(result['errors'])}")
    if not is_direct and (result["failed"] or len(result["seconds"]) != result["requests"]):
        raise DemoFailed(f"{title}: {result['failed']} of {result['requests']} requests failed; "
                         f"errors: {frequent(result['errors'])}")


def frequent(errors):
    """The three most frequent texts of a Counter, each with its number."""
    return "; ".join(f"{count} x {text}" for text, count in errors.most_common(3)) or "none"


async def compare(watcher, upstream, direct_url, weir):
    """The four rows of one upstream: first directly, then with nothing changed but the URL."""
    print(f"\n{upstream.title}\n")
    print(ROW.format("run", "requests", "failed", "p50", "p99", "peak", "most frequent error"))
    for way, url in (("directly", direct_url), ("through weir", weir.url)):
        if url == weir.url:
            await weir.start()
        for driver in ("sqlalchemy", "asyncpg"):
            if url == direct_url:
                await wait_quiet(watcher, upstream.role)
            title = f"{driver}, {way}"
            result = await measure(watcher, upstream.role, title, url, driver)
            judge(title, upstream, result, url == direct_url)


def show_ceiling(upstream, weir):
    """Part of SHOW POOLS; raises unless the ceiling that weir learned is the real limit."""
    print(WHAT_YOU_SEE.format(asked=ASKED_POOL_SIZE, limit=upstream.limit))
    pools = [pool for pool in weir.pools() if pool["database"] == "portfolio"]
    for row in (dict(zip(POOL_COLUMNS, POOL_COLUMNS)), *pools):
        print("  " + " ".join(f"{row.get(name, ''):<10}" for name in POOL_COLUMNS).rstrip())
    ceilings = [pool.get("ceiling") for pool in pools]
    if ceilings != [str(upstream.limit)]:
        raise DemoFailed(f"SHOW POOLS shows ceiling {ceilings}, not {upstream.limit}")


def prepare(server, password):
    """Both roles and the application's tables."""
    with open(os.path.join(HERE, "schema.sql"), encoding="utf-8") as file:
        schema = file.read()
    server.psql(f"CREATE ROLE {SERVER.role} LOGIN PASSWORD '{password}'"
                f" CONNECTION LIMIT {SERVER.limit};"
                f"CREATE ROLE {POOLER.role} LOGIN PASSWORD '{password}'")
    server.psql("CREATE DATABASE portfolio")
    server.psql(f"{schema} GRANT SELECT ON ALL TABLES IN SCHEMA public"
                f" TO {SERVER.role}, {POOLER.role}", "portfolio")


async def demo(options, server, folder):
    password = secrets.token_hex(12)
    prepare(server, password)
    watcher = await asyncpg.connect(host=server.socket_folder, port=server.port, user="postgres",
                                    database="postgres")
    with contextlib.ExitStack() as stack:
        print(INTRODUCTION, end="")
        ports = [server.port]
        weirs = []
        for upstream in (SERVER, POOLER):
            if upstream is POOLER:
                pooler, port = await start_pooler(server.port)
                stack.callback(stop, pooler)
                ports.append(port)
            weir = Weir(folder, upstream, ports[-1], password)
            stack.callback(weir.stop)
            await compare(watcher, upstream, make_url(upstream.role, password, ports[-1]), weir)
            show_ceiling(upstream, weir)
            weirs.append(weir)
        weir = Weir(folder, portfolio.UPSTREAM, server.port, password)
        stack.callback(weir.stop)
        await portfolio.show(watcher, server, folder, weir, stack)
        print("\nThe promise held: every request through weir and to horizon was answered, within the "
              "limit.")
        if not options.once:
            await stay(weirs, server)
    await watcher.close()


async def stay(weirs, server):
    print(f"""
Everything stays up until Ctrl-C. Try, in another terminal:

  through weir       psql {weirs[0].url}
  the pooler case    psql {weirs[1].url}
  weir's console     psql {weirs[0].url.rsplit("/", 1)[0]}/pgbouncer -xc 'SHOW POOLS'
  the server itself  psql -h {server.socket_folder} -p {server.port} -U postgres portfolio
""", flush=True)
    await asyncio.Event().wait()


async def run(options):
    main_task = asyncio.current_task()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, main_task.cancel)
    with tempfile.TemporaryDirectory(prefix="weir-demo-") as folder:
        with PrivatePostgres() as server:
            await demo(options, server, folder)


def main():
    parser = argparse.ArgumentParser(prog="script/demo", description="The incident, and weir.")
    parser.add_argument("--once", action="store_true",
                        help="end when the table is complete instead of staying up")
    options = parser.parse_args()
    try:
        asyncio.run(run(options))
    except DemoFailed as failure:
        print(f"\nThe promise did NOT hold. {failure}", flush=True)
        return 1
    except asyncio.CancelledError:
        print("\nStopped; nothing is left running.")
        return 0 if not options.once else 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
