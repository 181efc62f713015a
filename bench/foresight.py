"""script/bench foresight: does the simulator tell the truth, and how fast is it?

Truth: the incident's load (pages of five requests of two transactions, arriving at random) runs for
real through weir, with pools of 5, 10 and 20 servers, half busy and busy to 80 %. The arrivals
and statement times that were seen are then played in virtual time. Compared are the median and the
99th percentile of how long requests waited for servers: within 15 % or 2 ms.

A statement is pg_sleep and tells how long it really ran, so that what is compared is the queue and
not this machine's timers. What a request waited is its latency less its statements' times and less
what a statement takes through an idle weir beyond its own time. For how long a server was lent beyond
its statement, as weir's metrics count it, is the simulator's round trip. What processors that others
use add to it cannot be told from waiting: only a quiet machine tells the truth. How late the load
generator was is printed beside it.
"""
import asyncio
import collections
import json
import os
import random
import statistics
import struct
import subprocess
import time
import urllib.request

from world import USER, BenchError, Proxy, free_port

REQUESTS = 5
TRANSACTIONS = 2
MEDIAN_S, SIGMA = 0.020, 0.8
SERVICE_MEAN_S = MEDIAN_S * 2.718281828459045 ** (SIGMA * SIGMA / 2)
POOLS = (5, 10, 20)
LOADS = (0.5, 0.8)
CLIENTS = 400
WARM_UP = 0.1
TOLERANCE, TOLERANCE_S = 0.15, 0.002
SEED = 20
OVERHEAD_TRIES = 60

SLEEP = ("SELECT pg_sleep({:.6f}), "
         "extract(epoch FROM clock_timestamp() - statement_timestamp())::float8")

Row = collections.namedtuple("Row", "pool load requests measured simulated late")

SCENARIO = """\
name = "pool {pool}, {load:.0%} busy"
duration = "{duration:.3f}s"
warmup = "{warm_up:.3f}s"
[database]
max_connections = -1
connect = "3ms"
[network]
round_trip = "{round_trip:.0f}us"
[application]
pool = "libweir"
pool_size = 1000
max_overflow = 0
max_connecting = 1000
[weir]
default_pool_size = {pool}
[[load]]
trace = "{arrivals}"
service_trace = "{services}"
requests = {requests}
transactions = {transactions}
"""

DAY = """\
duration = "1d"
[database]
plan = "heroku-essential-0"
[application]
processes = 2
pool = "libweir"
pool_size = 9
max_overflow = 0
[[load]]
rate = 10
requests = 5
transactions = 2
service = "lognormal 20ms 0.8"
outside = "2ms"
keep = false
"""


class Session(asyncio.Protocol):
    """One client of weir: sends one simple query at a time."""

    def __init__(self):
        self.buffer = b""
        self.ran = 0.0
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        body = struct.pack("!I", 196608) + f"user\0{USER}\0database\0{USER}\0\0".encode()
        transport.write(struct.pack("!I", len(body) + 4) + body)

    def data_received(self, data):
        self.buffer += data
        while len(self.buffer) >= 5:
            size = 1 + struct.unpack_from("!I", self.buffer, 1)[0]
            if len(self.buffer) < size:
                return
            kind, body, self.buffer = self.buffer[:1], self.buffer[5:size], self.buffer[size:]
            if kind == b"E" and not self.waiting.done():
                self.waiting.set_exception(BenchError(body.replace(b"\0", b" ").decode()))
            if kind == b"D":
                self.ran = float(last_column(body))
            if kind == b"Z" and not self.waiting.done():
                self.waiting.set_result(None)

    def connection_lost(self, error):
        if not self.waiting.done():
            self.waiting.set_exception(BenchError(f"weir closed a connection: {error}"))

    async def sleep(self, seconds):
        """Runs pg_sleep; returns how long the answer took and how long the statement ran."""
        body = f"{SLEEP.format(seconds)}\0".encode()
        self.waiting = asyncio.get_running_loop().create_future()
        begin = time.perf_counter()
        self.transport.write(b"Q" + struct.pack("!I", len(body) + 4) + body)
        await self.waiting
        return time.perf_counter() - begin, self.ran


def last_column(row):
    """Of a DataRow's body, as text."""
    count, at, value = struct.unpack_from("!H", row)[0], 2, b""
    for _ in range(count):
        size = struct.unpack_from("!i", row, at)[0]
        value, at = row[at + 4:at + 4 + size], at + 4 + size
    return value


async def connect(port):
    _, session = await asyncio.get_running_loop().create_connection(Session, "127.0.0.1", port)
    await session.waiting
    return session


async def overhead_of(session):
    """What a statement takes beyond its own time when nothing else is going on."""
    tries = [await session.sleep(0.005) for _ in range(OVERHEAD_TRIES)]
    return max(0.0, statistics.median(latency - ran for latency, ran in tries))


def read_hold(url):
    """Seconds for which servers were lent, and how often, since weir began."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return [sum(float(line.split()[-1]) for line in lines
                if line.startswith(f"weir_pool_hold_seconds_{what}{{")) for what in ("sum", "count")]


# ---- one run ------------------------------------------------------------------------------------


class Run:
    """One configuration: its arrivals, statement times, and what was measured."""

    def __init__(self, pool, load, seconds, seed):
        draw = random.Random(seed)
        hold = SERVICE_MEAN_S + 0.001
        rate = load * pool / (REQUESTS * TRANSACTIONS * hold)
        self.pool, self.load, self.seconds = pool, load, seconds
        self.arrivals = []
        at = draw.expovariate(rate)
        while at < seconds:
            self.arrivals.append(at)
            at += draw.expovariate(rate)
        count = len(self.arrivals) * REQUESTS * TRANSACTIONS
        self.services = [round(draw.lognormvariate(0, SIGMA) * MEDIAN_S, 6) for _ in range(count)]
        self.ran = list(self.services)
        self.came = []
        self.next_service = 0
        self.waits = []
        self.late = []
        self.overhead = self.round_trip = 0.0

    async def request(self, free, is_counted):
        session = free.pop()
        waited = 0.0
        for _ in range(TRANSACTIONS):
            # in the order in which transactions ask for a server, as the simulator takes them
            which, self.next_service = self.next_service, self.next_service + 1
            latency, self.ran[which] = await session.sleep(self.services[which])
            waited += max(0.0, latency - self.ran[which] - self.overhead)
        free.append(session)
        if is_counted:
            self.waits.append(waited)

    async def measure(self, port, metrics):
        free = [await connect(port) for _ in range(CLIENTS)]
        self.overhead = await overhead_of(free[0])
        before = read_hold(metrics)
        tasks = []
        begin = time.perf_counter() + 0.2
        for at in self.arrivals:
            await asyncio.sleep(max(0.0, begin + at - time.perf_counter()))
            self.came.append(time.perf_counter() - begin)
            self.late.append(self.came[-1] - at)
            if len(free) < REQUESTS:
                raise BenchError("the queue outgrew the load generator's connections")
            tasks += [asyncio.ensure_future(self.request(free, at >= WARM_UP * self.seconds))
                      for _ in range(REQUESTS)]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        held, count = (after - earlier for after, earlier in zip(read_hold(metrics), before))
        self.round_trip = max(0.0, held / count - statistics.mean(self.ran))
        for session in free:
            session.transport.close()

    def simulate(self, world, weir):
        """What came, and how long each statement ran, in virtual time."""
        name = f"foresight.{self.pool}.{self.load}"
        paths = {kind: world.write(f"{name}.{kind}", "\n".join(f"{n:.6f}" for n in numbers))
                 for kind, numbers in (("arrivals", self.came), ("services", self.ran))}
        scenario = world.write(f"{name}.toml", SCENARIO.format(
            pool=self.pool, load=self.load, duration=self.seconds, requests=REQUESTS,
            warm_up=WARM_UP * self.seconds, transactions=TRANSACTIONS,
            round_trip=self.round_trip * 1e6, **paths))
        return run_weir(weir, "simulate", "--json", scenario)["total"]["wait"]


def run_weir(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def start_weir(world, weir, pool):
    """The proxy, and the URL of its metrics."""
    port, http_port = free_port(), free_port()
    config = world.write(f"foresight.{port}.ini", f"""[databases]
{USER} = host=127.0.0.1 port={world.pg_port} dbname={USER}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {world.write(f"foresight.{port}.users", f'"{USER}" "any"')}
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = {2 * CLIENTS}
http_listen = 127.0.0.1:{http_port}
log_connections = 0
log_disconnections = 0
""")
    process = world.start([weir, "serve", config])
    world.await_answer(process, port, USER, USER)
    return Proxy("weir", process, port), f"http://127.0.0.1:{http_port}/metrics"


def measure(world, weir, seconds, say):
    rows = []
    for pool in POOLS:
        for load in LOADS:
            say(f"pool of {pool}, {load:.0%} busy, {seconds:g} s")
            run = Run(pool, load, seconds, SEED + pool)
            proxy, metrics = start_weir(world, weir, pool)
            asyncio.run(run.measure(proxy.port, metrics))
            world.stop(proxy.process)
            waits = sorted(run.waits)
            measured = {"p50": quantile(waits, 0.5), "p99": quantile(waits, 0.99)}
            rows.append(Row(pool, load, len(waits), measured, run.simulate(world, weir),
                            quantile(sorted(run.late), 0.99)))
    return rows


def quantile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


# ---- what it comes to ---------------------------------------------------------------------------


def agrees(measured, simulated):
    return abs(simulated - measured) <= max(TOLERANCE * measured, TOLERANCE_S)


def table(rows):
    ms = 1e3
    lines = [f"{'pool':>4} {'busy':>5} {'requests':>9}   {'p50 measured':>12} {'simulated':>9} {'':>5}"
             f"   {'p99 measured':>12} {'simulated':>9} {'':>5}   {'late p99':>8}"]
    for row in rows:
        cells = f"{row.pool:>4} {row.load:>5.0%} {row.requests:>9}"
        for name in ("p50", "p99"):
            real, model = row.measured[name], row.simulated[name]
            verdict = "ok" if agrees(real, model) else "OFF"
            cells += f"   {real * ms:>9.1f} ms {model * ms:>6.1f} ms {verdict:>5}"
        lines.append(f"{cells}   {row.late * ms:>5.1f} ms")
    good = sum(agrees(r.measured[n], r.simulated[n]) for r in rows for n in ("p50", "p99"))
    lines.append(f"\n{good} of {2 * len(rows)} agree within {TOLERANCE:.0%} or "
                 f"{TOLERANCE_S * ms:.0f} ms (target: all)")
    return "\n".join(lines)


def speed(world, weir):
    """A day of the incident's traffic, and a plan; the best of three."""
    scenario = world.write("day.toml", DAY)
    commands = {"day": [weir, "simulate", "--json", scenario],
                "plan": [weir, "plan", "--json", "--plan=heroku-essential-0", "--processes=2",
                         "--rate=25"]}
    best, events = {}, 0
    for name, command in commands.items():
        for _ in range(3):
            begin = time.perf_counter()
            answer = run_weir(*command)
            spent = time.perf_counter() - begin
            best[name] = min(spent, best.get(name, spent))
        events = answer.get("core_events", events)
    return (f"a day of 10 pages a second: {best['day']:.2f} s, {events:,} events of cores, "
            f"{events / best['day'] / 1e6:.1f} million a second (targets: below 10 s, above 2 million)\n"
            f"weir plan: {best['plan']:.2f} s (target: below 5 s)")


def report_json(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        json.dump([row._asdict() for row in rows], file, indent=1)


def run(world, weir, arguments, say):
    seconds = 8 if arguments.quick else 60
    print(f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.2f} before the "
          f"run, {time.strftime('%Y-%m-%d %H:%M:%S')}\n", flush=True)
    world.start_postgres()
    rows = measure(world, weir, seconds, say)
    print(f"Wait of requests for servers, {seconds} s each; the same arrivals and statement times.\n")
    print(table(rows))
    print(speed(world, weir))
    print(f"load now {os.getloadavg()[0]:.2f}")
    if arguments.json:
        report_json(arguments.json, rows)
