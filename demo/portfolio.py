"""horizon on real prices: the incident's load again, now on the whole service. Called by run.py.

Two hundred pages, fifty at a time, five requests each, against a role that may have 20 connections:
the old stack with its settings (where Debian's packages of it are installed), then horizon, which asks
for as much, as one process and as two, directly and through weir. `horizon verify` is the load and
the judge: no request may fail and the five answers of each page have to agree.
"""
import asyncio
import collections
import contextlib
import os

from service import Installation, Service, ServiceError, has_old_stack, verify
from watch import DemoFailed, sample_peak, wait_quiet

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = os.environ.get("WEIR_BIN") or os.path.join(os.path.dirname(HERE), "build", "weir")
HORIZON = os.path.join(os.path.dirname(os.path.abspath(WEIR)), "horizon", "horizon")
PAGES = 200
AT_ONCE = 50
POOL_SIZE = 16  # of weir: the role's 20 less horizon's own connections, which LISTEN

Upstream = collections.namedtuple("Upstream", "title role limit refusal")
UPSTREAM = Upstream("horizon's role, which may have 20 connections", "folio", 20,
                    "too many connections for role")
INTRODUCTION = f"""
The portfolio service itself, on real prices (2013 to 2018): {PAGES} pages, {AT_ONCE} at a time, five
requests each, by `horizon verify`. The role may have {UPSTREAM.limit} connections; both services ask for 30.
"""
ROW = "{:<34} {:>6} {:>7} {:>8} {:>8} {:>4}  {}"


def make_database(server, password):
    server.psql(f"CREATE ROLE {UPSTREAM.role} LOGIN PASSWORD '{password}'"
                f" CONNECTION LIMIT {UPSTREAM.limit}")
    server.psql(f"CREATE DATABASE horizon OWNER {UPSTREAM.role}")


async def measure(watcher, title, start, may_fail=False):
    """One row: starts a service, loads pages, prints, judges."""
    peak = [0]
    service = await asyncio.to_thread(start)
    sampler = asyncio.create_task(sample_peak(watcher, UPSTREAM.role, peak))
    try:
        report = await asyncio.to_thread(verify, service, PAGES, AT_ONCE)
    finally:
        sampler.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sampler
        await asyncio.to_thread(service.stop)
    failures = sorted(report["failures"], key=lambda failure: -failure["count"])
    print(ROW.format(title, report["pages_good"], report["requests_failed"],
                     f"{report['page_p50_s'] * 1e3:.0f} ms", f"{report['page_p99_s'] * 1e3:.0f} ms",
                     peak[0], failures[0]["what"] if failures else "").rstrip(), flush=True)
    if peak[0] > UPSTREAM.limit:
        raise DemoFailed(f"{title}: {peak[0]} connections, {UPSTREAM.limit} are allowed")
    if not may_fail and not report["verified"]:
        raise DemoFailed(f"{title}: {failures or report}")


async def compare(watcher, installation, direct, weir):
    """All rows; `direct` is the URL of the database."""
    print(ROW.format("run", "pages", "failed", "p50", "p99", "peak", "most frequent error"))
    if has_old_stack():
        await wait_quiet(watcher, UPSTREAM.role)
        await measure(watcher, "FastAPI + SQLAlchemy, directly",
                      lambda: Service.old_stack(installation, direct), may_fail=True)
    else:
        print("(the old stack is not installed; `script/setup horizon` installs it)")
    for processes, title in (("1", "horizon, 1 process"), ("2", "horizon, 2 processes")):
        await wait_quiet(watcher, UPSTREAM.role)
        await measure(watcher, f"{title}, directly", lambda: Service.horizon(
            installation, direct, WEB_CONCURRENCY=processes))
    await weir.start()
    through = weir.url.rsplit("/", 1)[0] + "/horizon"
    for processes, title in (("1", "horizon, 1 process"), ("2", "horizon, 2 processes")):
        await measure(watcher, f"{title}, through weir", lambda: Service.horizon(
            installation, through, WEB_CONCURRENCY=processes, HORIZON_LISTEN_URL=direct))


async def show(watcher, server, folder, weir, stack):
    """The table; then the service stays up until `stack` is closed, and is verified once more."""
    print(INTRODUCTION)
    if not os.access(HORIZON, os.X_OK):
        raise DemoFailed(f"there is no {HORIZON}: build it first (ninja -C build)")
    make_database(server, weir.password)
    direct = f"postgresql://{UPSTREAM.role}:{weir.password}@127.0.0.1:{server.port}/horizon"
    try:
        installation = await asyncio.to_thread(Installation, HORIZON, folder, direct)
        await compare(watcher, installation, direct, weir)
        weir.stop()
        await wait_quiet(watcher, UPSTREAM.role)
        service = await asyncio.to_thread(Service.horizon, installation, direct)
        stack.callback(service.stop)
        report = await asyncio.to_thread(verify, service, 1, 1)
    except ServiceError as error:
        raise DemoFailed(str(error)) from None
    if not report["verified"]:
        raise DemoFailed(f"horizon verify: {report['failures']}")
    print(f"\nhorizon serves   {service.url}   user demo, password {installation.password}\n"
          f"verified by      {HORIZON} verify {service.url} --password-file "
          f"{installation.password_file}", flush=True)
