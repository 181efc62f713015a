"""Bugs that were found once, each as its smallest case."""
import threading

import pytest

from harness import wire
from harness.pools import pools_add_up
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only


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
