"""The suite `pool`: libweir beside the pools of other languages, on one PostgreSQL.

  take + give   a pool of 20, all open; 1 and 8 takers take and give a connection without using it;
                looking at the connection is off where the pool allows it. Nanoseconds per take +
                give: the span of the run over all operations, so 8 takers on 2 CPUs may show less.
  fairness      64 takers, a pool of 10, held 10 ms each time. Spread: (most - fewest) / mean of
                their counts. One of some 150 turns each, begun before the end and finished after it,
                is 0.7 % on either side.
  spike         a server that takes 150 ms to connect; 5 idle connections, at most 50; 50 takers at
                once, 2 ms of work each. The span until the last one is done, and the connections
                that exist then. With 5 connections and no waste it is 20 ms.

pg-pool is one thread; its takers are asynchronous functions. The programs are in pools/. Each round
runs every side once, in turned order every other round.
"""
import collections
import json
import os
import statistics
import subprocess

from world import USER, BenchError, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
JARS = ["HikariCP.jar", "postgresql.jar", "slf4j-api.jar", "slf4j-nop.jar"]
MODULES = os.path.join(ROOT, "tests", "system", "node_modules")
CONNECT_MS = 150

Row = collections.namedtuple("Row", "quantity condition values digits target")


def sides(weir):
    """{name: command}; PORT USER DATABASE SCENARIO COUNT [SECONDS] follow."""
    def program(name):
        return os.path.join(HERE, "pools", name)
    python = ["/usr/bin/python3", "-B", program("pool_python.py")]
    jars = ":".join(f"/usr/share/java/{jar}" for jar in JARS)
    return {
        "libweir": [weir],
        "HikariCP": ["java", "-cp", jars, program("PoolHikari.java")],
        "psycopg_pool": python + ["psycopg"],
        "SQLAlchemy": python + ["sqlalchemy"],
        "pg-pool": ["node", program("pool_pg.js"), MODULES],
    }


def run(command, port, scenario, count, seconds=None):
    more = [] if seconds is None else [str(seconds)]
    result = subprocess.run(command + [str(port), USER, USER, scenario, str(count), *more],
                            capture_output=True, text=True, timeout=120)
    if result.returncode != 0:
        raise BenchError((result.stderr.strip() or "no output").splitlines()[-1])
    return json.loads(result.stdout)


def take_ns(reading):
    return {"ns": reading["seconds"] * 1e9 / reading["ops"]}


def fairness(reading):
    counts = reading["counts"]
    return {"spread": (max(counts) - min(counts)) / statistics.mean(counts) * 100,
            "wait": reading["max_wait_ms"]}


def measure(world, weir, plan, is_quick):
    """Rows of the table. `plan` is a proxy.Plan: its failures say what could not be measured."""
    slow_port = free_port()
    delay = world.start(["/usr/bin/python3", "-B", os.path.join(HERE, "pools", "delay.py"),
                         str(slow_port), str(world.pg_port), str(CONNECT_MS)])
    world.await_answer(delay, slow_port, USER, USER)
    scenarios = [
        ("take, 1 taker", world.pg_port, ("take", 1, 0.5 if is_quick else 2), take_ns),
        ("take, 8 takers", world.pg_port, ("take", 8, 0.5 if is_quick else 2), take_ns),
        ("fairness", world.pg_port, ("fair", 64, 3 if is_quick else 10), fairness),
        ("spike", slow_port, ("spike", 50), lambda reading: reading),
    ]
    readings = {}
    Side = collections.namedtuple("Side", "name command")
    for name, port, arguments, reduce in scenarios:
        plan.say(name)
        readings[name] = plan.take_turns(
            [Side(*item) for item in sides(weir).items()],
            lambda side, _: reduce(run(side.command, port, *arguments)))
    return rows(readings)


def medians(readings, field):
    return {name: statistics.median(reading[field] for reading in list_)
            for name, list_ in readings.items() if list_}


def rows(readings):
    one, eight, fair, spike = readings.values()
    return [
        Row("take + give, ns", "1 taker", medians(one, "ns"), 0, 100),
        Row("take + give, ns", "8 takers", medians(eight, "ns"), 0, None),
        Row("fairness, spread in %", "64 takers, pool 10", medians(fair, "spread"), 1, 3),
        Row("longest wait, ms", "64 takers, pool 10", medians(fair, "wait"), 1, None),
        Row("spike, ms", "50 at once, 5 idle", medians(spike, "ms"), 1, 27),
        Row("spike, connections", "50 at once, 5 idle", medians(spike, "connections"), 0, 7),
    ]


def table(rows_, weir):
    names = list(sides(weir))
    lines = [f"{'':22} {'':19}" + "".join(f"{name:>13}" for name in names)
             + f" {'ratio':>6} {'target':>7} met"]
    for row in rows_:
        own = row.values.get("libweir")
        others = [value for name, value in row.values.items() if name != "libweir"]
        ratio = f"{own / min(others):.2f}" if own is not None and others and min(others) else "-"
        met = "" if row.target is None or own is None else "yes" if own <= row.target else "NO"
        lines.append(
            f"{row.quantity:22} {row.condition:19}"
            + "".join(f"{row.values[name]:13,.{row.digits}f}" if name in row.values else f"{'-':>13}"
                      for name in names)
            + f" {ratio:>6} {'' if row.target is None else f'<= {row.target}':>7} {met}")
    return "\n".join(lines)
