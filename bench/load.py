"""Load and readings: a run of pgbench, or of bench-logins, against one port, and what the proxy spent
meanwhile.

A reading covers a window inside the run: it begins when every client is logged in and running, and
ends before the first client leaves. CPU time is the kernel's process clock (all threads, user and
system, nanoseconds), read at both ends of the window; transactions are the lines of the load's own
log that fall between them. So logins and start-up are in no number but where they are the subject.
"""
import bisect
import contextlib
import math
import os
import shutil
import signal
import subprocess
import time

from world import LIBC, PASSWORD, PG_BIN, PR_SET_PDEATHSIG, USER, BenchError

SETTLE_SECONDS = 0.3
RESUME_SECONDS = 0.4  # of a load that was stopped: until the kernel places its processes as before
TAIL_SECONDS = 1.5
CONNECT_SECONDS = 0.01  # for each client: pgbench's time runs while it connects
START_SECONDS_MAX = 30


def cpu_seconds(pid):
    """The CPU clock of another process, as clock_getcpuclockid(3) names it."""
    return time.clock_gettime((~pid << 3) | 2)


def switches(pid):
    """Voluntary context switches of all threads: how often it went to sleep."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches:"):
                    total += int(line.split()[1])
    return total


def resident_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    raise BenchError("no Rss in smaps_rollup")


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def pgbench_command(port, clients, more):
    return [f"{PG_BIN}/pgbench", "-n", "-S", "-h", "127.0.0.1", "-p", str(port), "-U", USER,
            "-c", str(clients), "-j", str(min(2, clients)), *more, USER]


def pgbench_environment():
    return {"PGPASSWORD": PASSWORD, "LC_ALL": "C"}


def read_log(directory):
    """A list for each thread of the load: (end in seconds since the epoch, latency in us) of every
    transaction, in order."""
    logs = []
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), encoding="ascii") as log:
            fields = [line.split() for line in log]
        logs.append(sorted((int(field[4]) + int(field[5]) / 1e6, int(field[2])) for field in fields))
    return logs


def start_load(proxy, clients, length, mode, login_program, prefix):
    """Writes its log to files that begin with `prefix`."""
    if login_program:
        command = [login_program, str(proxy.port), USER, USER, str(clients), str(length), prefix]
    else:
        command = pgbench_command(proxy.port, clients, ["-l", "--log-prefix", prefix, "-M", mode,
                                                        "-T", str(length)])
    return subprocess.Popen(
        command, env=pgbench_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))


def await_first_lines(process, directory):
    deadline = time.monotonic() + START_SECONDS_MAX
    while not any(os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory)):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise BenchError(f"the load did not get going: {process.communicate()[1].strip()}")
        time.sleep(0.02)


class Sample:
    """What one end of the window looks like."""

    def __init__(self, pid):
        self.at = time.time()
        self.cpu = cpu_seconds(pid) if pid else 0.0
        self.switches = switches(pid) if pid else 0


def summarize(first, last, logs, has_process):
    latencies = sorted(us for lines in logs
                       for _, us in lines[bisect.bisect_left(lines, (first.at,)):
                                          bisect.bisect_left(lines, (last.at,))])
    if not all(lines and lines[0][0] < first.at and lines[-1][0] >= last.at for lines in logs):
        raise BenchError("the run began after its window did, or ended before")
    count = len(latencies)
    result = {"transactions": count, "tps": count / (last.at - first.at),
              "p50_us": percentile(latencies, 0.5), "p99_us": percentile(latencies, 0.99)}
    if has_process:
        result["cpu_us"] = (last.cpu - first.cpu) * 1e6 / count
        result["wakeups"] = (last.switches - first.switches) / count
        result["busy"] = (last.cpu - first.cpu) / (last.at - first.at)
    return result


class Load:
    """A running load on one port, ended with the block it is used in."""

    def __init__(self, world, proxy, clients, length, mode="simple", login_program=None):
        self.proxy = proxy
        self.length = length
        self.directory = world.path(f"load.{proxy.name}")
        os.mkdir(self.directory)
        self.process = start_load(proxy, clients, length, mode, login_program,
                                  os.path.join(self.directory, "log"))

    def __enter__(self):
        await_first_lines(self.process, self.directory)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory)

    def window(self, seconds):
        """Its two ends."""
        pid = self.proxy.pid if self.proxy.process else None
        first = Sample(pid)
        time.sleep(seconds)
        last = Sample(pid)
        if self.process.poll() is not None:
            said = self.process.communicate()[1].strip() or "its time was over"
            raise BenchError(f"the load on {self.proxy.name} ended before its window did: {said}")
        return first, last

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def readings(self, windows):
        """Waits for its end; a reading for each of the windows."""
        _, errors = self.process.communicate(timeout=self.length + START_SECONDS_MAX)
        if self.process.returncode != 0:
            raise BenchError(f"the load failed on {self.proxy.name}: {errors.strip()}")
        logs = read_log(self.directory)
        return [summarize(first, last, logs, self.proxy.process is not None)
                for first, last in windows]


def run(world, proxy, clients, seconds, mode="simple", login_program=None):
    """One reading of `seconds`. With a login_program every transaction is a connection of its own."""
    length = math.ceil(seconds + SETTLE_SECONDS + TAIL_SECONDS + clients * CONNECT_SECONDS)
    with Load(world, proxy, clients, length, mode, login_program) as load:
        time.sleep(SETTLE_SECONDS)
        return load.readings([load.window(seconds)])[0]


def alternate(world, proxies, clients, rounds, seconds, mode="simple", login_program=None):
    """{name: [reading, ...]}, one of `seconds` in every round. The loads of all proxies are there from
    the first round to the last, all but one of them stopped (SIGSTOP), so that two that are compared
    are a fraction of a second apart. The order turns every other round."""
    spans = rounds * len(proxies) * (seconds + RESUME_SECONDS)
    length = math.ceil(spans * 1.1 + len(proxies) * (SETTLE_SECONDS + clients * CONNECT_SECONDS)
                       + TAIL_SECONDS)
    windows = {proxy.name: [] for proxy in proxies}
    with contextlib.ExitStack() as stack:
        loads = []
        for proxy in proxies:
            loads.append(stack.enter_context(
                Load(world, proxy, clients, length, mode, login_program)))
            time.sleep(SETTLE_SECONDS)
            loads[-1].stop()
        for index in range(rounds):
            for load in loads if index % 2 == 0 else loads[::-1]:
                load.resume()
                time.sleep(RESUME_SECONDS)
                windows[load.proxy.name].append(load.window(seconds))
                load.stop()
        for load in loads:
            load.resume()
        return {load.proxy.name: load.readings(windows[load.proxy.name]) for load in loads}
