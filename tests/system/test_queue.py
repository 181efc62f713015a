"""When there is no server to give: order, notice, deadline, caps, vanished clients. The upstream
has room here; test_ceiling.py is about upstreams that have none."""
import re
import time

import pytest

from harness import wire
from harness.pools import pools_add_up, servers
from harness.threads import in_threads
from harness.wait import until
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only


def raw(weir, user="app", database="app", **more):
    return RawClient(weir.host, weir.port).login(user, database, **more)


def waiting(weir, count):
    until(lambda: int(weir.pool()["cl_waiting"]) == count, 10, f"{count} clients wait")


def hold(weir, application_name="holder"):
    """A client inside a transaction."""
    client = raw(weir, application_name=application_name)
    client.ask("BEGIN")
    return client


# ---- order

@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_first_come_first_served(weir_factory, pg, mode):
    pg.sql("DROP SEQUENCE IF EXISTS turns; CREATE SEQUENCE turns; GRANT ALL ON turns TO app",
           database="app", fetch=False)
    weir = weir_factory(pg, pool_mode=mode, default_pool_size=1)
    holder = hold(weir)
    line = [raw(weir) for _ in range(12)]
    for position, client in enumerate(line):
        client.send(wire.query("SELECT nextval('turns')"))
        waiting(weir, position + 1)
    holder.ask("COMMIT")
    holder.close()
    for turn, client in enumerate(line, 1):
        assert client.answer() == [[str(turn).encode()]]
        client.close()
    pools_add_up(weir, 1)


def test_a_newcomer_does_not_overtake(weir_factory, pg):
    """Whoever gives its server back and asks again at once queues behind those who waited."""
    weir = weir_factory(pg, default_pool_size=1)
    greedy, patient = hold(weir), raw(weir)
    patient.send(wire.query("SELECT clock_timestamp()::text"))
    waiting(weir, 1)
    greedy.ask("COMMIT")
    later = greedy.ask("SELECT clock_timestamp()::text")[0][0]
    assert patient.answer()[0][0] < later
    greedy.close()
    patient.close()


# ---- notice and deadline

def test_a_waiting_client_gets_one_notice(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, query_wait_notify=0.3)
    holder, first, second = hold(weir), raw(weir), raw(weir)
    first.send(wire.query("SELECT 1"))
    waiting(weir, 1)
    second.send(wire.query("SELECT 2"))
    waiting(weir, 2)
    for client in (first, second):
        kind, body = client.receive()
        assert kind == b"N"
        parts = wire.fields(body)
        assert parts["S"] == "NOTICE" and parts["V"] == "NOTICE"
        assert re.search(r"wait|queue", parts["M"])
    assert re.search(r"\b1\b", repr(second.notices[0])), "it does not say how many are ahead"
    time.sleep(0.7)  # would a second notice come, it came now
    holder.ask("COMMIT")
    assert first.answer() == [[b"1"]] and second.answer() == [[b"2"]]
    assert len(first.notices) == len(second.notices) == 1
    for client in (holder, first, second):
        client.close()
    pools_add_up(weir, 1)


def test_no_notice_when_it_is_off(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, query_wait_notify=0)
    holder, client = hold(weir), raw(weir)
    client.send(wire.query("SELECT 1"))
    waiting(weir, 1)
    time.sleep(0.5)
    holder.ask("COMMIT")
    assert client.answer() == [[b"1"]] and not client.notices
    holder.close()
    client.close()


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_the_deadline_says_who_holds(weir_factory, pg, mode):
    weir = weir_factory(pg, pool_mode=mode, default_pool_size=1, query_wait_timeout=1,
                        query_wait_notify=0)
    holder = hold(weir, "the culprit")
    with raw(weir) as client:
        began = time.monotonic()
        client.send(wire.query("SELECT 1"))
        kind, body = client.receive()
        waited = time.monotonic() - began
        assert kind == b"E"
        parts = wire.fields(body)
        assert parts["C"] == "53300"
        assert "query_wait_timeout" in parts["M"]
        assert parts["S"] == parts["V"] in ("ERROR", "FATAL")
        assert mode == "transaction" or parts["V"] == "FATAL"
        assert re.search(r"[Ww]aited 1\.\d s", parts["D"]), parts["D"]
        assert re.search(r"\b1 of 1 servers\b", parts["D"]), parts["D"]
        assert "the culprit" in parts["D"] and "idle in transaction" in parts["D"], parts["D"]
        assert parts["H"]
        assert 0.9 < waited < 4
        if parts["V"] == "ERROR":  # then the session goes on
            assert client.until(b"Z")[-1][1] == b"I"
            holder.ask("COMMIT")
            assert client.ask("SELECT 5") == [[b"5"]]
        else:
            assert client.is_closed()
    holder.close()
    pools_add_up(weir, 1)


def test_the_deadline_in_the_extended_protocol(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, query_wait_timeout=1, query_wait_notify=0)
    holder = hold(weir)
    with raw(weir) as client:
        client.send(wire.parse("s", "SELECT 1"), wire.bind("s"), wire.execute(), wire.SYNC)
        kinds = client.until(b"Z", None)
        errors = [wire.fields(body) for kind, body in kinds if kind == b"E"]
        assert len(errors) == 1 and errors[0]["C"] == "53300"
        if errors[0]["V"] == "ERROR":
            holder.ask("COMMIT")
            client.send(wire.parse("", "SELECT 2"), wire.bind(), wire.execute(), wire.SYNC)
            assert client.answer() == [[b"2"]]
    holder.close()
    pools_add_up(weir, 1)


def test_everybody_in_line_ends_by_its_own_deadline(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, query_wait_timeout=1, query_wait_notify=0)
    holder = hold(weir)
    line = [raw(weir) for _ in range(10)]

    def work(i):
        began = time.monotonic()
        with pytest.raises(ServerError, match="53300"):
            line[i].send(wire.query("SELECT 1"))
            kind, body = line[i].receive()
            assert kind == b"E"
            raise ServerError(wire.fields(body))
        return time.monotonic() - began

    assert all(0.9 < waited < 3 for waited in in_threads(10, work))
    for client in [holder, *line]:
        client.close()
    pools_add_up(weir, 1)


# ---- caps

def test_too_many_clients_are_told_and_the_console_stays_reachable(weir_factory, pg):
    weir = weir_factory(pg, max_client_conn=8)
    crowd = [raw(weir) for _ in range(8)]
    with RawClient(weir.host, weir.port) as extra:
        with pytest.raises(ServerError) as failed:
            extra.login()
        parts = failed.value.fields
        assert parts["C"] == "53300" and parts["V"] == "FATAL" and "max_client_conn" in \
            parts["M"] + parts.get("D", "") + parts.get("H", "")
        assert extra.is_closed()
    assert weir.console("SHOW VERSION")
    assert int(weir.pool()["cl_active"]) <= 8
    crowd.pop().close()
    until(lambda: weir.sql("SELECT 1") == [(1,)], 10, "the freed slot is usable")
    for client in crowd:
        client.close()


def test_a_queue_that_is_too_long_refuses_at_once(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, max_waiting_clients=3, query_wait_notify=0)
    holder = hold(weir)
    line = [raw(weir) for _ in range(3)]
    for position, client in enumerate(line):
        client.send(wire.query("SELECT 1"))
        waiting(weir, position + 1)
    with raw(weir) as extra:
        began = time.monotonic()
        extra.send(wire.query("SELECT 1"))
        kind, body = extra.receive()
        assert kind == b"E" and time.monotonic() - began < 1
        parts = wire.fields(body)
        assert parts["C"] == "53300" and parts["H"]
    holder.ask("COMMIT")
    for client in line:
        assert client.answer() == [[b"1"]]
    for client in [holder, *line]:
        client.close()
    pools_add_up(weir, 1)


def test_overflow_opens_at_once_and_closes_when_it_is_over(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, max_overflow=2, query_wait_notify=0)
    holders = [hold(weir) for _ in range(3)]
    fourth = raw(weir)
    fourth.send(wire.query("SELECT 1"))
    waiting(weir, 1)
    assert servers(weir.pool()) == 3
    for holder in holders:
        holder.ask("COMMIT")
    assert fourth.answer() == [[b"1"]]
    until(lambda: servers(weir.pool()) == 1, 10, "the overflow closes")
    for client in [*holders, fourth]:
        client.close()
    pools_add_up(weir, 1)


def test_two_pools_share_a_limit_and_neither_starves(weir_factory, pg):
    weir = weir_factory(pg, databases={"app": f"host=127.0.0.1 port={pg.port} dbname=app"
                                              " max_db_connections=2"})

    def work(i):
        user = ("app", "u_scram")[i % 2]
        client = raw(weir, user)
        for _ in range(10):
            assert client.ask("SELECT current_user") == [[user.encode()]]
        client.close()
        return user

    in_threads(16, work)
    rows = [weir.pool(user) for user in ("app", "u_scram")]
    assert sum(servers(row) for row in rows) <= 2
    pools_add_up(weir, 2)
    pools_add_up(weir, 2, user="u_scram")


# ---- clients that vanish

def test_clients_that_vanish_while_waiting_leave_the_line(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, query_wait_notify=0)
    holder = hold(weir)
    line = [raw(weir) for _ in range(9)]
    for position, client in enumerate(line):
        client.send(wire.query(f"SELECT {position}"))
        waiting(weir, position + 1)
    for client in line[::2]:
        client.close()
    waiting(weir, 4)
    holder.ask("COMMIT")
    for position in range(1, 9, 2):
        assert line[position].answer() == [[str(position).encode()]]
    for client in [holder, *line]:
        client.close()
    pools_add_up(weir, 1)


def test_clients_that_vanish_in_a_transaction_or_a_query_free_the_server(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, query_wait_notify=0)
    for what in ("BEGIN", "BEGIN; SELECT 1/0", "SELECT pg_sleep(60)", "COPY (SELECT 1) TO STDOUT"):
        client, next_one = raw(weir), raw(weir)
        client.send(wire.query(what))
        if what.startswith("SELECT"):
            until(lambda: pg.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE"
                                 " 'SELECT pg_sleep%%' AND state = 'active' AND usename = 'app'"),
                  10, "the query runs")
        else:
            client.until(b"Z")
        next_one.send(wire.query("SELECT 7"))
        client.close()
        began = time.monotonic()
        assert next_one.answer() == [[b"7"]]
        assert time.monotonic() - began < 10
        next_one.close()
    pools_add_up(weir, 1)
    assert not pg.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND state <> 'idle'"
                      " AND query LIKE 'SELECT pg_sleep%%'"), "the abandoned query still runs"


def test_a_storm_of_clients_that_come_and_go(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=3, query_wait_notify=0)

    def work(i):
        for n in range(12):
            client = raw(weir)
            client.send(wire.query("SELECT pg_sleep(0.002)"))
            if (i + n) % 3:
                client.answer()
            client.close()

    in_threads(12, work)
    pools_add_up(weir, 3)
    until(lambda: len(pg.backends("app")) <= 3, 10, "no backend is left behind")
