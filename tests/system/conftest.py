"""Fixtures of the system tests. Everything a run makes (clusters, daemons, certificates) is its own
and lies in temporary folders; ports are ones that nobody has; so two runs can stand side by side."""
import faulthandler
import os
import shutil
import signal
import tempfile
import uuid

import pytest

from harness import fakes
from harness.daemon import BIN, IS_PGBOUNCER, Weir
from harness.door import DOORS, POOL_SIZE, Door
from harness.horizon import HORIZON, Databases, Horizon
from harness.pg import Cluster
from harness.pools import pools_add_up
from harness.service import Service
from harness.tls import Authority

TEST_DEADLINE_S = 90
LOG_LINES_SHOWN = 60
STASH_DAEMONS = pytest.StashKey()
STASH_SERVICES = pytest.StashKey()
STASH_FAILED = pytest.StashKey()


def pytest_configure(config):
    faulthandler.enable()


def pytest_collection_modifyitems(items):
    # last, so that their programs are compiled beside the other tests
    items.sort(key=lambda item: item.path.name == "test_drivers_languages.py")
    if not IS_PGBOUNCER:
        return
    for item in items:
        if item.get_closest_marker("weir_only"):
            item.add_marker(pytest.mark.skip(reason="beyond what pgbouncer 1.18 does"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows the last lines of its daemons' logs."""
    report = (yield).get_result()
    if not report.failed:
        return
    item.stash[STASH_FAILED] = True
    for weir in item.stash.get(STASH_DAEMONS, []) + item.stash.get(STASH_SERVICES, []):
        lines = weir.log().splitlines()[-LOG_LINES_SHOWN:]
        report.sections.append((f"daemon's log ({weir.folder})", "\n".join(lines)))


@pytest.fixture(autouse=True)
def deadline():
    """No test hangs: after TEST_DEADLINE_S it fails where it stands."""
    def expired(signo, frame):
        raise AssertionError(f"the test took more than {TEST_DEADLINE_S} s")
    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(TEST_DEADLINE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def authority():
    """The certification authority that PostgreSQL and the daemon have certificates of."""
    folder = tempfile.mkdtemp(prefix="weir-ca-")
    os.chmod(folder, 0o755)
    yield Authority(os.path.join(folder, "good"), "weir test CA")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stranger():
    """A certification authority that nobody has a reason to trust."""
    folder = tempfile.mkdtemp(prefix="weir-ca-")
    os.chmod(folder, 0o755)
    yield Authority(os.path.join(folder, "bad"), "somebody else's CA")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def pg(authority):
    """The PostgreSQL of this run. Tests leave nothing in it that others would notice."""
    cluster = Cluster(authority)
    yield cluster
    cluster.done()


@pytest.fixture(scope="module")
def fragile_pg(authority):
    """A PostgreSQL that tests may stop, restart and fill; every test gets it back running."""
    cluster = Cluster(authority, max_connections=30)
    yield cluster
    cluster.done()


@pytest.fixture
def weir_factory(request, authority):
    """weir_factory(pg, **configuration) starts a daemon. At the end of the test each one is stopped
    and has to have ended well: exit code 0, no sanitizer report, no broken invariant."""
    if not os.access(BIN, os.X_OK):
        pytest.fail(f"there is no program {BIN}: build it or set WEIR_BIN")
    daemons = request.node.stash.setdefault(STASH_DAEMONS, [])

    def make(cluster, start=True, **configuration):
        weir = Weir(cluster, authority)
        daemons.append(weir)
        return weir.start(**configuration) if start else weir

    yield make
    failed = request.node.stash.get(STASH_FAILED, False)
    try:
        for weir in daemons:
            _end(weir, failed)
    finally:
        for weir in daemons:
            weir.forget(keep_files=bool(os.environ.get("WEIR_KEEP")))


def _end(weir, failed):
    was_running = weir.process is not None
    code = weir.stop(5 if failed else 15)
    if failed:
        return
    assert not weir.bad_signs(), weir.bad_signs()
    if was_running:
        assert code == 0, f"exit code {code}"


@pytest.fixture
def weir(weir_factory, pg):
    """A daemon with the settings of the factory: transaction mode, five servers, trust."""
    return weir_factory(pg)


@pytest.fixture
def fake(request):
    """fake("Silent"), fake("Gate", port): an upstream that misbehaves, gone after the test."""
    def make(kind, *args, **more):
        upstream = getattr(fakes, kind)(*args, **more)
        request.addfinalizer(upstream.done)
        return upstream
    return make


@pytest.fixture(params=DOORS)
def door(request, weir_factory, pg, authority):
    """A daemon for drivers, once for every mode and transport; its books balance afterwards."""
    mode, transport = request.param.split("-")
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "weir")
    tls = {"client_tls_sslmode": "require", "client_tls_key_file": key,
           "client_tls_cert_file": certificate, "server_tls_sslmode": "require"}
    weir.start(pool_mode=mode, default_pool_size=POOL_SIZE, auth_type="scram-sha-256",
               **(tls if transport == "tls" else {"server_tls_sslmode": "disable"}))
    yield Door(weir, mode, transport, authority.ca)
    pools_add_up(weir, POOL_SIZE, query=False)


@pytest.fixture
def table(pg):
    """A table of this test's own, owned by app."""
    name = "t_" + uuid.uuid4().hex[:12]
    pg.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, note text, amount numeric, raw bytea);"
           f" ALTER TABLE {name} OWNER TO app", database="app", fetch=False)
    yield name
    pg.sql(f"DROP TABLE IF EXISTS {name}", database="app", fetch=False)


@pytest.fixture(scope="session")
def horizon_databases(pg):
    return Databases(pg)


@pytest.fixture
def horizon(pg, horizon_databases):
    """An installation of horizon with a migrated database and no user."""
    installation = Horizon(pg, horizon_databases.migrated())
    yield installation
    installation.done()


@pytest.fixture(scope="module")
def fragile_databases(fragile_pg):
    return Databases(fragile_pg)


@pytest.fixture
def service_factory(request):
    """service_factory(databases, role="app") makes an installation that can serve, not started yet.
    At the end each process is stopped and has to have ended well."""
    if not os.access(HORIZON, os.X_OK):
        pytest.fail(f"there is no program {HORIZON}: build it or set WEIR_BIN")
    services = request.node.stash.setdefault(STASH_SERVICES, [])

    def make(databases, role="app"):
        service = Service(databases.pg, databases.migrated(), role)
        services.append(service)
        if role != "app":
            databases.pg.sql(f"GRANT app TO {role}", fetch=False)
        return service

    yield make
    failed = request.node.stash.get(STASH_FAILED, False)
    try:
        for service in services:
            codes = [service.stop(process) for process in list(service.processes)]
            assert failed or codes == [0] * len(codes), f"exit codes {codes}"
            assert failed or not service.bad_signs(), service.bad_signs()
    finally:
        for service in services:
            service.forget(keep_files=bool(os.environ.get("WEIR_KEEP")))


@pytest.fixture
def service(service_factory, horizon_databases):
    """A service with one user, ann, without data; service.ann is the id."""
    made = service_factory(horizon_databases)
    made.ann = made.add_user("ann")
    made.start()
    return made


@pytest.fixture(scope="module")
def shared(horizon_databases):
    """The same for tests of a module that leave it as it was; with the demonstration's user too."""
    made = Service(horizon_databases.pg, horizon_databases.migrated())
    made.ann = made.add_user("ann")
    made.demo_id = made.demo()
    made.start()
    made.token = made.login("ann")
    made.demo_token = made.login("demo")
    yield made
    try:
        assert made.stop() == 0 and not made.bad_signs(), made.bad_signs()
    finally:
        made.forget()
