"""Replication connections, logical and physical: each has a server of its own for as long as it
lasts, opened with its start-up parameters; what streams is passed on as it comes."""
import os
import shutil
import subprocess
import tempfile

import psycopg2
import psycopg2.errors
import psycopg2.extras
import pytest

from harness import wire
from harness.daemon import CONSOLE_PASSWORDS
from harness.pg import CLIENT_BIN, PASSWORDS, VERSION, give_to_postgres, unprivileged
from harness.wait import until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only
USER, PASSWORD = "u_repl", "repl-8Jd3"
SECRETS = {**PASSWORDS, **CONSOLE_PASSWORDS, USER: PASSWORD}
PHYSICAL = psycopg2.extras.PhysicalReplicationConnection
LOGICAL = psycopg2.extras.LogicalReplicationConnection


@pytest.fixture(scope="module", autouse=True)
def role(pg):
    pg.sql(f"CREATE ROLE {USER} LOGIN REPLICATION PASSWORD '{PASSWORD}'", fetch=False)
    yield
    until(lambda: not pg.backends(USER) and not senders(pg), 10, "the role is not used any more")
    pg.sql(f"DROP ROLE {USER}", fetch=False)


@pytest.fixture
def start(weir_factory, pg):
    """Starts a daemon; clients of physical replication ask for the database "replication"."""
    line = f"host=127.0.0.1 port={pg.port} dbname=app"
    return lambda **settings: weir_factory(pg, secrets=SECRETS, databases={
        "app": line, "replication": line}, **settings)


@pytest.fixture
def weir(start):
    return start(default_pool_size=2)


def connect(weir, kind, user=USER, **more):
    return psycopg2.connect(**{**weir.dsn(user), "password": PASSWORD, **more},
                            connection_factory=kind)


def kinds(weir, show):
    return sorted(row["replication"] for row in weir.console(f"SHOW {show}")
                  if row["user"] == USER and row["replication"] != "none")


def gone(weir):
    until(lambda: not kinds(weir, "CLIENTS") and not kinds(weir, "SERVERS"), 10,
          "client and server are gone")


def senders(pg):
    return [row["pid"] for row in pg.sql("SELECT pid FROM pg_stat_activity WHERE usename = %s AND"
                                         " backend_type = 'walsender'", (USER,))]


def identify(connection):
    with connection.cursor() as cursor:
        cursor.execute("IDENTIFY_SYSTEM")
        return cursor.fetchone()


@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_replication_connections_work_in_every_mode(start, mode):
    weir = start(pool_mode=mode)
    physical, logical = connect(weir, PHYSICAL), connect(weir, LOGICAL)
    assert identify(physical)[3] is None
    assert identify(logical)[3] == "app"
    assert kinds(weir, "CLIENTS") == kinds(weir, "SERVERS") == ["logical", "physical"]
    physical.close()
    logical.close()
    gone(weir)


def test_start_up_parameters_reach_the_server(weir):
    connection = connect(weir, LOGICAL, application_name="standby7",
                         options="-c datestyle=German -c geqo=off")
    with connection.cursor() as cursor:
        for name, wanted in (("application_name", "standby7"), ("DateStyle", "German, DMY"),
                             ("geqo", "off")):
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone()[0] == wanted
    assert connection.get_parameter_status("DateStyle") == "German, DMY"
    connection.close()


def test_a_server_of_replication_is_never_lent_again(weir, pg):
    connection = connect(weir, LOGICAL)
    assert identify(connection)
    first = senders(pg)
    assert len(first) == 1
    connection.close()
    until(lambda: not senders(pg), 10, "its server is closed")
    ordinary = weir.connect(USER, password=PASSWORD)
    with ordinary.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone()[0] not in first
    ordinary.close()
    gone(weir)


def test_logical_changes_stream_through(weir, pg, table):
    slot = "slot_" + table
    connection = connect(weir, LOGICAL)
    with connection.cursor() as cursor:
        cursor.create_replication_slot(slot, output_plugin="test_decoding")
        cursor.start_replication(slot_name=slot, decode=True)
        pg.sql(f"INSERT INTO {table} SELECT i, repeat('x', 9000) FROM generate_series(1, 50) i",
               database="app", fetch=False)
        seen = []

        def has_all():
            message = cursor.read_message()
            if message:
                seen.append(message.payload)
                cursor.send_feedback(flush_lsn=message.data_start)
            return sum("INSERT" in payload for payload in seen) == 50
        until(has_all, 20, "all rows have come")
    connection.close()
    until(lambda: not pg.sql("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active",
                             (slot,)), 10, "the slot is free again")
    pg.sql("SELECT pg_drop_replication_slot(%s)", (slot,))
    gone(weir)


@pytest.mark.skipif(VERSION > 15, reason="pg_basebackup 15 refuses newer servers")
def test_a_base_backup_goes_through(weir, pg):
    folder = tempfile.mkdtemp(prefix="weir-backup-")
    give_to_postgres(folder)
    try:
        done = subprocess.run(
            [f"{CLIENT_BIN}/pg_basebackup", "-h", weir.host, "-p", str(weir.port), "-U", USER, "-d",
             "dbname=app", "-D", f"{folder}/data", "-X", "stream", "-c", "fast"],
            env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True, timeout=60,
            cwd=folder, **unprivileged())
        assert done.returncode == 0, done.stderr
        assert os.path.exists(f"{folder}/data/PG_VERSION")
        assert os.listdir(f"{folder}/data/pg_wal")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    gone(weir)


def test_replication_counts_in_the_pool_it_is_shown_in(weir):
    connection = connect(weir, PHYSICAL)
    assert identify(connection)
    rows = [row for row in weir.console("SHOW POOLS") if row["user"] == USER]
    assert [(row["cl_active"], row["sv_active"]) for row in rows] == [(1, 1)]
    databases = [r for r in weir.console("SHOW DATABASES") if r["name"] == "replication"]
    assert databases[0]["current_connections"] == databases[0]["current_client_connections"] == 1
    connection.close()
    gone(weir)


def test_replication_waits_in_line_under_a_limit(start):
    weir = start(max_user_connections=1, query_wait_timeout=20)
    first = connect(weir, PHYSICAL)
    assert identify(first)
    with RawClient(weir.host, weir.port) as second:
        second.send(wire.startup(USER, "app", replication="true"))
        until(lambda: weir.pool(USER)["cl_waiting"] == 1, 10, "the second waits")
        first.close()
        assert second.until(b"Z")[-1][0] == b"Z"
    gone(weir)


def test_senders_that_are_used_up_slow_nobody_else(start):
    weir = start(query_wait_timeout=1)
    held = [connect(weir, PHYSICAL) for _ in range(4)]
    with pytest.raises(psycopg2.OperationalError) as refused:
        connect(weir, PHYSICAL)
    assert "query_wait_timeout" in str(refused.value)
    assert "max_wal_senders" in str(refused.value)
    assert weir.sql("SELECT 1", user=USER, password=PASSWORD) == [(1,)]
    assert weir.pool(USER)["ceiling"] is weir.pool(USER, "replication")["ceiling"] is None
    for connection in held:
        connection.close()
    gone(weir)


def test_a_role_without_the_right_is_told_so(weir):
    with pytest.raises(psycopg2.OperationalError) as refused:
        connect(weir, PHYSICAL, user="app", password=PASSWORDS["app"])
    assert ("walsender" if VERSION < 16 else "permission denied") in str(refused.value)


def test_the_console_cannot_be_replicated(weir):
    with pytest.raises(psycopg2.OperationalError, match="console"):
        connect(weir, LOGICAL, user="admin", dbname="pgbouncer",
                password=CONSOLE_PASSWORDS["admin"])


def test_an_error_of_the_stream_is_passed_on_and_the_session_goes_on(weir):
    connection = connect(weir, LOGICAL)
    with connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error, match="does not exist"):
            cursor.start_replication(slot_name="no_such_slot")
    assert identify(connection)[3] == "app"
    connection.close()
    gone(weir)


def test_a_drain_ends_replication_at_once(start):
    weir = start()
    connection = connect(weir, PHYSICAL)
    assert identify(connection)
    assert weir.stop() == 0  # within its deadline, which is before the drain's own end
    connection.close()
