"""Several hosts and several addresses: which of them a new server goes to, what happens when one is
down, and which servers are taken at all."""
import socket
import struct

import psycopg2
import pytest

from harness import wire
from harness.wait import until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only


@pytest.fixture
def hosts(pg, fake):
    """Three addresses with one port, at each of which PostgreSQL answers through a gate."""
    first = fake("Gate", pg.port, host="127.0.1.1")
    return [first] + [fake("Gate", pg.port, host=f"127.0.1.{i}", port=first.port) for i in (2, 3)]


def several(hosts, **more):
    keys = "".join(f" {key}={value}" for key, value in more.items())
    return {"app": f"host={','.join(h.host for h in hosts)} port={hosts[0].port} dbname=app{keys}"}


def counts(hosts):
    return [host.accepted for host in hosts]


def hold(weir, count):
    """So many transactions at once, one after another."""
    held = [weir.connect(autocommit=False) for _ in range(count)]
    for connection in held:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    return held


def close(held):
    for connection in held:
        connection.close()


def show(weir, what, **match):
    return next(row for row in weir.console(f"SHOW {what}")
                if all(row[key] == value for key, value in match.items()))


@pytest.mark.parametrize("key", [{}, {"load_balance_hosts": "round-robin"}])
def test_new_servers_go_to_each_host_in_turn(weir_factory, pg, hosts, key):
    weir = weir_factory(pg, databases=several(hosts, **key), default_pool_size=6,
                        server_tls_sslmode="disable")
    held = hold(weir, 6)
    assert counts(hosts) == [2, 2, 2]
    assert show(weir, "DATABASES", name="app")["load_balance_hosts"] == "round-robin"
    assert show(weir, "POOLS", database="app")["load_balance_hosts"] == "round-robin"
    close(held)


def test_disable_stays_with_one_host_until_it_fails(weir_factory, pg, hosts):
    weir = weir_factory(pg, databases=several(hosts, load_balance_hosts="disable"),
                        default_pool_size=6, server_tls_sslmode="disable")
    close(hold(weir, 3))
    assert counts(hosts) == [3, 0, 0]
    assert show(weir, "DATABASES", name="app")["load_balance_hosts"] == "disable"
    hosts[0].close()
    hosts[0].cut()
    until(lambda: weir.pool()["sv_idle"] == 0, 10, "the servers of the first host are gone")
    close(hold(weir, 3))
    assert counts(hosts)[1:] == [3, 0]
    hosts[0].open()  # it stays where it is although the first is back
    weir.console("RECONNECT")
    before = counts(hosts)[0]
    close(hold(weir, 2))
    assert counts(hosts)[0] == before


def test_each_pool_turns_by_itself(weir_factory, pg, hosts):
    weir = weir_factory(pg, databases=several(hosts), server_tls_sslmode="disable")
    for user in ("app", "u_scram", "u_md5"):
        weir.sql("SELECT 1", user=user)
    assert counts(hosts) == [3, 0, 0]


@pytest.mark.parametrize("balance", ["round-robin", "disable"])
def test_a_host_that_is_down_delays_nobody_for_good(weir_factory, pg, hosts, balance):
    weir = weir_factory(pg, databases=several(hosts[:2], load_balance_hosts=balance),
                        default_pool_size=4, server_tls_sslmode="disable")
    hosts[0].close()
    held = hold(weir, 4)
    assert hosts[1].accepted >= 4
    close(held)


def test_one_host_shows_no_balance(weir_factory, pg):
    weir = weir_factory(pg)
    assert show(weir, "DATABASES", name="app")["load_balance_hosts"] is None
    weir.sql("SELECT 1")
    assert show(weir, "POOLS", database="app")["load_balance_hosts"] is None


def test_a_name_with_two_kinds_of_addresses_is_reached_on_either(weir_factory, pg):
    """PostgreSQL listens on 127.0.0.1 only; localhost may be ::1 first."""
    weir = weir_factory(pg, databases={"app": f"host=localhost port={pg.port} dbname=app"},
                        default_pool_size=5)
    close(hold(weir, 5))
    assert weir.pool()["connect_failures"] <= 1  # after that it knows which kind answers


@pytest.mark.parametrize("tracked", ["default_transaction_read_only", "in_hot_standby"])
@pytest.mark.parametrize("wanted, is_taken", [("any", True), ("read-only", True),
                                              ("primary", True), ("read-write", False),
                                              ("standby", False)])
def test_servers_that_are_not_wanted_are_not_taken(weir_factory, pg, wanted, is_taken, tracked):
    """Also where what tells of it is a parameter that follows clients."""
    pg.sql("ALTER ROLE u_trust SET default_transaction_read_only = on", fetch=False)
    try:
        weir = weir_factory(
            pg, query_wait_timeout=1, track_extra_parameters=tracked, databases={
                "app": f"host=127.0.0.1 port={pg.port} dbname=app target_session_attrs={wanted}"})
        if is_taken:
            assert weir.sql("SELECT 1", user="u_trust") == [(1,)]
            return
        with pytest.raises(psycopg2.OperationalError) as refused:
            weir.connect("u_trust")
        assert f"target_session_attrs = {wanted}" in str(refused.value)
    finally:
        pg.sql("ALTER ROLE u_trust RESET default_transaction_read_only", fetch=False)


@pytest.mark.parametrize("newest, minor", [("3.0", 0), ("3.2", 2), ("latest", 2)])
def test_servers_are_asked_for_the_protocol_that_was_configured(weir_factory, pg, fake, newest,
                                                                minor):
    """PostgreSQL 15 negotiates 3.2 down; a server of 3.2 has long cancel keys."""
    weir = weir_factory(pg, databases={
        "app": f"host=127.0.0.1 port={pg.port} dbname=app max_protocol_version={newest}"})
    assert weir.sql("SELECT 1") == [(1,)]
    server = fake("LongKeys")
    weir = weir_factory(pg, server_tls_sslmode="disable", databases={
        "app": f"host=127.0.0.1 port={server.port} dbname=app max_protocol_version={newest}"})
    with RawClient(weir.host, weir.port).login() as client:
        client.send(wire.query("SELECT 1"))
        until(lambda: server.queries, 10, "the query has come")
        assert server.minor == minor
        with socket.create_connection((weir.host, weir.port), 20) as request:
            request.sendall(struct.pack("!II", 8 + len(client.key), 80877102) + client.key)
            assert request.recv(1) == b""
        assert server.cancels == [server.key]
        server.cut()
