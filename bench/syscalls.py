"""The suite `syscalls`: which system calls a transaction costs, by name, side by side.

strace slows a proxy down a lot, and a slow proxy finds more work per turn: counts under load are
therefore a little lower than without it, on both sides alike. Counts are what to look at here;
times are not printed. Logins are in the count: at most one in PER_CLIENT_MIN transactions.
"""
import re
import signal
import subprocess
import time

from load import pgbench_command, pgbench_environment
from world import BenchError

CLIENTS = (1, 16, 64)
TRANSACTIONS_MIN = 4000
PER_CLIENT_MIN = 250
SUMMARY_LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$")


def pgbench(proxy, clients, per_client):
    result = subprocess.run(pgbench_command(proxy.port, clients, ["-t", str(per_client)]),
                            env=pgbench_environment(), stdin=subprocess.DEVNULL,
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise BenchError(f"pgbench failed on {proxy.name}: {result.stderr.strip()}")


def parse_summary(text):
    calls = {}
    for line in text.splitlines():
        match = SUMMARY_LINE.match(line)
        if match and match.group(2) != "total":
            calls[match.group(2)] = int(match.group(1))
    return calls


def trace(world, proxy, clients):
    """{system call: calls per transaction}. A run before it fills the pool."""
    pgbench(proxy, clients, 20)
    per_client = max(PER_CLIENT_MIN, TRANSACTIONS_MIN // clients)
    output = world.path("strace")
    tracer = subprocess.Popen(["strace", "-c", "-f", "-o", output, "-p", str(proxy.pid)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    try:
        if "attached" not in tracer.stderr.readline():
            raise BenchError("strace may not attach here")
        pgbench(proxy, clients, per_client)
        time.sleep(0.2)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
    with open(output, encoding="ascii") as file:
        calls = parse_summary(file.read())
    if not calls:
        raise BenchError("strace counted nothing")
    return {name: count / (clients * per_client) for name, count in calls.items()}


def table(clients, sides):
    lines = [f"{'':16} {'weir':>9} {'pgbouncer':>9} {'ratio':>6} {'relay':>9}   "
             f"{clients} client{'s' if clients > 1 else ''}, system calls per transaction"]
    for side in sides.values():
        side["all"] = sum(side.values())
    names = sorted({name for side in sides.values() for name in side},
                   key=lambda name: (name == "all", -max(side.get(name, 0) for side in sides.values())))
    for name in names:
        weir, other, relay = (sides[side].get(name, 0) for side in ("weir", "pgbouncer", "relay"))
        if max(weir, other, relay) >= 0.005:
            ratio = f"{weir / other:6.2f}" if other else f"{'-':>6}"
            lines.append(f"{name:16} {weir:9.2f} {other:9.2f} {ratio} {relay:9.2f}")
    return "\n".join(lines) + "\n"


def measure(world, programs, say):
    proxies = [world.start_pooler("weir", programs["weir"]),
               world.start_pooler("pgbouncer", programs["pgbouncer"]),
               world.start_relay(programs["relay"])]
    result = {}
    for clients in CLIENTS:
        say(f"{clients} clients under strace")
        result[clients] = {proxy.name: trace(world, proxy, clients) for proxy in proxies}
        print(table(clients, result[clients]), flush=True)
    return result
