"""Waiting for events, never for time: every wait has a deadline and says what did not happen."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "..", "demo"))

from ports import free_port  # noqa: E402, F401  (it lies beside the demonstration)

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
