"""Waiting for events, never for time: every wait has a deadline and says what did not happen."""
import os
import socket
import time

POLL_S = 0.01


def until(question, deadline_s=10.0, what="the expected state"):
    """Asks until the answer is true and returns it. What the question raises counts as "not yet"
    and is shown when the deadline passes."""
    end = time.monotonic() + deadline_s
    while True:
        last = None
        try:
            last = question()
            if last:
                return last
        except Exception as error:  # the reason is reported below
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}; last answer: {last!r}")
        time.sleep(POLL_S)


def free_port():
    """A TCP port from the kernel. It may be taken before it is used: who uses it tries again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rss_bytes(pid):
    """Resident memory of a process."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_ticks(pid):
    """What a process and its threads have computed, in ticks of the kernel's clock."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))


def fd_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
