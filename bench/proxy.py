"""The suite `proxy`: what a proxy costs per transaction, per login and per idle client.

Weir and PgBouncer take turns within every round (A B A B), so that a slow minute of the machine
hits both; the table has the medians of the rounds and the median of their ratios. The raw relay and
PostgreSQL itself, measured in the same turns, say what the kernel alone costs. Where the sides are
close the rounds are many and short, and the loads of all sides stay while they take turns: a machine
is faster in one second than in the next, and a run settles in one of several regimes (who sleeps, who
shares a CPU with whom), so that a longer reading repeats one draw where another round draws again.
The CPUs are kept awake meanwhile (world.py), where that is allowed.

Rows are made here, printed by report.py, read by load.py, served by world.py.
"""
import collections
import resource
import subprocess
import time

import load
from report import Row
from world import USER, BenchError

Side = collections.namedtuple("Side", "name program")

ATTEMPTS = 3  # at one reading: a machine that stands still for a second spoils it
CLOSE_CLIENTS = 16  # up to so many, and with logins, a few rounds do not tell the two apart:
CLOSE_FACTOR = 10  # so many times as many rounds, each of
CLOSE_SHARE = 1 / 6  # so much of the time
IDLE_CLIENTS = 10_000
IDLE_SECONDS = 3
LOGIN_CLIENTS = 16

# (clients, pgbench mode, who takes part)
ALL = ("weir", "pgbouncer", "relay", "direct")
THROUGHPUT = [
    (1, "simple", ALL),
    (16, "simple", ALL),
    (64, "simple", ALL),
    (200, "simple", ALL),
    (64, "extended", ALL),
    (64, "prepared", ("weir", "relay", "direct")),  # PgBouncer before 1.21 has no such thing
]
CPU_TARGET = {16: "<= 0.90", 64: "<= 0.90"}


class Plan:
    """How long and how often, and what went wrong on the way."""

    def __init__(self, rounds, seconds, say):
        self.rounds = rounds
        self.seconds = seconds
        self.say = say
        self.failures = []

    def take_turns(self, sides, measure):
        """{name: [reading, ...]}: measure(side, seconds) of every side once per round, in turned
        order every other round. One that keeps failing is noted and left out of the rest of the
        rounds."""
        readings = {side.name: [] for side in sides}
        for index in range(self.rounds):
            for side in sides if index % 2 == 0 else sides[::-1]:
                reading, problem = self.take(side.name, lambda: measure(side, self.seconds))
                if reading is None:
                    self.failures.append(problem)
                    sides = [other for other in sides if other is not side]
                else:
                    readings[side.name].append(reading)
        return readings

    def alternate(self, sides, measure):
        """The same of sides that are close: measure(sides, rounds, seconds) has all the readings."""
        names = ", ".join(side.name for side in sides)
        readings, problem = self.take(
            names, lambda: measure(sides, self.rounds * CLOSE_FACTOR, self.seconds * CLOSE_SHARE))
        if readings is None:
            self.failures.append(problem)
        return readings or {side.name: [] for side in sides}

    def take(self, name, measure):
        """What is measured, or None and why not."""
        problem = None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return measure(), None
            except BenchError as error:
                problem = f"{name}: {str(error).splitlines()[0]}"
                self.say(f"{problem} (attempt {attempt} of {ATTEMPTS})")
        return None, problem


def pick(readings, field):
    return {name: [reading[field] for reading in list_] for name, list_ in readings.items()
            if list_ and field in list_[0]}


def throughput_rows(clients, mode, readings):
    label = f"{clients} client{'s' if clients > 1 else ''}" + ("" if mode == "simple" else f", {mode}")
    cpu_target = CPU_TARGET.get(clients, "< 1") if mode == "simple" else "< 1"
    return [
        Row("CPU us/transaction", label, pick(readings, "cpu_us"), cpu_target, digits=1),
        Row("transactions/s", label, pick(readings, "tps"), "> 1"),
        Row("p99 latency us", label, pick(readings, "p99_us"), "< 1"),
        # No target: it explains the others. Who is preempted sleeps less often, and spends no less.
        Row("wake-ups/transaction", label, pick(readings, "wakeups"), digits=2, noise_floor=1),
    ]


def measure_throughput(world, programs, plan):
    proxies = [world.start_pooler("weir", programs["weir"]),
               world.start_pooler("pgbouncer", programs["pgbouncer"]),
               world.start_relay(programs["relay"]), world.direct()]
    groups = []
    for clients, mode, names in THROUGHPUT:
        plan.say(f"clients: {clients}, {mode}")
        sides = [proxy for proxy in proxies if proxy.name in names]
        if clients <= CLOSE_CLIENTS:
            readings = plan.alternate(sides, lambda sides, rounds, seconds: load.alternate(
                world, sides, clients, rounds, seconds, mode))
        else:
            readings = plan.take_turns(sides, lambda side, seconds: load.run(
                world, side, clients, seconds, mode))
        groups.append(throughput_rows(clients, mode, readings))
    for proxy in proxies[:3]:
        world.stop(proxy.process)
    return groups


def measure_logins(world, programs, plan):
    """Every transaction is a connection of its own: its CPU time includes that transaction."""
    groups = []
    for auth in ("trust", "scram-sha-256"):
        plan.say(f"logins, {auth}")
        proxies = [world.start_pooler(name, programs[name], auth) for name in ("weir", "pgbouncer")]
        readings = plan.alternate(proxies, lambda sides, rounds, seconds: load.alternate(
            world, sides, LOGIN_CLIENTS, rounds, seconds, login_program=programs["logins"]))
        groups.append([Row("logins/s", auth, pick(readings, "tps"), ">= 1"),
                       Row("CPU us/login", auth, pick(readings, "cpu_us"), "< 1", digits=1)])
        for proxy in proxies:
            world.stop(proxy.process)
    return groups


class IdleClients:
    """The program bench-idle: logged in when made, one query each on demand, gone when left."""

    def __init__(self, world, program, port):
        self.world = world
        self.process = world.start([program, str(port), USER, USER, str(IDLE_CLIENTS)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.await_ready()

    def await_ready(self):
        if self.process.stdout.readline() != b"ready\n":
            self.process.wait()
            raise BenchError(self.world.log_tail(self.process))

    def query(self):
        self.process.stdin.write(b"query\n")
        self.process.stdin.flush()
        self.await_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.world.stop(self.process)
        self.process.stdin.close()
        self.process.stdout.close()


def idle_reading(world, side, idle_program):
    """Memory grows for good in most programs, so every reading has a process of its own."""
    proxy = world.start_pooler(side.name, side.program)
    before = load.resident_bytes(proxy.pid)
    try:
        with IdleClients(world, idle_program, proxy.port) as clients:
            time.sleep(1)
            fresh = load.resident_bytes(proxy.pid)
            cpu = load.cpu_seconds(proxy.pid)
            time.sleep(IDLE_SECONDS)
            cpu = load.cpu_seconds(proxy.pid) - cpu
            clients.query()
            time.sleep(1)
            used = load.resident_bytes(proxy.pid)
    finally:
        world.stop(proxy.process)
    return {"fresh": (fresh - before) / IDLE_CLIENTS, "used": (used - before) / IDLE_CLIENTS,
            "cpu_ms": cpu * 1000 / IDLE_SECONDS}


def measure_idle(world, programs, plan):
    plan.say(f"{IDLE_CLIENTS} idle clients")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit < IDLE_CLIENTS + 100:
        plan.failures.append(f"idle clients: only {limit} file descriptors are allowed")
        return []
    sides = [Side(name, programs[name]) for name in ("weir", "pgbouncer")]
    readings = plan.take_turns(sides, lambda side, _: idle_reading(world, side, programs["idle"]))
    return [[
        Row("bytes/idle client", "after login", pick(readings, "fresh"), "v < 1024"),
        Row("bytes/idle client", "after a transaction", pick(readings, "used"), "v < 1024"),
        Row("CPU ms/s, all idle", f"{IDLE_CLIENTS} clients", pick(readings, "cpu_ms"), "< 1",
            digits=2),
    ]]


def measure(world, programs, plan):
    """Groups of rows, in the order in which the table shows them."""
    return (measure_throughput(world, programs, plan) + measure_logins(world, programs, plan)
            + measure_idle(world, programs, plan))
