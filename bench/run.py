"""script/bench: builds a release build and measures it.

  script/bench [proxy]   weir, Debian's PgBouncer, a raw relay and PostgreSQL itself, side by side
                         (about 20 minutes; --quick: 4)
  script/bench syscalls  system calls per transaction by name, under strace
  script/bench foresight simulated waits beside measured ones (7 minutes; --quick: 1), the simulator's speed
  script/bench horizon   page loads of the portfolio service beside the FastAPI stack it replaces
  script/bench core      events per second of the pool's state machine, alone and in the tests' random worlds

A measurement asserts nothing: it prints both sides, their ratio and the target. The exit code says
only whether it could be taken. How a number is read is said where it is read: load.py (one run),
proxy.py (rows), syscalls.py, report.py (medians and spread), world.py (who runs as whom, with which
settings).
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

import foresight
import horizon
import pools
import proxy
import report
import syscalls
from world import PG_BIN, PGBOUNCER, BenchError, World, keep_cpus_awake, raise_file_limit

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build-bench")


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="script/bench", description=__doc__.split("\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", nargs="?", default="proxy",
                        choices=("proxy", "syscalls", "core", "pool", "foresight", "horizon"))
    parser.add_argument("--quick", action="store_true", help="1 round of 2 s, for a first look")
    parser.add_argument("--rounds", type=int, help="rounds of every row (5); up to 16 clients and logins, "
                                                   "where the sides are close, have ten times as many, "
                                                   "each a sixth as long")
    parser.add_argument("--seconds", type=float, help="seconds of one reading (3)")
    parser.add_argument("--json", metavar="FILE", help="write every reading there as well")
    parser.add_argument("--weir", metavar="PROGRAM", default=os.environ.get("WEIR_BIN"),
                        help="measure this program in weir's place (also: WEIR_BIN)")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 5)
    arguments.seconds = arguments.seconds or (2 if arguments.quick else 3)
    return arguments


def run_tool(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise BenchError(f"{command[0]} failed:\n{(result.stdout + result.stderr)[-4000:]}")


def build(targets):
    """A release build of its own, with link-time optimisation."""
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        run_tool(["meson", "setup", "--buildtype=release", "-Db_lto=true", "-Dtests=false",
                  "-Dfuzz=false", BUILD, ROOT])
    run_tool(["ninja", "-C", BUILD, *targets])


def programs(arguments):
    """Builds what the suite needs and says where it is."""
    targets = {"relay": "bench/bench-relay", "idle": "bench/bench-idle",
               "logins": "bench/bench-logins"}
    if not arguments.weir:
        targets["weir"] = "weir"
    build(targets.values())
    result = {name: os.path.join(BUILD, target) for name, target in targets.items()}
    result.setdefault("weir", os.path.abspath(arguments.weir or ""))
    result["pgbouncer"] = PGBOUNCER
    return result


def copies(world, paths):
    return {name: world.copy_program(path) for name, path in paths.items()}


def cpu_ticks():
    with open("/proc/stat", encoding="ascii") as stat:
        return [int(field) for field in stat.readline().split()[1:]]


def first_line(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]


def describe_machine(weir):
    uname = os.uname()
    return {"cpus": os.cpu_count(), "kernel": uname.release, "load_before": os.getloadavg()[0],
            "weir": first_line([weir, "--version"]),
            "pgbouncer": first_line([PGBOUNCER, "--version"]),
            "postgresql": first_line([f"{PG_BIN}/postgres", "--version"]),
            "started": time.strftime("%Y-%m-%d %H:%M:%S")}


def print_head(machine):
    print(f"{machine['weir']} against {machine['pgbouncer']}, {machine['postgresql']}")
    print(f"{machine['cpus']} CPUs, Linux {machine['kernel']}, load {machine['load_before']:.2f} "
          f"before the run, {machine['started']}\n", flush=True)


FOOT = """
ratio = weir / pgbouncer, the median of the rounds' ratios; target is the ratio's, or weir's own
value where it begins with v. /relay = weir / raw relay, target <= 1.25 for CPU at 16 and 64 clients.
spread = (max - min) / median over the rounds, the larger of the two sides. CPU is user and system
time of the proxy process; bytes per idle client are resident user-space memory only, sockets in the
kernel come on top. Transactions are `pgbench -S` over loopback TCP, transaction mode, pool of 20;
the relay and direct have a server for each client. Logins come from 16 clients at once that derive
their SCRAM keys once (bench/logins.c), and include one transaction."""


def run_proxy(world, arguments):
    paths = programs(arguments)
    machine = describe_machine(paths["weir"])
    print_head(machine)
    world.start_postgres()
    machine["is_awake"] = keep_cpus_awake()
    before = cpu_ticks()
    plan = proxy.Plan(arguments.rounds, arguments.seconds, say)
    rows = proxy.measure(world, copies(world, paths), plan)
    spent = [after - earlier for after, earlier in zip(cpu_ticks(), before)]
    machine["steal"] = spent[7] / sum(spent)
    print(report.table(rows), flush=True)
    print(FOOT)
    print(f"{arguments.rounds} round(s) of {arguments.seconds:g} s, {proxy.CLOSE_FACTOR} times as many of "
          f"{arguments.seconds * proxy.CLOSE_SHARE:g} s up to {proxy.CLOSE_CLIENTS} clients and for logins. "
          + ("CPUs without work stayed awake" if machine["is_awake"] else
             "CPUs without work slept (root keeps them awake): few clients' latencies are theirs")
          + f";\ntime stolen from this machine by others: {machine['steal']:.1%}; "
          f"load now {os.getloadavg()[0]:.2f}")
    if arguments.json:
        report.write_json(arguments.json, machine, rows)
    if plan.failures:
        raise BenchError("not every reading could be taken\n  " + "\n  ".join(plan.failures))


def run_syscalls(world, arguments):
    paths = programs(arguments)
    machine = describe_machine(paths["weir"])
    print_head(machine)
    world.start_postgres()
    result = syscalls.measure(world, copies(world, paths), say)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"machine": machine, "calls": result}, file, indent=1)


def run_core(arguments):
    programs = ["bench/bench-core-events", "bench/bench-core-random"]
    build(programs)
    for program in programs:
        command = [os.path.join(BUILD, program)]
        subprocess.run(command + (["quick"] if arguments.quick else []), check=True)


def run_pool(world, arguments):
    target = "bench/bench-pool-weir"
    build([target])
    weir = os.path.join(BUILD, target)
    print(f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.2f} before "
          f"the run, {time.strftime('%Y-%m-%d %H:%M:%S')}\n", flush=True)
    world.start_postgres()
    plan = proxy.Plan(min(arguments.rounds, 3), arguments.seconds, say)
    rows = pools.measure(world, weir, plan, arguments.quick)
    print(pools.table(rows, weir))
    print(f"\nMedians of {plan.rounds} round(s); ratio = libweir / the best of the others; load now "
          f"{os.getloadavg()[0]:.2f}.\nWhat each row measures is said in bench/pools.py.")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump([row._asdict() for row in rows], file, indent=1)
    if plan.failures:
        raise BenchError("not every reading could be taken\n  " + "\n  ".join(plan.failures))


def run_foresight(world, arguments):
    foresight.run(world, copies(world, {"weir": programs(arguments)["weir"]})["weir"], arguments, say)


def run_horizon(arguments):
    target = "horizon/horizon"
    build([target])
    rounds = 1 if arguments.quick else min(arguments.rounds, 3)
    print(f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.2f} before "
          f"the run, {time.strftime('%Y-%m-%d %H:%M:%S')}\n", flush=True)
    result = horizon.measure(os.path.join(BUILD, target), rounds, arguments.quick, say)
    print(horizon.table(result))
    print(f"\nMedians of {rounds} round(s); load now {os.getloadavg()[0]:.2f}.\n"
          "What each row measures is said in bench/horizon.py.")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)


def end_by_signal(number, _):
    raise SystemExit(128 + number)


def main():
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, end_by_signal)
    signal.signal(signal.SIGHUP, end_by_signal)
    if arguments.suite == "core":
        run_core(arguments)
        return
    if arguments.suite == "horizon":
        run_horizon(arguments)
        return
    raise_file_limit()
    with World() as world:
        {"proxy": run_proxy, "syscalls": run_syscalls, "pool": run_pool,
         "foresight": run_foresight}[arguments.suite](world, arguments)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"script/bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
