"""What session, transaction and statement mode mean for a client: who shares a server when, what
follows the client from server to server, what is cleaned up between clients; COPY, notices, NOTIFY,
cancel, large values. Prepared statements have a file of their own."""
import select
import threading
import time

import psycopg2
import psycopg2.errors
import pytest

from harness import wire
from harness.pg import VERSION
from harness.pools import pools_add_up
from harness.wait import until
from harness.wire import RawClient, ServerError


def pid(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def value(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def run(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def raw(weir, **more):
    return RawClient(weir.host, weir.port).login("app", "app", **more)


# ---- modes

def test_session_mode_keeps_the_server_until_the_client_leaves(weir_factory, pg):
    weir = weir_factory(pg, pool_mode="session", default_pool_size=2)
    one, two = weir.connect(), weir.connect()
    first, second = pid(one), pid(two)
    assert first != second
    assert [pid(one) for _ in range(3)] == [first] * 3
    one.close()
    three = weir.connect()
    assert pid(three) == first
    two.close()
    three.close()
    pools_add_up(weir, 2)


def test_transaction_mode_shares_servers_between_transactions(weir_factory, pg):
    weir = weir_factory(pg, pool_mode="transaction", default_pool_size=1)
    connections = [weir.connect() for _ in range(10)]
    assert len({pid(c) for c in connections}) == 1
    for connection in connections:
        connection.close()
    pools_add_up(weir, 1)


def test_transaction_mode_keeps_the_server_inside_a_transaction(weir_factory, pg):
    weir = weir_factory(pg, pool_mode="transaction", default_pool_size=2)
    holder = weir.connect(autocommit=False)
    held = pid(holder)
    others = {pid(c) for c in [weir.connect() for _ in range(4)]}
    assert held not in others and len(others) == 1
    assert pid(holder) == held
    holder.rollback()
    holder.close()


def test_statement_mode_shares_after_each_statement_and_refuses_transactions(weir_factory, pg):
    weir = weir_factory(pg, pool_mode="statement", default_pool_size=1)
    one, two = weir.connect(), weir.connect()
    assert pid(one) == pid(two)
    with raw(weir) as client:
        with pytest.raises((ServerError, EOFError)) as refused:
            client.ask("BEGIN")
        if refused.type is ServerError:
            assert "transaction" in refused.value.fields["M"].lower()
    assert value(two, "SELECT 5") == 5
    pools_add_up(weir, 1)


def test_session_mode_resets_what_a_client_set(weir_factory, pg):
    weir = weir_factory(pg, pool_mode="session", default_pool_size=1)
    one = weir.connect()
    run(one, "SET work_mem = '123kB'; CREATE TEMP TABLE mine (a int); PREPARE p AS SELECT 1;"
             " SELECT pg_advisory_lock(4711)")
    server = pid(one)
    one.close()
    two = weir.connect()
    assert pid(two) == server
    assert value(two, "SHOW work_mem") != "123kB"
    assert value(two, "SELECT to_regclass('mine')") is None
    assert value(two, "SELECT count(*) FROM pg_prepared_statements") == 0
    assert value(two, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                      " AND pid = pg_backend_pid()") == 0
    two.close()


def test_a_client_that_leaves_inside_a_transaction_leaves_no_trace(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    run(weir.connect(), "CREATE TABLE IF NOT EXISTS leavers (a int)")
    client = weir.connect(autocommit=False)
    run(client, "INSERT INTO leavers VALUES (1)")
    client.close()
    assert weir.sql("SELECT count(*) FROM leavers") == [(0,)]
    weir.sql("DROP TABLE leavers")
    pools_add_up(weir, 1)


# ---- parameters

def test_startup_parameters_and_tracked_settings_follow_the_client(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir, application_name="first", TimeZone="Asia/Tokyo", DateStyle="German",
             client_encoding="LATIN1") as one, \
            raw(weir, application_name="second", client_encoding="UTF8") as two:
        for _ in range(3):
            assert one.ask("SHOW application_name") == [[b"first"]]
            assert one.ask("SHOW TimeZone") == [[b"Asia/Tokyo"]]
            assert one.ask("SHOW client_encoding") == [[b"LATIN1"]]
            assert one.ask("SELECT date '2024-12-31', chr(228)") == [[b"31.12.2024", b"\xe4"]]
            assert two.ask("SHOW application_name") == [[b"second"]]
            assert two.ask("SHOW TimeZone") == [[b"UTC"]]
            assert two.ask("SELECT date '2024-12-31', chr(228)") == [[b"2024-12-31",
                                                                      "ä".encode()]]
        one.ask("SET application_name = 'changed'")
        two.ask("SET TimeZone = 'America/Lima'")
        assert one.ask("SHOW application_name") == [[b"changed"]]
        assert two.ask("SHOW application_name") == [[b"second"]]
        assert two.ask("SHOW TimeZone") == [[b"America/Lima"]]
        assert one.ask("SHOW TimeZone") == [[b"Asia/Tokyo"]]


def test_a_client_is_told_the_parameters_of_a_real_server(weir, pg):
    with raw(weir, application_name="told") as client:
        for name in ("server_version", "server_encoding", "client_encoding", "DateStyle",
                     "TimeZone", "integer_datetimes", "standard_conforming_strings"):
            assert client.parameters.get(name), f"{name} is missing in {client.parameters}"
        assert client.parameters["server_version"].startswith(f"{VERSION}.")
        assert client.parameters.get("application_name") == "told"
        assert len(client.key) == 8


def test_a_set_inside_a_rolled_back_transaction_does_not_follow(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir, application_name="before") as one, raw(weir, application_name="other") as two:
        one.ask("BEGIN")
        one.ask("SET application_name = 'inside'")
        one.ask("ROLLBACK")
        assert two.ask("SHOW application_name") == [[b"other"]]
        assert one.ask("SHOW application_name") == [[b"before"]]


@pytest.mark.weir_only
def test_options_set_the_search_path(weir_factory, pg):
    weir = weir_factory(pg, pool_mode="session", default_pool_size=1)
    with raw(weir, options="-c search_path=pg_catalog") as client:
        assert client.ask("SHOW search_path") == [[b"pg_catalog"]]


# ---- simple queries

def test_several_statements_in_one_query(weir):
    with raw(weir) as client:
        client.send(wire.query("SELECT 1; SELECT 2; BEGIN; SELECT 3"))
        seen = client.until(b"Z")
        assert [wire.row(body)[0] for kind, body in seen if kind == b"D"] == [b"1", b"2", b"3"]
        assert seen[-1][1] == b"T"
        client.send(wire.query("COMMIT; SELECT 4"))
        assert client.until(b"Z")[-1][1] == b"I"
        with pytest.raises(ServerError) as failed:
            client.ask("BEGIN; SELECT 1/0; SELECT 5")
        assert failed.value.fields["C"] == "22012"
        with pytest.raises(ServerError) as aborted:
            client.ask("SELECT 1")
        assert aborted.value.fields["C"] == "25P02"
        client.ask("ROLLBACK")
        assert client.ask("SELECT 6") == [[b"6"]]
    pools_add_up(weir)


def test_empty_query(weir):
    with raw(weir) as client:
        for text in ("", ";", "  -- nothing\n"):
            client.send(wire.query(text))
            assert [kind for kind, _ in client.until(b"Z")] == [b"I", b"Z"]


def test_notices_reach_the_client_that_caused_them(weir):
    connection = weir.connect()
    run(connection, "DO $$ BEGIN FOR i IN 1..20 LOOP RAISE NOTICE 'note %', i; END LOOP; END $$")
    assert [n.strip() for n in connection.notices] == [f"NOTICE:  note {i}" for i in range(1, 21)]
    connection.close()


# ---- COPY

def test_copy_in_out_and_failure(weir):
    with raw(weir) as client:
        client.ask("BEGIN; CREATE TABLE copied (a int, b text)")
        client.send(wire.query("COPY copied FROM STDIN"))
        assert client.until(b"G", b"Z")[-1][0] == b"G"
        for n in range(3000):
            client.send(wire.message(b"d", f"{n}\tx{n}\n".encode()))
        client.send(wire.message(b"c"))
        client.answer()
        assert client.ask("SELECT count(*), sum(a) FROM copied") == [[b"3000", b"4498500"]]
        client.send(wire.query("COPY copied TO STDOUT"))
        seen = client.until(b"Z")
        assert sum(kind == b"d" for kind, _ in seen) == 3000
        client.ask("SAVEPOINT s")
        client.send(wire.query("COPY copied FROM STDIN"), wire.message(b"d", b"1\tone\n"),
                    wire.message(b"f", wire.text("changed my mind")))
        with pytest.raises(ServerError, match="57014.*changed my mind"):
            client.answer()
        client.ask("ROLLBACK TO s")
        client.send(wire.query("COPY copied FROM STDIN"), wire.message(b"d", b"no number\tx\n"),
                    wire.message(b"c"))
        with pytest.raises(ServerError, match="22P02"):
            client.answer()
        client.ask("ROLLBACK")
        assert client.ask("SELECT 1") == [[b"1"]]
    pools_add_up(weir)


def test_client_vanishes_in_the_middle_of_copy(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    weir.sql("CREATE TABLE vanished (a int)")
    with raw(weir) as client:
        client.send(wire.query("COPY vanished FROM STDIN"))
        assert client.until(b"G", b"Z")[-1][0] == b"G"
        client.send(wire.message(b"d", b"1\n2\n"))
    assert weir.sql("SELECT count(*) FROM vanished") == [(0,)]
    weir.sql("DROP TABLE vanished")
    pools_add_up(weir, 1)


# ---- LISTEN

def test_listen_and_notify_in_session_mode(weir_factory, pg):
    weir = weir_factory(pg, pool_mode="session")
    listener, speaker = weir.connect(), weir.connect()
    run(listener, "LISTEN news")
    run(speaker, "SELECT pg_notify('news', 'n' || i) FROM generate_series(1, 3) i")

    def heard():
        select.select([listener], [], [], 1)
        listener.poll()
        return len(listener.notifies) == 3

    until(heard, 10, "three notifications")
    assert [n.payload for n in listener.notifies] == ["n1", "n2", "n3"]
    listener.close()
    speaker.close()


# ---- sizes

def test_large_values_both_ways(weir):
    connection = weir.connect()
    size = 10 * 1024 * 1024
    text = "x" * (size - 3) + "ä€"[:1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s, length(%s)", (text, text))
        back, length = cursor.fetchone()
        assert length == len(text) and back == text
        cursor.execute("SELECT repeat('y', %s) FROM generate_series(1, 3)", (size,))
        assert [len(row[0]) for row in cursor] == [size] * 3
    connection.close()
    pools_add_up(weir)


def test_many_rows(weir):
    connection = weir.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT i, 'row ' || i FROM generate_series(1, 200000) i")
        rows = cursor.fetchall()
    assert len(rows) == 200000 and rows[99999] == (100000, "row 100000")
    connection.close()


# ---- cancel

def test_cancel_of_a_running_query(weir):
    connection = weir.connect()
    errors = []

    def work():
        try:
            run(connection, "SELECT pg_sleep(60)")
        except psycopg2.Error as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    started = time.monotonic()
    thread.start()
    until(lambda: weir.pg.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND"
                              " query LIKE 'SELECT pg_sleep(60)%%' AND state = 'active'"),
          10, "the query runs")
    connection.cancel()
    thread.join(20)
    assert isinstance(errors[0], psycopg2.errors.QueryCanceled)
    assert time.monotonic() - started < 30
    assert value(connection, "SELECT 3") == 3
    connection.close()
    pools_add_up(weir)


def test_cancel_hits_only_the_client_it_is_for(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=2)
    with raw(weir) as one, raw(weir) as two:
        two.send(wire.query("SELECT pg_sleep(0.7), 'two'"))
        until(lambda: int(weir.pool()["sv_active"]) == 1, 10, "two's query runs")
        one.cancel(weir.host, weir.port)  # one is idle: nothing to cancel, nobody to hit
        assert two.answer() == [[b"", b"two"]]
        assert one.ask("SELECT 1") == [[b"1"]]
    pools_add_up(weir, 2)


def test_cancel_with_a_wrong_key_does_nothing(weir):
    with raw(weir) as client:
        client.send(wire.query("SELECT pg_sleep(0.5), 'done'"))
        client.key = client.key[:-1] + bytes([client.key[-1] ^ 1])
        client.cancel(weir.host, weir.port)
        assert client.answer() == [[b"", b"done"]]
    pools_add_up(weir)


@pytest.mark.weir_only
def test_cancel_of_a_waiting_client(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    holder = weir.connect(autocommit=False)
    pid(holder)
    with raw(weir) as waiting:
        waiting.send(wire.query("SELECT 1"))
        until(lambda: int(weir.pool()["cl_waiting"]) == 1, 10, "the client waits")
        waiting.cancel(weir.host, weir.port)
        # PgBouncer closes such a client, weir may answer 57014 and keep it: both end the wait
        with pytest.raises((ServerError, EOFError)):
            waiting.answer()
        until(lambda: int(weir.pool()["cl_waiting"]) == 0, 10, "nobody waits")
    holder.rollback()
    assert value(holder, "SELECT 2") == 2
    holder.close()
    pools_add_up(weir, 1)
