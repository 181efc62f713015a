"""pgbench through the daemon with more clients than servers: not one error. Short by default;
WEIR_PGBENCH_SECONDS=30 WEIR_PGBENCH_CLIENTS=200 WEIR_PGBENCH_POOL=20 is the full bar."""
import os
import re
import subprocess

import pytest

from harness.daemon import IS_PGBOUNCER
from harness.pg import CLIENT_BIN, PASSWORDS
from harness.pools import pools_add_up

PGBENCH = f"{CLIENT_BIN}/pgbench"
SECONDS = int(os.environ.get("WEIR_PGBENCH_SECONDS", "2"))
CLIENTS = int(os.environ.get("WEIR_PGBENCH_CLIENTS", "40"))
POOL_SIZE = int(os.environ.get("WEIR_PGBENCH_POOL", "5"))
RUNS = {
    "select": ["-S"],
    "tpcb": [],
    "extended": ["-S", "-M", "extended"],
    "prepared": ["-S", "-M", "prepared"],
    "tpcb-prepared": ["-M", "prepared"],
    "reconnect": ["-S", "-C"],
}


@pytest.fixture(scope="module")
def bench_database(pg):
    pg.sql("CREATE DATABASE bench OWNER app", fetch=False)
    subprocess.run([PGBENCH, "-i", "-q", "-s", "2", "-h", pg.folder, "-p", str(pg.port), "-U",
                    "app", "bench"], check=True, capture_output=True, timeout=120,
                   env=dict(os.environ, PGPASSWORD=PASSWORDS["app"]))
    yield "bench"
    pg.sql("DROP DATABASE bench WITH (FORCE)", fetch=False)


@pytest.mark.parametrize("mode,name", [("transaction", name) for name in RUNS] +
                         [("session", name) for name in ("tpcb-prepared", "reconnect")])
def test_pgbench(weir_factory, pg, bench_database, name, mode):
    if IS_PGBOUNCER and mode == "transaction" and "prepared" in name:
        pytest.skip("pgbouncer 1.18 knows no prepared statements in transaction mode")
    # in session mode every connected client holds a server: give it as many as clients
    clients = CLIENTS if mode == "transaction" or "-C" in RUNS[name] else POOL_SIZE
    weir = weir_factory(pg, pool_mode=mode, default_pool_size=POOL_SIZE,
                        max_client_conn=CLIENTS + 50, auth_type="scram-sha-256",
                        databases={"bench": f"host=127.0.0.1 port={pg.port} dbname=bench"})
    done = subprocess.run(
        [PGBENCH, "-n", "-h", weir.host, "-p", str(weir.port), "-U", "app", "-c",
         str(clients), "-j", "2", "-T", str(SECONDS), *RUNS[name], "bench"], text=True,
        capture_output=True, timeout=SECONDS + 60, check=False,
        env=dict(os.environ, PGPASSWORD=PASSWORDS["app"]))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "aborted" not in done.stderr
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    assert failed and failed[1] == "0", done.stdout
    assert int(re.search(r"transactions actually processed: (\d+)", done.stdout)[1]) > 0
    pools_add_up(weir, POOL_SIZE, database="bench")


def test_pgbench_many_clients_few_seconds(weir_factory, pg, bench_database):
    """The whole crowd at once, SCRAM on both sides: everybody gets in and gets served."""
    crowd = max(CLIENTS, 100)
    weir = weir_factory(pg, default_pool_size=POOL_SIZE, max_client_conn=crowd + 50,
                        databases={"bench": f"host=127.0.0.1 port={pg.port} dbname=bench"})
    done = subprocess.run(
        [PGBENCH, "-n", "-S", "-h", weir.host, "-p", str(weir.port), "-U", "app", "-c",
         str(crowd), "-t", "20", "bench"], text=True, capture_output=True, timeout=80,
        check=False, env=dict(os.environ, PGPASSWORD=PASSWORDS["app"]))
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{crowd * 20}/{crowd * 20}" in done.stdout
    pools_add_up(weir, POOL_SIZE, database="bench")
