"""The suite `horizon`: the portfolio service beside the stack it replaces.

Both serve the demonstration's portfolio from the same tables of the same PostgreSQL, in one run, in
turns. A page is five requests at once, loaded by `horizon verify`, which looks into every 50th page;
no request may fail. The old stack is demo/old_stack.py: FastAPI on uvicorn with uvloop and httptools,
SQLAlchemy, asyncpg, two processes of 20 + 10 connections. horizon is one process of 20 + 10, and once
more two processes that share as many. The database has no limit that any would meet. Before anything
is measured both are asked for the five answers: all that the old stack says horizon has to say too.

  pages/s       page loads in a second, 1, 10 and 50 at a time
  p99, ms       how long one page in a hundred takes at least
  CPU ms/page   user and system time of the service's processes alone

All pages are those of one user, whose data does not change meanwhile: horizon asks the database for its
data_version with every request and sends the answer that it has made for that version, the old stack
makes its answer each time.

Loader, service and PostgreSQL share the machine's CPUs, so what the fast side loses to the other two
is in its pages/s; CPU ms/page is the service's own.
"""
import json
import math
import os
import statistics
import sys
import tempfile
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(ROOT, "demo"))

from postgres import PrivatePostgres  # noqa: E402
from service import Installation, Service, ServiceError, has_old_stack, verify  # noqa: E402
from world import BenchError  # noqa: E402

AT_ONCE = (1, 10, 50)
OWN, OWN_TWICE, OLD = SIDES = ("horizon", "2 processes", "old stack")
PAGES = {OWN: 3000, OWN_TWICE: 3000, OLD: 150}  # of one reading: some seconds either way
WARM_PAGES = 60
SAMPLE = 50
TARGET = 20  # x the old stack's pages/s

QUANTITIES = (  # title, field, digits, larger is better
    ("pages/s", "pages_per_second", 0, True),
    ("p99, ms", "p99_ms", 1, False),
    ("CPU ms/page", "cpu_ms", 2, False),
)


PARTS = ("watch", "summary", "report", "market", "charts/portfolio")
OWN_TIME = "generated_at"  # the moment of the answer


def start(side, installation, url):
    if side == OLD:
        return Service.old_stack(installation, url)
    return Service.horizon(installation, url, WEB_CONCURRENCY="2" if side == OWN_TWICE else "1")


def ask(service, path, token=None, body=None):
    request = urllib.request.Request(service.url + path, body and json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def answers(side, installation, url):
    """The five answers of one service."""
    with start(side, installation, url) as service:
        token = ask(service, "/api/auth/login", body={
            "login": "demo", "password": installation.password})["access_token"]
        return {part: ask(service, f"/api/portfolio-manager/{part}", token) for part in PARTS}


def difference(own, old, path=""):
    """Where `own` does not say what `old` says; None when it does. It may say more."""
    if isinstance(old, dict) and isinstance(own, dict):
        pairs = [(own.get(name), value, name) for name, value in old.items() if name != OWN_TIME]
    elif isinstance(old, list) and isinstance(own, list) and len(own) == len(old):
        pairs = list(zip(own, old, range(len(old))))
        if path.endswith(("/checks", "/items", "/positions")):  # in any order
            pairs = [(mine, theirs, at) for at, (mine, theirs) in enumerate(
                zip(*(sorted(each, key=lambda row: row.get("key") or row["symbol"])
                      for each in (own, old))))]
    elif isinstance(old, float) and isinstance(own, (int, float)):
        return None if math.isclose(own, old, rel_tol=1e-6, abs_tol=5e-9) else f"{path}: {own}, {old}"
    else:
        return None if own == old else f"{path}: {own!r:.60}, {old!r:.60}"
    return next(filter(None, (difference(mine, theirs, f"{path}/{at}") for mine, theirs, at in pairs)),
                None)


def compare(installation, url):
    found = difference(answers(OWN, installation, url), answers(OLD, installation, url))
    if found:
        raise BenchError(f"horizon and the old stack do not say the same: {found}")


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
            say("the answers of both sides")
            compare(installation, url)
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
    lines = [f"{'':14}{'at a time':>10}" + "".join(f"{side:>13}" for side in SIDES) +
             f"{'ratio':>9}{'2 procs':>9}{'target':>8}"]
    for title, field, digits, is_more_better in QUANTITIES:
        for at_once, sides in result.items():
            own, twice, old = (statistics.median(reading[field] for reading in sides[side])
                               for side in SIDES)
            ratios = [(mine / old if is_more_better else old / mine) if old and mine else 0
                      for mine in (own, twice)]
            target = f">= {TARGET}" if field == "pages_per_second" else ""
            lines.append(f"{title:14}{at_once:>10}" +
                         "".join(f"{value:>13,.{digits}f}" for value in (own, twice, old)) +
                         "".join(f"{ratio:>8.1f}x" for ratio in ratios) + f"{target:>8}")
    return "\n".join(lines)
