"""The rest of PgBouncer's console: SHOW of sockets, descriptors and names, SUSPEND, SHUTDOWN that
waits for clients, what RELOAD tells, cancelling a command, the phrases monitoring looks for."""
import signal

import psycopg2
import pytest

from harness import wire
from harness.wait import until
from harness.wire import RawClient, ServerError
from test_console import console, raw

pytestmark = pytest.mark.weir_only

def error_of(client, command):
    with pytest.raises(ServerError) as refused:
        client.ask(command)
    return refused.value.fields


def state(weir):
    return {row["key"]: row["value"] for row in weir.console("SHOW STATE")}


# ---- SHOW

def test_show_sockets_has_clients_and_servers(weir):
    with raw(weir) as client:
        client.ask("BEGIN")
        states = [row["state"] for row in weir.console("SHOW SOCKETS")]
        assert sorted(states) == ["cl_active", "cl_active", "sv_active"]  # and the console itself


def test_show_active_sockets_has_those_with_something_on_its_way(weir):
    with raw(weir) as idle, raw(weir) as busy:
        busy.send(wire.message(b"Q", b"x" * 100)[:50])  # half a message
        rows = until(lambda: weir.console("SHOW ACTIVE_SOCKETS"), 10, "half a message is there")
        mine = [row for row in rows if int(row["port"]) == busy.socket.getsockname()[1]]
        assert mine and int(mine[0]["recv_pos"]) + int(mine[0]["pkt_remain"]) > 0
        assert int(idle.socket.getsockname()[1]) not in [int(row["port"]) for row in rows]


def test_show_fds_is_for_admins_and_without_secrets(weir):
    with raw(weir) as client:
        client.ask("BEGIN")
        rows = weir.console("SHOW FDS")
        assert {row["task"] for row in rows} == {"pooler", "client", "server"}
        mine = next(row for row in rows if row["task"] == "client")
        server = next(row for row in rows if row["task"] == "server")
        assert (mine["user"], mine["database"]) == ("app", "app")
        assert int(mine["link"]) == int(server["fd"]) and int(server["link"]) == int(mine["fd"])
        assert all(row[key] is None for row in rows
                   for key in ("cancel", "password", "scram_client_key", "scram_server_key"))
    with console(weir, "stats") as stats:
        assert error_of(stats, "SHOW FDS")["M"] == "admin access needed"


def test_show_dns_hosts(weir_factory, pg):
    weir = weir_factory(pg, databases={"app": f"host=localhost port={pg.port} dbname=app"})
    assert weir.console("SHOW DNS_HOSTS") == [] and weir.console("SHOW DNS_ZONES") == []
    weir.sql("SELECT 1")
    row, = weir.console("SHOW DNS_HOSTS")
    assert row["hostname"] == "localhost" and "127.0.0.1" in row["addrs"].split(",")
    assert 0 <= int(row["ttl"]) <= 15
    lists = {row["list"]: int(row["items"]) for row in weir.console("SHOW LISTS")}
    assert lists["dns_names"] == 1


@pytest.mark.parametrize("name", ["client_encoding", "TimeZone", "datestyle",
                                  "default_transaction_isolation"])
def test_what_drivers_ask_a_server_for(weir, name):
    row, = weir.console(f"SHOW {name}")
    assert list(row) == [name.lower()] and row[name.lower()]


def test_select_is_show(weir):
    assert weir.console("SELECT version") == weir.console("SHOW VERSION")


def test_anybody_may_look_where_names_mean_nothing(weir_factory, pg):
    weir = weir_factory(pg, auth_type="any",
                        databases={"app": f"host=127.0.0.1 port={pg.port} dbname=app user=app"})
    with RawClient(weir.host, weir.port) as client:
        client.login("whoever", "pgbouncer")
        assert client.ask("SHOW STATE")
        assert error_of(client, "RELOAD")["C"] == "42501"


# ---- errors that scripts match

@pytest.mark.parametrize("command, said", [
    ("SHOW NOTHING", "invalid command 'SHOW NOTHING', use SHOW HELP;"),
    ("PAUSE nowhere", "no such database: nowhere"),
    ("PAUSE pgbouncer", "cannot pause admin db: pgbouncer"),
    ("KILL pgbouncer", "cannot kill admin db: pgbouncer"),
    ("RESUME", "pooler is not paused/suspended"),
    ("RESUME app", "database app is not paused"),
    ("DISABLE", "a database is required"),
    ("KILL_CLIENT x", "invalid client pointer supplied"),
    ("KILL_CLIENT 99999", "client not found"),
])
def test_errors_are_pgbouncers(weir, command, said):
    with console(weir) as client:
        assert error_of(client, command)["M"] == said


def test_commands_are_in_the_log_as_pgbouncer_writes_them(weir):
    weir.console("RECONNECT app")
    weir.await_log("RECONNECT 'app' command issued")
    weir.console("PAUSE")
    weir.await_log("PAUSE command issued")
    weir.console("RESUME")
    weir.await_log("RESUME command issued")


def test_the_stats_line_is_pgbouncers(weir_factory, pg):
    weir = weir_factory(pg, stats_period=1)
    line = weir.await_log("stats: ")
    shape = [part.strip() for part in line.split("stats: ")[1].split(",")]
    assert [" ".join(part.split()[1:]) for part in shape[:5]] == [
        "xacts/s", "queries/s", "client parses/s", "server parses/s", "binds/s"]
    assert [part.split()[0] for part in shape[5:]] == ["in", "out", "xact", "query", "wait"]


# ---- RELOAD tells what changed

def test_reload_tells_what_has_changed(weir):
    weir.write(default_pool_size=9, listen_backlog=77)
    connection = weir.connect(user="admin", dbname="pgbouncer")
    with connection.cursor() as cursor:
        cursor.execute("RELOAD")
        told = "".join(connection.notices)
        assert "default_pool_size" in told and "listen_backlog (restart)" in told
        del connection.notices[:]
        weir.write(default_pool_size=9, listen_backlog=77)
        cursor.execute("RELOAD")
        told = "".join(connection.notices)
        assert "default_pool_size" not in told
    connection.close()


# ---- a command that waits can be given up

@pytest.mark.parametrize("command", ["PAUSE", "PAUSE app", "WAIT_CLOSE"])
def test_a_waiting_command_can_be_cancelled(weir, command):
    with raw(weir) as client, console(weir) as admin:
        client.ask("BEGIN")
        if command == "WAIT_CLOSE":
            admin.ask("RECONNECT")
        admin.send(wire.query(command))
        weir.await_log("command issued" if command == "WAIT_CLOSE" else "PAUSE")
        admin.cancel(weir.host, weir.port)
        with pytest.raises(ServerError) as cancelled:
            admin.answer()
        assert cancelled.value.fields["C"] == "57014"
        client.ask("COMMIT")
        assert weir.sql("SELECT 1") == [(1,)]  # nothing is paused any more


# ---- SUSPEND

def test_suspend_stops_reading_and_resume_goes_on(weir):
    with raw(weir) as client, console(weir) as admin:
        client.ask("SELECT 1")
        admin.ask("SUSPEND")
        assert state(weir) == {"active": "no", "paused": "no", "suspended": "yes",
                               "phase": "running"}
        client.send(wire.query("SELECT 42"))
        until(lambda: any(int(row["recv_pos"]) > 0 for row in weir.console("SHOW SOCKETS")
                          if int(row["port"]) == client.socket.getsockname()[1]), 10,
              "the query has arrived")
        assert int(weir.pool()["sv_active"]) == 0
        assert error_of(admin, "PAUSE")["M"] == "already suspended/paused"
        admin.ask("RESUME")
        assert client.answer()[0][0] == b"42"
        assert state(weir)["suspended"] == "no"


def test_suspend_lets_a_message_that_has_begun_end(weir):
    """Who is in the middle of a message is read to its end before SUSPEND answers."""
    with raw(weir) as client, console(weir) as admin:
        client.ask("BEGIN")
        long = wire.query("SELECT length('" + "x" * 3_000_000 + "')")
        client.send(long[:1_500_000])
        until(lambda: any(int(row["pkt_remain"]) > 0 for row in weir.console("SHOW SOCKETS")), 10,
              "half of it is on its way")
        admin.send(wire.query("SUSPEND"))
        weir.await_log("SUSPEND command issued")
        client.send(long[1_500_000:])
        admin.until(b"Z", None)
        admin.ask("RESUME")
        assert client.answer()[0][0] == b"3000000"
        client.ask("COMMIT")


def test_suspend_sees_the_last_output_leave(weir_factory, pg):
    """Nothing happens any more when the end of a turn has sent what SUSPEND waits for."""
    weir = weir_factory(pg, suspend_timeout=0)
    with raw(weir) as client, console(weir) as admin:
        client.ask("SELECT 1")
        weir.signal(signal.SIGSTOP)  # so that one turn has both
        client.send(wire.message(b"S", b""))
        admin.send(wire.query("SUSPEND"))
        weir.signal(signal.SIGCONT)
        client.until(b"Z", None)
        admin.until(b"Z", None)
        admin.ask("RESUME")


def test_suspend_drops_who_does_not_finish_in_time(weir_factory, pg):
    weir = weir_factory(pg, suspend_timeout=0.3)
    with raw(weir) as client, console(weir) as admin:
        client.ask("BEGIN")
        client.send(wire.query("SELECT length('" + "x" * 3_000_000 + "')")[:1_500_000])
        until(lambda: any(int(row["pkt_remain"]) > 0 for row in weir.console("SHOW SOCKETS")), 10,
              "half of it is on its way")
        admin.ask("SUSPEND")
        weir.await_log("closing because: suspend_timeout")
        admin.ask("RESUME")


def test_the_last_admins_end_is_a_resume(weir):
    admin = console(weir)
    admin.ask("SUSPEND")
    admin.close()
    weir.await_log("admin disappeared when suspended, doing RESUME")
    assert weir.sql("SELECT 1") == [(1,)]


# ---- SHUTDOWN WAIT_FOR_CLIENTS

def test_shutdown_that_waits_for_clients(weir):
    """Nobody new, nobody closed; the console stays reachable by the Unix socket; the end comes
    with the last client."""
    with raw(weir) as client:
        with console(weir) as admin:
            admin.ask("SHUTDOWN WAIT_FOR_CLIENTS")
        with pytest.raises(psycopg2.OperationalError):
            weir.connect()
        with pytest.raises(psycopg2.OperationalError, match="pooler is shutting down"):
            weir.connect(host=weir.folder)
        rows = weir.connect(user="admin", dbname="pgbouncer", host=weir.folder)
        with rows.cursor() as cursor:
            cursor.execute("SHOW STATE")
            assert ("phase", "emptying") in cursor.fetchall()
        assert client.ask("SELECT 1") and client.ask("BEGIN") is not None
        assert client.ask("SELECT 2")
    assert weir.process.wait(15) == 0


def test_shutdown_that_waits_for_nobody_ends(weir):
    with console(weir) as admin:
        admin.ask("SHUTDOWN WAIT_FOR_CLIENTS")
    assert weir.process.wait(15) == 0


def test_sigterm_goes_before_waiting_for_clients(weir):
    with raw(weir) as client:
        client.ask("SELECT 1")
        with console(weir) as admin:
            admin.ask("SHUTDOWN WAIT_FOR_CLIENTS")
        weir.signal(signal.SIGTERM)
        assert client.is_closed()
    assert weir.process.wait(15) == 0
