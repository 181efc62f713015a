"""Upstreams that have no room, are down, or refuse: the ceiling is learned, the queue stays, nobody
fails whose deadline is ahead, and recovery comes without a herd."""
import time

import pytest

from harness import wire
from harness.fakes import fatal
from harness.pools import pools_add_up, servers
from harness.threads import in_threads
from harness.wait import until
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only

ROLE_LIMIT = 20
TEXTS = ["session", "older", "maxconn", "checkout"]


def raw(weir, user="app", database="app"):
    return RawClient(weir.host, weir.port, 60).login(user, database)


def to(port, more=""):
    """A [databases] section whose one entry goes to that port."""
    return {"app": f"host=127.0.0.1 port={port} dbname=app {more}"}


# ---- full

@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_sixty_clients_on_a_role_with_twenty_connections(weir_factory, pg, mode):
    """The incident's arithmetic: the pool asks for 30, the plan has 20, nobody may notice."""
    weir = weir_factory(pg, pool_mode=mode, default_pool_size=30)
    log_before = len(pg.log())

    def work(i):
        with raw(weir, "app20") as client:
            for n in range(1 if mode == "session" else 10):
                client.ask("BEGIN")
                rows = client.ask(f"SELECT {i} * 1000 + {n}, pg_sleep(0.02)")
                assert rows[0][0] == str(i * 1000 + n).encode()
                client.ask("COMMIT")

    in_threads(60, work)
    # session mode may be so quick that twenty are never needed; hold them now, all at once
    crowd = [raw(weir, "app20") for _ in range(25)]
    for client in crowd:
        client.send(wire.query("BEGIN"))
    until(lambda: int(weir.pool("app20")["cl_waiting"]) == 5, 15, "five wait")
    # connects begun before the ceiling was met come to their end; then there is one probe at most
    until(lambda: int(weir.pool("app20")["ceiling"] or 0) == ROLE_LIMIT and
          servers(weir.pool("app20")) <= ROLE_LIMIT + 1, 15, "the ceiling is met and kept")
    assert int(weir.pool("app20")["sv_active"]) == ROLE_LIMIT
    assert len(pg.backends("app20")) <= ROLE_LIMIT
    refusals = pg.log()[log_before:].count('too many connections for role "app20"')
    assert 1 <= refusals <= 15, f"{refusals} refused connects: that is a stampede"
    for client in crowd:
        client.close()
    pools_add_up(weir, ROLE_LIMIT + 1, user="app20")


@pytest.mark.parametrize("refuse", ["before", "after"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_session_mode_pooler_that_refuses(weir_factory, pg, fake, refuse, text):
    upstream = fake("SessionLimit", pg.port, 3, refuse, text)
    weir = weir_factory(pg, databases=to(upstream.port), default_pool_size=10)

    def work(i):
        with raw(weir) as client:
            for n in range(5):
                assert client.ask(f"SELECT {i * 10 + n}, pg_sleep(0.005)")[0][0] == \
                    str(i * 10 + n).encode()

    in_threads(20, work)
    assert upstream.pooler.refused >= 1, "the limit was not reached: the test proves nothing"
    assert upstream.pooler.refused <= 15
    assert upstream.pooler.peak <= 3
    assert int(weir.pool()["ceiling"]) == 3
    pools_add_up(weir, 4)


def test_a_supavisor_of_fifteen_and_forty_clients(weir_factory, pg, fake):
    upstream = fake("SessionLimit", pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), default_pool_size=30, pool_mode="session")

    def work(i):
        with raw(weir) as client:
            return client.ask(f"SELECT {i}, pg_sleep(0.05)")[0][0]

    assert in_threads(40, work) == [str(i).encode() for i in range(40)]
    assert upstream.pooler.peak == 15
    pools_add_up(weir, 16)


def test_the_ceiling_rises_again(weir_factory, pg, fake):
    upstream = fake("SessionLimit", pg.port, 2)
    weir = weir_factory(pg, databases=to(upstream.port), default_pool_size=5)
    holders = [raw(weir) for _ in range(5)]
    for client in holders:
        client.send(wire.query("BEGIN"))
    until(lambda: int(weir.pool()["sv_active"]) == 2 and upstream.pooler.refused, 10,
          "the ceiling is reached")
    assert int(weir.pool()["ceiling"]) == 2
    upstream.pooler.pool_size = 10
    until(lambda: int(weir.pool()["sv_active"]) == 5, 40, "the pool grows into the new room")
    for client in holders:
        client.answer()
        client.close()
    pools_add_up(weir, 5)


def test_reconnect_forgets_the_ceiling_at_once(weir_factory, pg, fake):
    upstream = fake("SessionLimit", pg.port, 2)
    weir = weir_factory(pg, databases=to(upstream.port), default_pool_size=4)
    holders = [raw(weir) for _ in range(4)]
    for client in holders:
        client.send(wire.query("BEGIN"))
    until(lambda: upstream.pooler.refused and int(weir.pool()["ceiling"] or 0) == 2, 10,
          "the ceiling is learned")
    upstream.pooler.pool_size = 10
    weir.console("RECONNECT")
    until(lambda: int(weir.pool()["sv_active"]) == 4, 5, "the pool grows at once")
    for client in holders:
        client.close()
    pools_add_up(weir, 4)


FULL = [
    ("53300", "sorry, too many clients already"),
    ("53300", "remaining connection slots are reserved for non-replication superuser connections"),
    ("XX000", "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to"
              " pool_size: 15"),
    ("08P01", "no more connections allowed (max_client_conn)")]


@pytest.mark.parametrize("sqlstate,text", FULL)
def test_full_and_nothing_lives_till_the_deadline(weir_factory, pg, fake, sqlstate, text):
    """The queue stays, the tries are few, and at the deadline the upstream's own words are told."""
    upstream = fake("Refusing", fatal(sqlstate, text), pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), query_wait_timeout=1.5,
                        query_wait_notify=0)
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login()
        client.ask("SELECT 1")
    parts = failed.value.fields
    assert parts["C"] == "53300"
    assert text in parts["D"], parts
    assert sqlstate in parts["D"] or sqlstate == "53300"
    assert 2 <= upstream.accepted <= 30, f"{upstream.accepted} connects in 1.5 s"


@pytest.mark.parametrize("sqlstate,text", FULL)
def test_full_and_nothing_lives_for_a_while(weir_factory, pg, fake, sqlstate, text):
    """When there is room before the deadline, nobody ever knew."""
    upstream = fake("Refusing", fatal(sqlstate, text), pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), query_wait_timeout=30,
                        query_wait_notify=0)
    with RawClient(weir.host, weir.port, 30) as patient:
        patient.send(wire.startup())
        until(lambda: upstream.accepted >= 2, 10, "it was refused twice")
        assert int(weir.pool()["cl_waiting"]) == 1
        upstream.answer = None
        patient.until(b"Z")
        assert patient.ask("SELECT 8") == [[b"8"]]
    pools_add_up(weir)


# ---- down

def test_upstream_down_then_up(weir_factory, pg, fake):
    upstream = fake("Gate", pg.port)
    upstream.close()
    weir = weir_factory(pg, databases=to(upstream.port), query_wait_notify=0)

    def work(i):
        with RawClient(weir.host, weir.port, 30) as client:
            client.login()
            return client.ask(f"SELECT {i}")

    def open_later():
        until(lambda: upstream.accepted >= 3, 10, "three tries")
        upstream.open()

    results = in_threads(9, lambda i: work(i) if i else open_later())
    assert results[1:] == [[[str(i).encode()]] for i in range(1, 9)]
    pools_add_up(weir)


def test_upstream_down_till_the_deadline(weir_factory, pg, fake):
    upstream = fake("Gate", pg.port)
    upstream.close()
    weir = weir_factory(pg, databases=to(upstream.port), query_wait_timeout=1)
    began = time.monotonic()
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login()
        client.ask("SELECT 1")
    assert failed.value.fields["C"] in ("53300", "08001", "08006")
    assert failed.value.fields.get("D") and failed.value.fields.get("H")
    assert 0.8 < time.monotonic() - began < 4
    assert upstream.accepted <= 30


def test_starting_up_is_waited_for(weir_factory, pg, fake):
    upstream = fake("Refusing", fatal("57P03", "the database system is starting up"), pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), query_wait_notify=0)

    def work(i):
        with RawClient(weir.host, weir.port, 30) as client:
            client.login()
            return client.ask(f"SELECT {i}")

    def start_later():
        until(lambda: upstream.accepted >= 3, 10, "three tries")
        upstream.answer = None

    assert in_threads(6, lambda i: work(i) if i else start_later())[1:] == \
        [[[str(i).encode()]] for i in range(1, 6)]


def test_starting_up_till_the_deadline(weir_factory, pg, fake):
    upstream = fake("Refusing", fatal("57P03", "the database system is starting up"))
    weir = weir_factory(pg, databases=to(upstream.port), query_wait_timeout=1)
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login()
        client.ask("SELECT 1")
    assert "the database system is starting up" in failed.value.fields["D"]


def test_the_line_survives_an_outage(weir_factory, pg, fake):
    """Waiting clients are not told to go away because the upstream went away for a moment."""
    upstream = fake("Gate", pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), default_pool_size=1, query_wait_notify=0)
    holder = raw(weir)
    holder.ask("BEGIN")
    line = [raw(weir) for _ in range(8)]
    for position, client in enumerate(line):
        client.send(wire.query(f"SELECT {position}"))
        until(lambda n=position: int(weir.pool()["cl_waiting"]) == n + 1, 10, "it waits")
    upstream.close()
    upstream.cut()
    with pytest.raises((ServerError, EOFError)):
        holder.ask("SELECT 1")
    tries = upstream.accepted
    until(lambda: upstream.accepted >= tries + 2, 10, "it tries again")
    assert int(weir.pool()["cl_waiting"]) == 8
    upstream.open()
    for position, client in enumerate(line):
        assert client.answer() == [[str(position).encode()]]
        client.close()
    holder.close()
    pools_add_up(weir, 1)


# ---- refused

def test_a_wrong_server_password_fails_at_once_and_alone(weir_factory, pg):
    weir = weir_factory(pg, query_wait_timeout=20, databases={
        "app": f"host=127.0.0.1 port={pg.port} dbname=app",
        "bad": f"host=127.0.0.1 port={pg.port} dbname=app user=u_plain password=not-it"})
    began = time.monotonic()
    for _ in range(3):
        with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
            client.login("app", "bad")
            client.ask("SELECT 1")
        parts = failed.value.fields
        assert 'password authentication failed for user "u_plain"' in \
            parts["M"] + parts.get("D", ""), parts
        assert parts["C"] in ("28P01", "28000")
    assert time.monotonic() - began < 5
    pools_add_up(weir)
    assert "not-it" not in weir.log()


def test_a_database_that_postgresql_does_not_have(weir_factory, pg):
    weir = weir_factory(pg, databases={"app": f"host=127.0.0.1 port={pg.port} dbname=app",
                                       "gone": f"host=127.0.0.1 port={pg.port} dbname=gone"})
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login("app", "gone")
        client.ask("SELECT 1")
    parts = failed.value.fields
    assert 'database "gone" does not exist' in parts["M"] + parts.get("D", "")
    assert parts["C"] in ("3D000", "28000")
    pools_add_up(weir)


def test_a_repaired_password_is_used_soon(weir_factory, pg):
    pg.sql("DROP ROLE IF EXISTS mended; CREATE ROLE mended LOGIN PASSWORD 'old'", fetch=False)
    weir = weir_factory(pg, databases=to(pg.port, "user=mended password=new"), server_login_retry=1)
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError):
        client.login()
        client.ask("SELECT 1")
    pg.sql("ALTER ROLE mended PASSWORD 'new'", fetch=False)
    until(lambda: weir.sql("SELECT current_user") == [("mended",)], 10, "the new password works")


def test_a_server_that_never_answers(weir_factory, pg, fake):
    silent = fake("Silent")
    weir = weir_factory(pg, server_connect_timeout=1, query_wait_timeout=3, databases={
        "app": f"host=127.0.0.1 port={pg.port} dbname=app",
        "silent": f"host=127.0.0.1 port={silent.port} dbname=app"})
    began = time.monotonic()
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login("app", "silent")
        client.ask("SELECT 1")
    assert 2 < time.monotonic() - began < 8
    assert failed.value.fields["C"] in ("53300", "08001", "08006")
    assert silent.accepted >= 2, "it did not try again"
    pools_add_up(weir)
