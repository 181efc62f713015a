"""Time-outs of logged-in clients: PgBouncer's meaning, text and SQLSTATE, each for one user too."""
import signal
import time

import pytest

from harness.pools import pools_add_up
from harness.wait import until
from harness.wire import RawClient, ServerError, fields, query

pytestmark = pytest.mark.weir_only

SLEEPING = "SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND query LIKE '%pg_sleep(60)'" \
           " AND state = 'active'"


def raw(weir, user="app", **more):
    return RawClient(weir.host, weir.port).login(user, "app", **more)


def farewell(client):
    """Reads to the end of the connection: SQLSTATE and text of the last error."""
    errors = [fields(body) for kind, body in client.until(None) if kind == b"E"]
    assert errors and errors[-1]["S"] == "FATAL" and errors[-1]["H"]
    return errors[-1]["C"], errors[-1]["M"]


def times(option, user):
    """The setting for everybody, or in a line of [users]."""
    return {"users": {"app": f"{option}=1"}} if user else {option: 1}


for_all_and_one = pytest.mark.parametrize("user", [False, True], ids=["all", "user"])
for_both_modes = pytest.mark.parametrize("mode", ["session", "transaction"])


@for_all_and_one
@for_both_modes
def test_query_timeout_ends_who_runs_too_long(weir_factory, pg, mode, user):
    weir = weir_factory(pg, default_pool_size=2, pool_mode=mode, **times("query_timeout", user))
    with raw(weir) as idle, raw(weir) as client:
        idle.ask("BEGIN")
        for _ in range(2):
            client.ask("SELECT 1")
        client.send(query("SELECT pg_sleep(60)"))
        assert farewell(client) == ("08P01", "query timeout")
        until(lambda: not pg.sql(SLEEPING), 10, "the query is cancelled")
        assert idle.ask("SELECT 2") == [[b"2"]]  # idling in a transaction is no query
    pools_add_up(weir, 2)


@for_all_and_one
def test_query_timeout_ends_who_waits_too_long(weir_factory, pg, user):
    weir = weir_factory(pg, default_pool_size=1, **times("query_timeout", user))
    with raw(weir) as holder, raw(weir) as client:
        holder.ask("BEGIN")
        client.send(query("SELECT 1"))
        assert farewell(client) == ("08P01", "query_timeout")
        assert holder.ask("SELECT 1") == [[b"1"]]
    pools_add_up(weir, 1)


@for_all_and_one
@for_both_modes
def test_transaction_timeout(weir_factory, pg, mode, user):
    weir = weir_factory(pg, default_pool_size=2, pool_mode=mode,
                        **times("transaction_timeout", user))
    with raw(weir) as idle, raw(weir) as client:
        idle.ask("SELECT 1")
        client.ask("BEGIN")
        with pytest.raises((ServerError, EOFError, OSError)) as ended:
            while True:  # however busy it is
                client.ask("SELECT 1")
        assert "08P01 transaction timeout" in str(ended.value)
        assert idle.ask("SELECT 2") == [[b"2"]]
    pools_add_up(weir, 2)


@for_all_and_one
@for_both_modes
def test_idle_transaction_timeout(weir_factory, pg, table, mode, user):
    weir = weir_factory(pg, default_pool_size=2, pool_mode=mode,
                        **times("idle_transaction_timeout", user))
    with raw(weir) as idle, raw(weir) as client:
        idle.ask("SELECT 1")
        client.ask("BEGIN")
        client.ask(f"INSERT INTO {table} (id) VALUES (1)")
        assert farewell(client) == ("08P01", "idle transaction timeout")
        assert idle.ask(f"SELECT count(*) FROM {table}") == [[b"0"]]
    pools_add_up(weir, 2)


@for_all_and_one
@for_both_modes
def test_client_idle_timeout(weir_factory, pg, mode, user):
    weir = weir_factory(pg, default_pool_size=2, pool_mode=mode, **times("client_idle_timeout", user))
    with raw(weir) as new, raw(weir) as used:
        used.ask("SELECT 1")
        assert farewell(used) == ("08P01", "client_idle_timeout")
        assert farewell(new) == ("08P01", "client_idle_timeout")
    pools_add_up(weir, 2)


def test_a_users_own_time_out_is_only_the_users(weir_factory, pg):
    weir = weir_factory(pg, users={"app": "client_idle_timeout=1 idle_transaction_timeout=1"})
    with raw(weir, "u_trust") as other, raw(weir) as client:
        other.ask("BEGIN")
        client.ask("SELECT 1")
        assert farewell(client) == ("08P01", "client_idle_timeout")
        assert other.ask("SELECT 2") == [[b"2"]]
        other.ask("COMMIT")


def test_a_time_out_set_by_a_reload_holds_for_who_idles_already(weir_factory, pg):
    weir = weir_factory(pg)
    with raw(weir) as client:
        client.ask("SELECT 1")
        weir.write(client_idle_timeout=1)
        weir.signal(signal.SIGHUP)
        assert farewell(client) == ("08P01", "client_idle_timeout")


def test_no_error_is_put_into_the_middle_of_a_row(weir_factory, pg):
    """A client that has half of a row can be told nothing: what came would be data to it."""
    weir = weir_factory(pg, default_pool_size=1, query_timeout=2)
    with raw(weir) as client:
        client.send(query("SELECT repeat('x', 20000000)"))
        until(lambda: "closing because: query timeout" in weir.log(), 20, "it is closed")
        assert client.until(None)[-1] == (None, b"")
        assert len(client.buffer) > 1000 and b"timeout" not in client.buffer
    pools_add_up(weir, 1)


@for_both_modes
def test_times_of_statistics_are_spans_of_work(weir_factory, pg, mode):
    """One client's transactions, one after the other, cannot last longer than the client."""
    weir = weir_factory(pg, pool_mode=mode, server_check_delay=0)
    begin = time.monotonic()
    with raw(weir) as client:
        client.ask("SELECT pg_sleep(0.5)")
        for _ in range(10):
            client.ask("SELECT 1")
        row = next(r for r in weir.console("SHOW STATS") if r["database"] == "app")
    life_us = (time.monotonic() - begin) * 1000000
    assert 500000 <= row["total_query_time"] <= row["total_xact_time"] < life_us
