"""Bugs that were found once, each as its smallest case."""
import contextlib
import signal
import socket
import threading

import pytest

from harness import wire
from harness.pools import pools_add_up
from harness.wait import rss_bytes, until
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only

MEGABYTE = 1024 * 1024


def raw(weir, **more):
    return RawClient(weir.host, weir.port).login("app", "app", **more)


def run_to_flush(client, sql):
    """Runs a statement by Parse, Bind, Execute, Flush: no Sync, its transaction stays open."""
    client.send(wire.parse("", sql), wire.bind(), wire.execute(), wire.FLUSH)
    client.until(b"C", b"E")


def test_a_batch_without_sync_is_not_committed_when_its_client_leaves(weir_factory, pg, table):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        run_to_flush(client, f"INSERT INTO {table} (id) VALUES (1)")
    assert weir.sql("SELECT 1") == [(1,)]
    assert weir.sql(f"SELECT count(*) FROM {table}") == [(0,)]
    pools_add_up(weir, 1)


def test_a_batch_without_sync_keeps_its_server(weir_factory, pg, table):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client, raw(weir) as other:
        run_to_flush(client, f"INSERT INTO {table} (id) VALUES (1)")
        client.send(wire.FLUSH)
        other.send(wire.query("SELECT 1/0"))
        client.send(wire.SYNC)
        assert client.until(b"Z")[-1] == (b"Z", b"I")
        with pytest.raises(ServerError):
            other.answer()
    assert weir.sql(f"SELECT count(*) FROM {table}") == [(1,)]
    pools_add_up(weir, 1)


def test_a_query_in_front_of_garbage_does_not_hold_its_server(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, cancel_wait_timeout=60, query_wait_timeout=5)
    with raw(weir) as client:
        client.send(wire.query("SELECT 1"), wire.message(b"?"))
        client.until(None)
    assert weir.sql("SELECT 1") == [(1,)]
    pools_add_up(weir, 1)


def test_the_log_says_why_a_login_ended(weir_factory, pg):
    weir = weir_factory(pg, log_disconnections=1)
    with pytest.raises(ServerError), RawClient(weir.host, weir.port) as client:
        client.login("app", "nowhere")
    weir.await_log("closing because: no such database (age=")


def test_a_long_batch_without_sync_is_not_stuck(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    count = 50000
    with raw(weir) as client:
        first = wire.parse("", "SELECT pg_sleep(1)") + wire.bind() + wire.execute()
        batch = wire.parse("s", "SELECT 1") + (wire.bind("s") + wire.execute()) * count
        sender = threading.Thread(
            target=client.send, args=(first + batch, wire.SYNC), daemon=True)
        sender.start()
        seen = client.until(b"Z")
        assert sum(kind == b"C" for kind, _ in seen) == count + 1
        sender.join(10)
    pools_add_up(weir, 1)


def parse_ok(client, name, sql):
    client.send(wire.parse(name, sql), wire.SYNC)
    client.answer()


def run_ok(client, name):
    client.send(wire.bind(name), wire.execute(), wire.SYNC)
    return client.answer()


def fail(client, *more):
    client.send(wire.parse("", "SELEC"), *more, wire.SYNC)
    with pytest.raises(ServerError, match="SELEC"):
        client.answer()


def test_an_unnamed_parse_that_was_skipped_leaves_its_named_twin(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        parse_ok(client, "s", "SELECT 7")
        fail(client, wire.parse("", "SELECT 7"))
        assert run_ok(client, "s") == [[b"7"]]


def test_an_eviction_that_was_skipped_is_not_believed(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, max_prepared_statements=1)
    with raw(weir) as client:
        parse_ok(client, "s", "SELECT 7")
        fail(client, wire.parse("t", "SELECT 8"))
        assert run_ok(client, "s") == [[b"7"]]
        parse_ok(client, "t", "SELECT 8")
        assert run_ok(client, "t") == [[b"8"]]
        assert run_ok(client, "s") == [[b"7"]]


def test_an_unnamed_statement_prepared_while_the_server_skips_is_prepared_again(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client, raw(weir) as other:
        parse_ok(client, "", "SELECT 7")
        parse_ok(other, "", "SELECT 8")
        client.send(wire.execute("no such portal"), wire.FLUSH)
        client.until(b"E")
        client.send(wire.bind(), wire.execute(), wire.SYNC)
        client.until(b"Z")
        assert run_ok(client, "") == [[b"7"]]


# ---- clients that do not read what weir answers itself

FLOODS = {"Sync": (wire.SYNC, "app", "SELECT 1"), "Close": (wire.close(b"S", "s"), "app", "SELECT 1"),
          "Close in a transaction": (wire.close(b"S", "s"), "app", "BEGIN"),
          "SHOW CONFIG": (wire.query("SHOW CONFIG"), "pgbouncer", "SHOW VERSION")}


def answer_bytes(client, request):
    """How long the answer to one request is."""
    client.send(request, wire.SYNC)
    seen = client.until(b"Z")
    if request[:1] == b"Q":
        client.until(b"Z")
    return sum(len(body) + 5 for _, body in seen) - (0 if request[:1] in b"QS" else 6)


def flood(client, request, bytes_max, turn):
    """Sends requests without reading, until the daemon took no more in a hundred turns of its loop;
    how many bytes it took."""
    data, sent, turns = request * (65536 // len(request)), 0, 0
    client.socket.setblocking(False)
    while turns < 100:
        turn()
        turns += 1
        with contextlib.suppress(BlockingIOError):
            if sent < bytes_max:
                sent += client.socket.send(data[sent % len(data):])
                turns = 0
    client.socket.setblocking(True)
    return sent


def skip(client, count):
    while count:
        got = len(client.socket.recv(min(count, 65536)))
        assert got
        count -= got


@pytest.mark.parametrize("name", FLOODS)
def test_a_client_that_does_not_read_costs_no_memory(weir, name):
    request, database, before = FLOODS[name]
    neighbour = raw(weir)
    with RawClient(weir.host, weir.port) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.login("admin" if database == "pgbouncer" else "app", database)
        client.ask(before)
        each = answer_bytes(client, request)
        rss = rss_bytes(weir.process.pid)
        sent = flood(client, request, 32 * MEGABYTE if each < 100 else MEGABYTE // 4,
                     lambda: neighbour.ask("SELECT 1"))
        grown = rss_bytes(weir.process.pid) - rss
        assert grown < 12 * MEGABYTE, f"grew by {grown / MEGABYTE:.1f} MB"
        skip(client, sent // len(request) * each)
        if sent % len(request):
            client.send(request[sent % len(request):])
            skip(client, each)
        assert client.ask(before) is not None
    neighbour.close()


def test_the_daemon_ends_while_a_cancel_is_on_its_way(weir_factory, pg, fake):
    upstream = fake("Gate", pg.port)
    databases = {"app": f"host=127.0.0.1 port={upstream.port} dbname=app"}
    weir = weir_factory(pg, databases=databases)
    client = raw(weir)
    client.ask("SELECT 1")
    upstream.freeze()
    client.send(wire.query("SELECT pg_sleep(60)"))
    client.close()
    weir.await_log("client unexpected eof")
    assert weir.stop() == 0


def test_one_query_on_the_console_has_a_longest_answer(weir):
    with RawClient(weir.host, weir.port) as client:
        client.login("admin", "pgbouncer")
        with pytest.raises(ServerError, match="54000.*16 MB"):
            client.ask("SHOW CONFIG;" * 5000)
        assert client.ask("SHOW VERSION")


def test_encryption_is_asked_for_once(weir):
    """Each request is answered, so a stranger could make weir collect answers without end."""
    for request in (wire.SSL_REQUEST, wire.GSS_REQUEST):
        with RawClient(weir.host, weir.port) as client:
            client.send(request)
            assert client.byte() == b"N"
            client.send(request)
            assert client.receive()[0] == b"E"
            assert client.is_closed()


@pytest.mark.parametrize("check_delay", [30, 0])
def test_a_server_that_broke_in_this_turn_is_not_lent(weir_factory, pg, fake, check_delay):
    """Garbage of an idle server and a query arrive at once: for the core the server is idle until
    the end of the turn."""
    upstream = fake("Gate", pg.port)
    weir = weir_factory(pg, default_pool_size=1, server_check_delay=check_delay, databases={
        "app": f"host=127.0.0.1 port={upstream.port} dbname=app"}, server_tls_sslmode="disable")
    with raw(weir) as client:
        client.ask("SELECT 1")
        weir.signal(signal.SIGSTOP)
        upstream.inject(wire.message(b"Z", b"I"))
        client.send(wire.query("SELECT 2"))
        weir.signal(signal.SIGCONT)
        assert client.answer() == [[b"2"]]
    weir.await_log("the server answered what was not asked")
    pools_add_up(weir, 1)


@pytest.mark.parametrize("open_transaction", ["BEGIN", "BEGIN; SELECT 1/0"])
def test_a_connect_query_that_leaves_a_transaction_open_is_told(weir_factory, pg, open_transaction):
    weir = weir_factory(pg, databases={"app": weir_conninfo(pg, open_transaction)})
    with pytest.raises(ServerError, match="connect_query leaves a transaction open"), \
            RawClient(weir.host, weir.port) as client:
        client.login()
    weir.await_log("connect_query leaves a transaction open")


def test_a_connect_query_runs_on_a_new_server(weir_factory, pg):
    weir = weir_factory(pg, databases={"app": weir_conninfo(pg, "SET my.own = 7")})
    assert weir.sql("SHOW my.own") == [("7",)]


def weir_conninfo(pg, connect_query):
    return f"host=127.0.0.1 port={pg.port} dbname=app connect_query='{connect_query}'"


# ---- weir's own SET

WAITING_FOR_A_LOCK = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@contextlib.contextmanager
def slow_set(pg):
    """While this lasts, setting default_tablespace waits for a lock. The watcher has seen all tables
    of its query before: planning asks for their tablespace."""
    with contextlib.closing(pg.connect("app")) as holder, \
            contextlib.closing(pg.connect("app")) as watcher, watcher.cursor() as cursor:
        cursor.execute(WAITING_FOR_A_LOCK)
        holder.cursor().execute("BEGIN; LOCK TABLE pg_tablespace IN ACCESS EXCLUSIVE MODE")

        def then(function):
            until(lambda: cursor.execute(WAITING_FOR_A_LOCK) or cursor.rowcount, 10, "SET waits")
            cursor.execute(f"SELECT {function}(pid) FROM ({WAITING_FOR_A_LOCK}) AS waiting")
        yield then


def test_a_cancel_during_weirs_own_set_cancels_the_clients_statement(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir, default_tablespace="pg_default") as client, raw(weir) as other:
        other.ask("SELECT 1")
        with slow_set(pg) as then:
            client.send(wire.parse("", "SELECT 2"), wire.bind(), wire.execute(), wire.SYNC)
            then("abs")
            client.cancel(weir.host, weir.port)
            with pytest.raises(ServerError, match="ERROR 57014"):
                client.answer()
        assert client.ask("SHOW default_tablespace") == [[b"pg_default"]]
    pools_add_up(weir, 1)


def test_a_server_that_ends_during_weirs_own_set_is_replaced(weir_factory, pg):
    """Nothing of the client's has been sent yet: it need not notice."""
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir, default_tablespace="pg_default") as client, raw(weir) as other:
        other.ask("SELECT 1")
        with slow_set(pg) as then:
            client.send(wire.query("SHOW default_tablespace"))
            then("pg_terminate_backend")
        assert client.answer() == [[b"pg_default"]]
    pools_add_up(weir, 1)


def test_a_login_whose_set_is_cancelled_is_told_why(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with slow_set(pg) as then, RawClient(weir.host, weir.port) as client:
        client.send(wire.startup(default_tablespace="pg_default"))
        then("pg_cancel_backend")
        errors = [wire.fields(body) for kind, body in client.until(None) if kind == b"E"]
        assert [error["C"] for error in errors] == ["57014"]
        assert "parameter" not in errors[0]["M"]
    pools_add_up(weir, 1)


def test_a_refused_batch_does_not_hold_up_a_drain(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, query_wait_timeout=1)
    with raw(weir) as holder, raw(weir) as client:
        holder.ask("BEGIN")
        client.send(wire.query("SELECT 1"))
        until(lambda: int(weir.pool()["cl_waiting"]) == 1, 10, "it waits")
        weir.signal(signal.SIGTERM)
        seen = client.until(None)
        assert [wire.fields(body)["C"] for kind, body in seen if kind == b"E"] == ["53300", "57P01"]
        holder.ask("COMMIT")
        assert weir.process.wait(10) == 0
    weir.process = None


# ---- half a row

def test_no_error_is_put_into_the_middle_of_a_row_when_its_server_ends(weir_factory, pg, fake):
    weir, upstream = behind_gate(weir_factory, pg, fake)
    with raw(weir) as client:
        client.send(wire.query("SELECT repeat('x', 50000000)"))
        client.until(b"T")
        upstream.cut()
        assert client.until(None)[-1] == (None, b"")
        assert b"crashed" not in client.buffer
    pools_add_up(weir, 1)


# ---- DISCARD ALL and DEALLOCATE in the middle of a pipeline

def ask_extended(sql):
    return wire.parse("", sql) + wire.bind() + wire.execute()


DROPS = {"DISCARD ALL": (wire.query("DISCARD ALL"), 1),
         "DEALLOCATE ALL": (wire.query("DEALLOCATE ALL"), 1),
         "extended": (ask_extended("DISCARD ALL") + wire.SYNC, 1),
         "extended in one batch": (ask_extended("DEALLOCATE ALL"), 0),
         "among others": (wire.query("SELECT 1; DEALLOCATE ALL"), 1)}


@pytest.mark.parametrize("is_prepared_before", [False, True])
@pytest.mark.parametrize("name", DROPS)
def test_a_statement_prepared_behind_discard_all_stays(weir_factory, pg, name, is_prepared_before):
    drop, answers = DROPS[name]
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client, raw(weir) as other:
        if is_prepared_before:
            parse_ok(other, "t", "SELECT 8")
            if name != "among others":  # there what is bound in the same breath is lost
                parse_ok(client, "s", "SELECT 7")
        used = b"" if name == "among others" else wire.bind("s") + wire.execute()
        client.send(drop, wire.parse("s", "SELECT 7"), wire.parse("t", "SELECT 8"), used, wire.SYNC)
        for _ in range(answers):
            client.answer()
        assert client.answer() == ([[b"7"]] if used else [])
        assert run_ok(client, "s") == [[b"7"]]
        assert run_ok(client, "t") == [[b"8"]]
    pools_add_up(weir, 1)


def test_a_deallocate_in_a_pipeline_means_the_clients_name(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        parse_ok(client, "s", "SELECT 7")
        client.send(wire.query("SELECT 1"), wire.query("DEALLOCATE s"), wire.query("SELECT 2"))
        assert [client.answer() for _ in range(3)] == [[[b"1"]], [], [[b"2"]]]
        with pytest.raises(ServerError, match="26000"):
            run_ok(client, "s")
    pools_add_up(weir, 1)


def test_a_short_query_in_pieces_is_understood(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        parse_ok(client, "s", "SELECT 7")
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in wire.query("DEALLOCATE s"):
            client.send(bytes([byte]))
            weir.pool()
        assert client.answer() == []


# ---- clients that leave in the middle

def behind_gate(weir_factory, pg, fake, **more):
    upstream = fake("Gate", pg.port)
    weir = weir_factory(pg, default_pool_size=1, cancel_wait_timeout=60, query_wait_timeout=10,
                        server_tls_sslmode="disable", **more, databases={
                            "app": f"host=127.0.0.1 port={upstream.port} dbname=app"})
    return weir, upstream


@pytest.mark.parametrize("rest", [
    pytest.param(wire.query("SELECT 1"), id="Query"),
    pytest.param(wire.query("SELECT 1") * 2, id="Query Query"),
    pytest.param(wire.query("SELECT 1") + wire.parse("", "SELECT 2"), id="Query Parse")])
def test_a_query_that_the_server_skips_does_not_hold_up_its_return(weir_factory, pg, fake, rest):
    """The client is gone before the answer to its Parse, an error, comes: the Query behind it is
    never answered."""
    weir, upstream = behind_gate(weir_factory, pg, fake)
    with raw(weir) as client:
        client.ask("SELECT 1")
        upstream.freeze()
        client.send(wire.parse("", "SELEC"), rest)
        until(lambda: int(weir.pool()["sv_active"]) == 1, 10, "it has a server")
    until(lambda: int(weir.pool()["cl_active"]) == 0, 10, "the client is gone")
    upstream.thaw()
    assert weir.sql("SELECT 1") == [(1,)]
    pools_add_up(weir, 1)


# ---- COPY FROM STDIN whose Sync was sent before the data, as libpq does

def copy_batch(target):
    """Parse, Bind, Execute of a COPY with a Sync behind it, which a COPY under way ignores."""
    return ask_extended(f"COPY {target} FROM STDIN") + wire.SYNC


COPY_DATA = wire.message(b"d", b"1\n")
COPY_DONE = wire.message(b"c")


@pytest.fixture
def view(pg, table):
    """COPY to a view fails behind CopyInResponse, before a byte is read: the Sync still counts."""
    name = table.replace("t_", "v_")
    pg.sql(f"CREATE VIEW {name} AS SELECT id FROM {table}; ALTER VIEW {name} OWNER TO app",
           database="app", fetch=False)
    yield name
    pg.sql(f"DROP VIEW {name}", database="app", fetch=False)


def kinds_of(client, *more):
    return b"".join(kind for kind, _ in client.until(b"Z", *more))


@pytest.mark.parametrize("is_in_transaction", [False, True])
@pytest.mark.parametrize("is_simple", [False, True])
def test_a_copy_that_fails_at_once_keeps_its_early_sync(weir_factory, pg, view, is_simple,
                                                        is_in_transaction):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        pid = client.ask("SELECT pg_backend_pid()")
        if is_in_transaction:
            client.ask("BEGIN")
        if is_simple:
            client.send(wire.query(f"COPY {view} FROM STDIN"), wire.SYNC)
            assert kinds_of(client) == b"GEZ"
        else:
            client.send(copy_batch(view))
            assert kinds_of(client) == b"12GEZ"
        client.send(wire.query("ROLLBACK" if is_in_transaction else "SELECT 1"))
        client.until(b"C")
        client.until(b"Z")
        assert client.ask("SELECT pg_backend_pid()") == pid
    pools_add_up(weir, 1)


def test_a_copy_that_fails_at_once_while_its_data_comes(weir_factory, pg, view):
    """Whether the early Sync counts is not known: it may be answered, or only the late one."""
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        pid = client.ask("SELECT pg_backend_pid()")
        client.send(copy_batch(view), COPY_DATA, COPY_DONE, wire.SYNC)
        assert kinds_of(client) == b"12GEZ"
        client.send(wire.query("SELECT pg_backend_pid()"))
        seen = client.until(b"D")
        assert wire.row(seen[-1][1]) == pid[0]
        client.until(b"Z")
    pools_add_up(weir, 1)


@pytest.mark.parametrize("data,kinds", [(COPY_DATA, b"CZ"), (wire.message(b"d", b"x\n"), b"EZ")])
@pytest.mark.parametrize("is_pipelined", [False, True])
def test_a_copy_that_begins_swallows_its_early_sync(weir_factory, pg, table, data, kinds,
                                                    is_pipelined):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        pid = client.ask("SELECT pg_backend_pid()")
        parts = [copy_batch(table + " (id)"), data + COPY_DONE + wire.SYNC]
        if is_pipelined:
            client.send(*parts)
        else:
            client.send(parts[0])
            client.until(b"G")
            client.send(parts[1])
        assert kinds_of(client)[-2:] == kinds
        assert client.ask("SELECT pg_backend_pid()") == pid
    pools_add_up(weir, 1)


def test_a_cancel_while_a_copy_begins(weir_factory, pg, table):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        client.ask("SELECT 1")
        holder = pg.connect("app")
        with contextlib.closing(holder), holder.cursor() as cursor:
            cursor.execute(f"CREATE FUNCTION wait_{table}() RETURNS trigger LANGUAGE plpgsql AS"
                           " 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END'")
            cursor.execute(f"CREATE TRIGGER wait BEFORE INSERT ON {table} FOR EACH STATEMENT"
                           f" EXECUTE FUNCTION wait_{table}()")
            cursor.execute("SELECT pg_advisory_lock(4711)")
            client.send(copy_batch(table + " (id)"))
            client.until(b"G")
            until(lambda: cursor.execute(WAITING_FOR_A_LOCK) or cursor.rowcount, 10, "it waits")
            client.cancel(weir.host, weir.port)
            with pytest.raises(ServerError, match="57014"):
                client.answer()
        assert client.ask("SELECT 1") == [[b"1"]]
        pg.sql(f"DROP TRIGGER wait ON {table}; DROP FUNCTION wait_{table}", database="app",
               fetch=False)
    pools_add_up(weir, 1)
