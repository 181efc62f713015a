"""The console: SHOW with PgBouncer's columns first and in PgBouncer's order, so that exporters and
dashboards go on working; the verbs; who may do what; the log lines people grep for."""
import psycopg
import psycopg2
import pytest

from harness import wire
from harness.daemon import IS_PGBOUNCER
from harness.pools import pools_add_up
from harness.threads import in_threads
from harness.wait import until
from harness.wire import RawClient, ServerError

# Columns as PgBouncer 1.25 documents them; (1.18 has a subset in the same order).
SOCKET_COLUMNS = """type user database replication state addr port local_addr local_port
    connect_time request_time wait wait_us close_needed ptr link remote_pid tls application_name
    prepared_statements id"""
COLUMNS = {name: text.split() for name, text in {
    "POOLS": """database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req
        sv_active sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait
        maxwait_us pool_mode load_balance_hosts""",
    "CLIENTS": SOCKET_COLUMNS,
    "SERVERS": SOCKET_COLUMNS,
    "DATABASES": """name host port database force_user pool_size min_pool_size reserve_pool_size
        server_lifetime pool_mode load_balance_hosts max_connections current_connections
        max_client_connections current_client_connections paused disabled""",
    "STATS": """database total_server_assignment_count total_xact_count total_query_count
        total_received total_sent total_xact_time total_query_time total_wait_time
        total_client_parse_count total_server_parse_count total_bind_count
        avg_server_assignment_count avg_xact_count avg_query_count avg_recv avg_sent avg_xact_time
        avg_query_time avg_wait_time avg_client_parse_count avg_server_parse_count
        avg_bind_count""",
    "LISTS": "list items",
    "CONFIG": "key value default changeable",
    "VERSION": "version",
}.items()}
LISTS = """databases users peers pools peer_pools free_clients used_clients login_clients
    free_servers used_servers dns_names dns_zones dns_queries dns_pending""".split()


def raw(weir, user="app", database="app"):
    return RawClient(weir.host, weir.port).login(user, database)


def console(weir, user="admin"):
    return RawClient(weir.host, weir.port).login(user, "pgbouncer")


def column_names(weir, show):
    """Names of the columns, also when there is no row."""
    with console(weir) as client:
        client.send(wire.query(f"SHOW {show}"))
        for kind, body in client.until(b"Z"):
            if kind == b"T":
                names, rest = [], body[2:]
                while rest:
                    name, rest = rest.split(b"\0", 1)
                    names.append(name.decode())
                    rest = rest[18:]
                return names
    raise AssertionError(f"SHOW {show} has no columns")


# ---- SHOW

@pytest.mark.parametrize("show", COLUMNS)
def test_columns_are_pgbouncers(weir, show):
    names = column_names(weir, show)
    expected = COLUMNS[show]
    if IS_PGBOUNCER:
        assert [name for name in expected if name in names] == \
            [name for name in names if name in expected]
    else:
        assert names[:len(expected)] == expected


def test_show_pools_counts(weir):
    holder, idle = raw(weir), raw(weir)
    holder.ask("BEGIN")
    row = weir.pool()
    assert (int(row["cl_active"]), int(row["cl_waiting"])) == (2, 0)
    assert (int(row["sv_active"]), int(row["sv_idle"])) == (1, 0)
    assert row["pool_mode"] == "transaction"
    holder.ask("COMMIT")
    until(lambda: int(weir.pool()["sv_active"]) == 0, 10, "the server is idle")
    assert int(weir.pool()["sv_idle"] or 0) + int(weir.pool()["sv_used"]) == 1
    holder.close()
    idle.close()
    until(lambda: int(weir.pool()["cl_active"]) == 0, 10, "the clients are gone")


def test_show_clients_and_servers_are_linked(weir):
    with RawClient(weir.host, weir.port) as client:
        client.login(application_name="find me")
        client.ask("BEGIN")
        pid = int(client.ask("SELECT pg_backend_pid()")[0][0])
        me = [c for c in weir.console("SHOW CLIENTS") if c["application_name"] == "find me"]
        assert len(me) == 1
        assert (me[0]["type"], me[0]["user"], me[0]["database"]) == ("C", "app", "app")
        assert me[0]["state"] == "active" and me[0]["addr"] == "127.0.0.1"
        assert int(me[0]["port"]) == client.socket.getsockname()[1]
        mine = [s for s in weir.console("SHOW SERVERS") if int(s["remote_pid"]) == pid]
        assert len(mine) == 1 and mine[0]["type"] == "S" and mine[0]["state"] == "active"
        assert mine[0]["link"] == me[0]["ptr"] and me[0]["link"] == mine[0]["ptr"]
        assert int(mine[0]["port"]) == weir.pg.port


def test_show_databases(weir_factory, pg):
    weir = weir_factory(pg, databases={
        "one": f"host=127.0.0.1 port={pg.port} dbname=app pool_size=7 pool_mode=session",
        "two": f"host=127.0.0.1 port={pg.port} dbname=postgres user=app max_db_connections=3"})
    rows = {row["name"]: row for row in weir.console("SHOW DATABASES")}
    assert set(rows) == {"one", "two", "pgbouncer"}
    assert (rows["one"]["database"], int(rows["one"]["pool_size"])) == ("app", 7)
    assert rows["one"]["pool_mode"] == "session" and rows["two"]["pool_mode"] is None
    assert rows["two"]["force_user"] == "app" and int(rows["two"]["max_connections"]) == 3
    assert int(rows["one"]["port"]) == pg.port and int(rows["one"]["paused"]) == 0


def test_show_stats_counts_queries_and_transactions(weir):
    with raw(weir) as client:
        for sql in ("SELECT 1", "SELECT 2", "BEGIN", "SELECT 3", "COMMIT"):
            client.ask(sql)

    def row():
        return next(r for r in weir.console("SHOW STATS") if r["database"] == "app")

    until(lambda: int(row()["total_query_count"]) == 5, 10, "five queries")
    assert int(row()["total_xact_count"]) == 3
    assert int(row()["total_received"]) > 50 and int(row()["total_sent"]) > 50
    assert int(row()["total_query_time"]) > 0


def test_show_lists(weir):
    with raw(weir) as client:
        client.ask("SELECT 1")
        rows = {row["list"]: int(row["items"]) for row in weir.console("SHOW LISTS")}
        assert [name for name in LISTS if name not in rows
                and not (IS_PGBOUNCER and "peer" in name)] == []
        assert rows["databases"] == (2 if IS_PGBOUNCER else 1)  # it counts its console
        assert rows["used_clients"] >= 2 and rows["used_servers"] == 1


def test_show_config_has_what_was_set(weir):
    rows = {row["key"]: row for row in weir.console("SHOW CONFIG")}
    assert rows["default_pool_size"]["value"] == "5"
    assert rows["default_pool_size"]["default"] == "20"
    assert rows["default_pool_size"]["changeable"] == "yes"
    assert rows["listen_port"]["value"] == str(weir.port)
    assert rows["listen_port"]["changeable"] == "no"
    assert rows["pool_mode"]["value"] == "transaction"


def test_show_version_and_help(weir):
    heard = []
    connection = psycopg2.connect(**weir.dsn("admin", "pgbouncer"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SHOW VERSION")
        assert ("PgBouncer" if IS_PGBOUNCER else "weir") in cursor.fetchone()[0]
        cursor.execute("SHOW HELP")
        heard = "".join(connection.notices)
        if cursor.description:
            heard += repr(cursor.fetchall())
    connection.close()
    for word in ("SHOW", "PAUSE", "RESUME", "RELOAD", "RECONNECT", "KILL", "SHUTDOWN"):
        assert word in heard


def test_commands_in_any_spelling(weir):
    for text in ("show pools", "SHOW POOLS;", "  Show\tPools ;  ", "sHoW pOoLs"):
        assert weir.console(text) is not None
    with console(weir) as client:
        client.send(wire.query(""))
        assert client.until(b"Z", None)[-1][0] == b"Z"


def test_an_unknown_command_says_where_help_is(weir):
    for text in ("SELEKT", "SHOW NOTHING", "SHOW", "PAUSE a b c", "DROP TABLE users"):
        with console(weir) as client:
            with pytest.raises(ServerError) as failed:
                client.ask(text)
            said = failed.value.fields
            assert said["S"] == "ERROR"
            assert "SHOW HELP" in said["M"] + said.get("H", "")
            assert client.ask("SHOW VERSION")  # and the session goes on


@pytest.mark.weir_only
def test_the_alias_weir(weir):
    with RawClient(weir.host, weir.port) as client:
        client.login("admin", "weir")
        assert client.ask("SHOW VERSION")


@pytest.mark.weir_only
def test_the_console_speaks_the_extended_protocol(weir):
    with psycopg.connect(**weir.dsn("admin", "pgbouncer"), autocommit=True) as connection:
        assert connection.execute("SHOW VERSION").fetchone()[0].startswith("weir")


# ---- rights

def test_who_may_do_what(weir_factory, pg):
    weir = weir_factory(pg)
    with console(weir, "stats") as client:
        assert client.ask("SHOW POOLS")
        for command in ("PAUSE", "RESUME", "RELOAD", "RECONNECT", "KILL app", "KILL_CLIENT 1",
                        "SHUTDOWN", "SET default_pool_size = 9", "DISABLE app"):
            with pytest.raises(ServerError) as refused:
                client.ask(command)
            if not IS_PGBOUNCER:
                assert refused.value.fields["C"] == "42501", command
    assert weir.sql("SELECT 1") == [(1,)]
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError):
        client.login("app", "pgbouncer")
    assert weir.console("SHOW CONFIG")


def test_the_console_needs_a_password(weir_factory, pg):
    weir = weir_factory(pg, auth_type="md5")
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError):
        client.login("admin", "pgbouncer", "wrong")
    assert weir.console("SHOW VERSION")


# ---- verbs

def test_pause_and_resume(weir):
    with raw(weir) as inside, raw(weir) as waiting, console(weir) as admin:
        inside.ask("BEGIN")
        admin.send(wire.query("PAUSE"))
        until(lambda: "PAUSE" in weir.log().upper(), 10, "the command is logged")
        waiting.send(wire.query("SELECT 'later'"))
        until(lambda: int(weir.pool()["cl_waiting"]) == 1, 10, "the client waits")
        assert inside.ask("SELECT 1") == [[b"1"]]  # what runs may finish
        inside.ask("COMMIT")
        admin.answer()  # now PAUSE is done
        assert not weir.pg.backends("app")
        assert int(weir.pool()["cl_waiting"]) == 1
        weir.console("RESUME")
        assert waiting.answer() == [[b"later"]]
    pools_add_up(weir)


def test_pause_of_one_database(weir_factory, pg):
    weir = weir_factory(pg, databases={
        "app": f"host=127.0.0.1 port={pg.port} dbname=app",
        "other": f"host=127.0.0.1 port={pg.port} dbname=app"})
    weir.sql("SELECT 1")
    weir.console("PAUSE app")
    assert weir.sql("SELECT 2", dbname="other") == [(2,)]
    rows = {row["name"]: int(row["paused"]) for row in weir.console("SHOW DATABASES")}
    assert rows["app"] == 1 and rows["other"] == 0
    weir.console("RESUME app")
    pools_add_up(weir)
    with console(weir) as client, pytest.raises(ServerError):
        client.ask("PAUSE nowhere")


def test_reconnect_replaces_servers_when_they_are_free(weir):
    with raw(weir) as inside, raw(weir) as idle:
        inside.ask("BEGIN")
        held = inside.ask("SELECT pg_backend_pid()")
        other = idle.ask("SELECT pg_backend_pid()")
        weir.console("RECONNECT")
        assert inside.ask("SELECT pg_backend_pid()") == held
        assert idle.ask("SELECT pg_backend_pid()") not in (held, other)
        inside.ask("COMMIT")
        until(lambda: int(held[0][0]) not in weir.pg.backends("app"), 10, "the old server is gone")
    pools_add_up(weir)


def test_kill_ends_everybody_of_a_database(weir):
    with raw(weir) as inside, raw(weir) as idle:
        inside.ask("BEGIN")
        idle.ask("SELECT 1")
        weir.console("KILL app")
        for client in (inside, idle):
            assert client.is_closed()
    until(lambda: not weir.pg.backends("app"), 10, "no backend is left")
    weir.console("RESUME app")
    pools_add_up(weir)


@pytest.mark.weir_only
def test_kill_client(weir):
    with RawClient(weir.host, weir.port) as victim, raw(weir) as spared:
        victim.login(application_name="victim")
        victim.ask("BEGIN")
        rows = weir.console("SHOW CLIENTS")
        number = next(row["id"] for row in rows if row["application_name"] == "victim")
        weir.console(f"KILL_CLIENT {number}")
        assert victim.is_closed()
        assert spared.ask("SELECT 1") == [[b"1"]]
    with console(weir) as client, pytest.raises(ServerError):
        client.ask("KILL_CLIENT 999999999")
    pools_add_up(weir)


@pytest.mark.weir_only
def test_disable_and_enable(weir):
    with raw(weir) as inside:
        weir.console("DISABLE app")
        with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError):
            client.login()
        assert inside.ask("SELECT 1") == [[b"1"]]
        weir.console("ENABLE app")
    pools_add_up(weir)


def test_set_and_reload(weir):
    weir.console("SET default_pool_size = 9")
    rows = {row["key"]: row["value"] for row in weir.console("SHOW CONFIG")}
    assert rows["default_pool_size"] == "9"
    weir.console("RELOAD")
    rows = {row["key"]: row["value"] for row in weir.console("SHOW CONFIG")}
    assert rows["default_pool_size"] == "5"
    with console(weir) as client, pytest.raises(ServerError):
        client.ask("SET default_pool_size = 'many'")


def test_shutdown(weir):
    with console(weir) as client:
        client.send(wire.query("SHUTDOWN"))
        assert client.is_closed()
    assert weir.process.wait(10) in ((0, 1) if IS_PGBOUNCER else (0,))
    weir.process = None


@pytest.mark.weir_only
def test_shutdown_that_waits_for_transactions(weir):
    inside = raw(weir)
    inside.ask("BEGIN")
    with console(weir) as client:
        client.send(wire.query("SHUTDOWN WAIT_FOR_SERVERS"))
        weir.await_log("SHUTDOWN")
        assert inside.ask("SELECT 1") == [[b"1"]]
        assert weir.process.poll() is None
        inside.ask("COMMIT")
        inside.close()
    assert weir.process.wait(10) == 0


def test_many_consoles_at_once(weir):
    def work(_):
        for _ in range(5):
            assert weir.console("SHOW POOLS") is not None
            assert weir.console("SHOW CLIENTS")
    in_threads(8, work)


# ---- log

def test_log_lines_of_a_clients_life(weir):
    with RawClient(weir.host, weir.port) as client:
        client.login(application_name="logged")
        client.ask("SELECT 1")
        client.send(wire.TERMINATE)
        assert client.is_closed()
    assert "app/app@127.0.0.1" in weir.await_log("login attempt: db=app user=app")
    assert "S-" in weir.await_log("new connection to server")
    assert "C-" in weir.await_log("closing because: client close request")
    with raw(weir):
        pass
    weir.await_log("closing because: client unexpected eof")
    weir.console("RECONNECT")
    weir.await_log("closing because:")


def test_log_lines_of_errors(weir):
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError):
        client.login("app", "no_such_db")
    assert "C-" in weir.await_log("no_such_db")
    weir.await_log("closing because: ")


@pytest.mark.weir_only
def test_names_from_outside_cannot_forge_log_lines(weir):
    with RawClient(weir.host, weir.port) as client, pytest.raises((ServerError, EOFError)):
        client.login("app\n2026-01-01 LOG forged line", "app")
    assert not any(line.startswith("2026-01-01 LOG forged") for line in weir.log().splitlines())
