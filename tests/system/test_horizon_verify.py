"""horizon verify, and with it the incident's load: pages of five requests at once against a role that
may have 20 connections, directly and through weir, on one process and on two."""
import json
import os
import threading

import pytest

from harness.horizon import PASSWORD
from harness.pg import PASSWORDS
from harness.wait import until

PAGES = 200 if os.environ.get("WEIR_LONG") else 60
AT_ONCE = 50
# How long a page takes is the demonstration's business: here programs are slowed by sanitizers and
# by other tests.
PATIENT = {"HORIZON_POOL_TIMEOUT_MS": 10000, "HORIZON_QUERY_TIMEOUT_MS": 9000}


def verify(service, *arguments, code=0, port=None):
    return service.run("verify", f"http://127.0.0.1:{port or service.port}", "--password-file",
                       service.password_file, *arguments, code=code)


def load(service):
    """The incident's load; the report."""
    out, _ = verify(service, "--pages", str(PAGES), "--concurrency", str(AT_ONCE), "--json")
    report = json.loads(out)
    assert report["verified"] and report["failures"] == []
    assert (report["pages_good"], report["requests_good"]) == (PAGES, 5 * PAGES)
    assert report["pool_timeouts"] == report["pool_refusals"] == 0
    return report


# ---- the incident

@pytest.mark.parametrize("processes", [1, 2])
def test_the_incidents_load_does_not_fail_on_twenty_connections(service_factory, horizon_databases,
                                                                processes):
    service = service_factory(horizon_databases, role="app20")
    service.demo()
    service.start(WEB_CONCURRENCY=processes, **PATIENT)
    report = load(service)
    assert report["processes"] == processes
    assert report["pool_limit"] * processes < 20 and report["pool_connect_failures"] == 0
    assert "too many connections" not in service.log()


@pytest.mark.parametrize("processes", [1, 2])
def test_the_incidents_load_does_not_fail_through_weir(service_factory, horizon_databases,
                                                       weir_factory, processes):
    service = service_factory(horizon_databases, role="app20")
    service.demo()
    weir = weir_factory(service.pg, start=False)
    weir.start(databases={service.database: weir.conninfo(service.database)},
               auth_type="scram-sha-256", default_pool_size=18, max_client_conn=100)
    service.start(WEB_CONCURRENCY=processes, HORIZON_LISTEN_URL=service.url,
                  DATABASE_URL=service.url_at(weir.port), **PATIENT)
    assert load(service)["processes"] == processes
    assert "too many connections" not in service.log()


# ---- what verify finds

def test_a_good_service_is_verified_in_few_lines(shared):
    out, _ = verify(shared)
    lines = out.splitlines()
    assert lines[-1] == "verified" and len(lines) < 10
    assert "4 assets against ^SPX over 1260 days, as of 2018-05-11" in out
    assert "0 time-outs, 0 refusals, 0 failed connects" in out
    assert PASSWORD not in out


@pytest.mark.parametrize("arguments, words", [
    (("--assets", "5"), "watch has 4 assets, not 5"),
    (("--benchmark", "^DJI"), 'benchmark is "^SPX", not "^DJI"'),
])
def test_what_is_missing_is_found(shared, arguments, words):
    out, err = verify(shared, *arguments, code=1)
    assert words in out and "not verified" in err


def test_a_user_without_a_portfolio_is_not_verified(shared):
    out, _ = verify(shared, "--user", "ann", code=1)
    assert "watch has no as_of" in out or "watch has 0 assets" in out


def test_a_page_slower_than_allowed_is_not_verified(shared):
    """A lock on a table that every page reads is let go after a while."""
    lock = shared.pg.connect(shared.database)
    lock.autocommit = False
    lock.cursor().execute("LOCK TABLE snapshots IN ACCESS EXCLUSIVE MODE")
    result = []
    run = threading.Thread(target=lambda: result.append(verify(shared, "--p99", "1", code=1)))
    run.start()
    until(lambda: shared.sql("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND"
                             " wait_event_type = 'Lock'", (shared.database,)), 30,
          "a request waits for the lock")
    lock.close()
    run.join(60)
    assert "1 are allowed" in result[0][1]


def edit(service, statement):
    """Answers are kept by their version: an edit by hand has to make a new one."""
    service.sql(statement, fetch=False)
    service.sql("UPDATE snapshots SET data_version = data_version + 1", fetch=False)


def test_stored_values_that_disagree_are_found(service):
    """Somebody has edited the stored figures by hand."""
    service.demo()
    edit(service, "UPDATE snapshots SET twr = twr + 0.1")
    out, _ = verify(service, code=1)
    assert "twr is 2.25323607 in summary, 2.15323607 in charts/portfolio" in out
    edit(service, "UPDATE snapshots SET twr = twr - 0.1")
    verify(service)
    edit(service, "UPDATE views SET price = price + 1 FROM assets WHERE id = asset_id AND"
                  " symbol = 'IBM'")
    out, _ = verify(service, code=1)
    assert "IBM is worth 7207.00 in summary, price x quantity are 7256.9999" in out


def test_a_service_whose_database_is_down_is_not_verified(service_factory, fragile_databases,
                                                          fragile_pg):
    service = service_factory(fragile_databases)
    service.demo()
    service.start()
    verify(service)
    fragile_pg.stop("fast")  # this one commits to memory: "immediate" would lose the demonstration
    try:
        out, err = verify(service, code=1)
        assert "status 503" in out and "not verified" in err
    finally:
        fragile_pg.start()
    # the pool tries again after a back-off of up to five seconds
    until(lambda: verify(service), 60, "the service has recovered by itself")


@pytest.mark.parametrize("arguments, code, words", [
    ((), 2, "which one?"),
    (("ftp://127.0.0.1/",), 2, "is no http or https URL"),
    (("http://127.0.0.1:1",), 1, "no answer to the login"),
    (("http://127.0.0.1:1", "--pages", "0"), 2, "--pages is a number from 1 to"),
    (("http://127.0.0.1:1", "--concurrency", "many"), 2, "--concurrency is a number"),
])
def test_wrong_usage_says_what_to_do(horizon, arguments, code, words):
    _, err = horizon.run("verify", *arguments, "--password-file", horizon.password_file, code=code)
    assert words in err


def test_a_wrong_password_is_told(shared):
    path = shared.file("wrong", "not the password\n")
    _, err = shared.run("verify", f"http://127.0.0.1:{shared.port}", "--password-file", path, code=1)
    assert "demo cannot log in: status 401 invalid_credentials" in err


# ---- beside it

def test_an_import_while_the_service_runs_is_seen_by_the_next_page(service):
    service.demo()
    verify(service)
    path = service.file("more.csv", "date,type,amount\n2018-05-11,DEPOSIT,1000\n")
    token = service.login("demo")
    before = service.get("/api/portfolio-manager/summary", token).json
    service.run("import", "activities", path, "--user", "demo")
    after = service.get("/api/portfolio-manager/summary", token).json
    assert round(after["total_value"] - before["total_value"], 2) == 1000
    assert after["data_version"] != before["data_version"]
    verify(service)


def test_pages_stay_consistent_while_imports_run(service):
    """Every page is of one version or of two, but no answer fails or is half of each."""
    service.demo()
    files = [service.file(f"{i}.csv", f"date,type,amount\n2018-05-11,DEPOSIT,{i}\n")
             for i in range(1, 6)]
    token = service.login("demo")
    stop = threading.Event()
    seen, wrong = set(), []

    def read():
        client = service.client()
        while not stop.is_set():
            answer = service.ask("GET", "/api/portfolio-manager/summary", token=token,
                                 client=client)
            if answer.status != 200:
                wrong.append(answer)
                return
            body = answer.json
            seen.add((body["data_version"], body["total_value"]))
            weights = sum(position["weight"] for position in body["positions"])
            if abs(weights + body["cash_weight"] - 1) > 1e-6:
                wrong.append(body)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for path in files:
        service.run("import", "activities", path, "--user", "demo")
    stop.set()
    for reader in readers:
        reader.join(30)
    assert not wrong, wrong[:2]
    versions = [version for version, _ in seen]
    assert len(versions) == len(set(versions))  # one version, one value


def test_the_role_of_the_load_may_have_twenty_connections(pg):
    rows = pg.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app20'")
    assert rows[0]["rolconnlimit"] == 20 and "app20" in PASSWORDS
