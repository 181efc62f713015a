"""Monitoring that was written for PgBouncer works on the console as it is: Debian's
prometheus-pgbouncer-exporter and check_postgres run for real; what the Prometheus community's
exporter asks is asked by its driver, Go's lib/pq (drivers/go-pq)."""
import json
import os
import re
import subprocess
import urllib.request

import pytest

from harness.daemon import CONSOLE_PASSWORDS, IS_PGBOUNCER
from harness.drivers import built
from harness.threads import in_threads
from harness.wait import free_port, until

EXPORTER_TRIES = 5
# what the community's exporter makes metrics and labels of: columns it takes when they are there
COMMUNITY = {
    "DATABASES": {"name", "host", "port", "database", "force_user", "pool_size", "pool_mode",
                  "max_connections", "current_connections", "paused", "disabled"},
    "STATS_TOTALS": {"database", "query_count", "query_time", "bytes_received", "bytes_sent",
                     "wait_time", "xact_count", "xact_time", "client_parse_count",
                     "server_parse_count", "bind_count"},
    "POOLS": {"database", "user", "cl_active", "cl_active_cancel_req", "cl_waiting",
              "cl_waiting_cancel_req", "sv_active", "sv_active_cancel", "sv_being_canceled",
              "sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait"},
}
COMMUNITY_LABELS = {"name", "host", "database", "force_user", "pool_mode", "user"}
COMMUNITY_LISTS = {"databases", "users", "pools", "free_clients", "used_clients", "login_clients",
                   "free_servers", "used_servers", "dns_names", "dns_zones", "dns_queries"}


@pytest.fixture
def busy(weir):
    """A daemon that has something to tell: three queries and a client that holds a server."""
    for n in range(3):
        assert weir.sql("SELECT %s", (n,)) == [(n,)]
    holder = weir.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("SELECT 1")
        yield weir
    holder.close()


def metrics(text):
    """Samples of the text format: {'name{labels}': value}."""
    found = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) ([-+.0-9e]+|NaN)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


class Exporter:
    """Debian's exporter as a process."""

    def __init__(self, weir, log_path):
        self.log_path = log_path
        for _ in range(EXPORTER_TRIES):
            self.port = free_port()
            with open(log_path, "wb") as log:
                self.process = subprocess.Popen(
                    ["/usr/bin/prometheus-pgbouncer-exporter", "--host", "127.0.0.1", "--port",
                     str(self.port), "--pgbouncer-host", "127.0.0.1", "--pgbouncer-port",
                     str(weir.port), "--pgbouncer-user", "stats"],
                    stdout=log, stderr=log, cwd="/",
                    env={**os.environ, "PGPASSWORD": CONSOLE_PASSWORDS["stats"]})
            until(lambda: self.process.poll() is not None or self._answers(), 30,
                  "the exporter listens")
            if self.process.poll() is None:
                return
        with open(log_path, errors="replace") as log:
            raise AssertionError(log.read())

    def _answers(self):
        return self.get("/")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def done(self):
        self.process.kill()
        self.process.wait(10)


@pytest.mark.weir_only
def test_debians_exporter(busy, tmp_path):
    exporter = Exporter(busy, tmp_path / "exporter.log")
    try:
        seen = metrics(exporter.get("/metrics"))
        assert seen['pgbouncer_requests_total{database="app"}'] >= 4
        assert seen['pgbouncer_received_bytes_total{database="app"}'] > 0
        assert seen['pgbouncer_sent_bytes_total{database="app"}'] > 0
        assert seen['pgbouncer_query_microseconds_total{database="app"}'] > 0
        assert seen['pgbouncer_active_clients{database="app",user="app"}'] == 1
        assert seen['pgbouncer_waiting_clients{database="app",user="app"}'] == 0
        assert seen['pgbouncer_pool_size{database="app"}'] == 5
        assert seen['pgbouncer_reserve_pool{database="app"}'] == 0
        for name in ("databases", "users", "pools", "used_clients", "free_servers", "used_servers",
                     "dns_names", "dns_queries"):
            assert f"pgbouncer_{name}" in seen
        again = metrics(exporter.get("/metrics"))
        assert again['pgbouncer_requests_total{database="app"}'] >= 4
    finally:
        exporter.done()


def check_postgres(weir, action, *arguments):
    done = subprocess.run(
        ["check_postgres", f"--action={action}", "--host=127.0.0.1", f"--port={weir.port}",
         "--dbuser=stats", *arguments], text=True, capture_output=True, timeout=60, check=False,
        env={**os.environ, "PGPASSWORD": CONSOLE_PASSWORDS["stats"]})
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("action", ["cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used",
                                    "sv_tested", "sv_login", "maxwait"])
def test_check_postgres_pools(busy, action):
    code, said = check_postgres(busy, f"pgb_pool_{action}", "--critical=1000", "--warning=999")
    assert code == 0 and said.startswith(f"POSTGRES_PGB_POOL_{action.upper()} OK"), said
    if action in ("cl_active", "sv_active"):
        assert "app=1" in said
        code, said = check_postgres(busy, f"pgb_pool_{action}", "--critical=1", "--warning=1")
        assert code == 2 and "CRITICAL" in said, said


def test_check_postgres_backends_and_checksum(busy):
    code, said = check_postgres(busy, "pgbouncer_backends", "--critical=1000", "--warning=900")
    assert code == 0 and "POSTGRES_PGBOUNCER_BACKENDS OK" in said, said
    code, said = check_postgres(busy, "pgbouncer_checksum", "--critical=0")
    assert re.search("checksum: [0-9a-f]{32}", said), said


def test_what_the_community_exporter_asks(busy):
    program = os.path.join(built("lib-pq"), "driver")
    url = (f"postgres://stats:{CONSOLE_PASSWORDS['stats']}@127.0.0.1:{busy.port}/pgbouncer"
           "?sslmode=disable")
    done = subprocess.run([program], env={**os.environ, "WEIR_URL": url}, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    for show, columns in COMMUNITY.items():
        if IS_PGBOUNCER:
            columns = {c for c in columns if "parse" not in c and "bind" not in c}
        for row in seen[show]:
            assert columns <= set(row), show
            for name in columns - COMMUNITY_LABELS:
                assert isinstance(row[name], (int, float)), (show, name, row[name])
    totals = {row["database"]: row for row in seen["STATS_TOTALS"]}
    assert totals["app"]["query_count"] >= 4
    lists = {row["list"]: row["items"] for row in seen["LISTS"]}
    assert COMMUNITY_LISTS <= set(lists)
    assert all(isinstance(count, int) for count in lists.values())
    config = {row["key"]: row for row in seen["CONFIG"]}
    assert set(config["max_client_conn"]) == {"key", "value", "default", "changeable"}
    assert int(config["max_client_conn"]["value"]) > 0
    assert int(config["max_user_connections"]["value"]) >= 0
    assert len(seen["VERSION"]) == 1 and len(seen["VERSION"][0]) == 1


def test_many_scrapes_at_once(busy):
    """Scrapers that come together get whole answers; the console needs no server."""
    def scrape(_):
        return [busy.console(f"SHOW {show}", user="stats")
                for show in ("STATS", "POOLS", "LISTS", "DATABASES")]
    for stats, pools, lists, databases in in_threads(12, scrape):
        assert {"app", "pgbouncer"} <= {row["database"] for row in stats}
        assert pools and lists and databases
