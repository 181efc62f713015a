"""The suite `horizon`: the portfolio service beside the stack it replaces.

Both serve the demonstration's portfolio from the same tables of the same PostgreSQL, in one run, in
turns. A page is five requests at once, loaded by `horizon verify`, which looks into every 50th page;
no request may fail. The old stack is demo/old_stack.py: FastAPI on uvicorn with uvloop and httptools,
SQLAlchemy, asyncpg, two processes of 20 + 10 connections. horizon is one process of 20 + 10. The
database has no limit that either would meet.

  pages/s       page loads in a second, 1, 10 and 50 at a time
  p99, ms       how long one page in a hundred takes at least
  CPU ms/page   user and system time of the service's processes alone

All pages are those of one user, whose data does not change meanwhile: horizon asks the database for its
data_version with every request and sends the answer that it has made for that version, the old stack
makes its answer each time.

Loader, service and PostgreSQL share the machine's CPUs, so what the fast side loses to the other two
is in its pages/s; CPU ms/page is the service's own.
"""
import os
import statistics
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(ROOT, "demo"))

from postgres import PrivatePostgres  # noqa: E402
from service import Installation, Service, ServiceError, has_old_stack, verify  # noqa: E402
from world import BenchError  # noqa: E402

AT_ONCE = (1, 10, 50)
SIDES = ("horizon", "old stack")
PAGES = {"horizon": 1500, "old stack": 150}  # of one reading: some seconds either way
WARM_PAGES = 60
SAMPLE = 50
TARGET = 20  # x the old stack's pages/s

QUANTITIES = (  # title, field, digits, larger is better
    ("pages/s", "pages_per_second", 0, True),
    ("p99, ms", "p99_ms", 1, False),
    ("CPU ms/page", "cpu_ms", 2, False),
)


def start(side, installation, url):
    return (Service.horizon if side == "horizon" else Service.old_stack)(installation, url)


def read(side, installation, url, at_once, is_quick):
    """One reading of a freshly started service."""
    pages = PAGES[side] // (5 if is_quick else 1)
    with start(side, installation, url) as service:
        verify(service, WARM_PAGES, at_once, SAMPLE)
        before = service.cpu_seconds()
        report = verify(service, pages, at_once, SAMPLE)
        cpu = service.cpu_seconds() - before
    if not report["verified"]:
        raise BenchError(f"{side}: {report['failures'] or report}")
    return {"pages_per_second": report["pages_per_second"], "cpu_ms": cpu / pages * 1e3,
            "p99_ms": report["page_p99_s"] * 1e3}


def measure(program, rounds, is_quick, say):
    """{at_once: {side: [reading, ...]}}"""
    if not has_old_stack():
        raise BenchError("the old stack is not installed: script/setup horizon installs it")
    result = {at_once: {side: [] for side in SIDES} for at_once in AT_ONCE}
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, PrivatePostgres() as server:
        server.psql("CREATE ROLE portfolio LOGIN PASSWORD 'only-for-the-benchmark'")
        server.psql("CREATE DATABASE portfolio OWNER portfolio")
        url = f"postgresql://portfolio:only-for-the-benchmark@127.0.0.1:{server.port}/portfolio"
        try:
            installation = Installation(program, folder, url)
            for turn in range(rounds):
                for at_once in AT_ONCE:
                    for side in SIDES if turn % 2 == 0 else SIDES[::-1]:
                        say(f"{side}, {at_once} at a time")
                        result[at_once][side].append(
                            read(side, installation, url, at_once, is_quick))
        except ServiceError as error:
            raise BenchError(str(error)) from None
    return result


def table(result):
    lines = [f"{'':14}{'at a time':>10}{'horizon':>12}{'old stack':>12}{'ratio':>9}{'target':>8}"]
    for title, field, digits, is_more_better in QUANTITIES:
        for at_once, sides in result.items():
            own, old = (statistics.median(reading[field] for reading in sides[side])
                        for side in SIDES)
            ratio = (own / old if is_more_better else old / own) if old and own else 0
            target = f">= {TARGET}" if field == "pages_per_second" else ""
            lines.append(f"{title:14}{at_once:>10}{own:>12,.{digits}f}{old:>12,.{digits}f}"
                         f"{ratio:>8.1f}x{target:>8}")
    return "\n".join(lines)
