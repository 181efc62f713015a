"""node-postgres and postgres.js through the daemon (node/*.mjs do the talking). Needs node and
`npm install` in this folder, which script/setup does."""
import os
import shutil
import subprocess

import pytest

from harness.door import POOL_SIZE

HERE = os.path.dirname(os.path.abspath(__file__))


def run_node(script, door, table):
    if not shutil.which("node"):
        pytest.skip("no node on this machine")
    if not os.path.isdir(os.path.join(HERE, "node_modules", "pg")):
        pytest.fail("tests/system/node_modules is missing: run npm install in tests/system")
    dsn = door.weir.dsn("app")
    environment = dict(os.environ, WEIR_MODE=door.mode, WEIR_TABLE=table, WEIR_CLIENTS="20",
                       WEIR_POOL_SIZE=str(POOL_SIZE), WEIR_HOST="localhost",
                       WEIR_PORT=str(dsn["port"]), WEIR_USER="app", WEIR_DATABASE="app",
                       WEIR_PASSWORD=dsn["password"], WEIR_CA=door.ca if door.is_tls else "")
    done = subprocess.run(["node", os.path.join(HERE, "node", script)], env=environment, text=True,
                          capture_output=True, timeout=70, check=False)
    assert done.returncode == 0, done.stderr
    assert "parts ok" in done.stdout


def test_node_postgres(door, table):
    door.prepares()
    run_node("pg.mjs", door, table)


def test_postgres_js(door, table):
    door.prepares()
    run_node("postgres.mjs", door, table)
