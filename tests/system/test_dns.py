"""Names of servers: name servers of one's own, how long answers are kept, servers that follow a name
to another address, serial numbers of zones."""
import psycopg2
import pytest

from harness.dns import A, SOA, NameServer
from harness.wait import until

pytestmark = pytest.mark.weir_only
NAME = "db.weir.test"


@pytest.fixture
def names():
    server = NameServer("weir.test", {NAME: ["127.0.1.1"]})
    yield server
    server.done()


@pytest.fixture
def hosts(pg, fake):
    """Two addresses with one port, at each of which PostgreSQL answers through a gate."""
    first = fake("Gate", pg.port, host="127.0.1.1")
    return first, fake("Gate", pg.port, host="127.0.1.2", port=first.port)


@pytest.fixture
def start(weir_factory, pg, names, hosts):
    def make(**settings):
        weir = weir_factory(pg, start=False)
        path = weir.put("resolv.conf", f"nameserver 127.0.0.1:{names.port}\n")
        line = f"host={NAME} port={hosts[0].port} dbname=app"
        configuration = {"databases": {"app": line}, "resolv_conf": path,
                         "server_tls_sslmode": "disable", **settings}
        weir.configuration = configuration
        return weir.start(**configuration)
    return make


def hold(weir, count):
    held = [weir.connect(autocommit=False) for _ in range(count)]
    for connection in held:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    return held


def close(held):
    for connection in held:
        connection.close()


def test_names_are_asked_of_the_name_servers_that_were_named(start, names):
    weir = start()
    close(hold(weir, 3))
    assert names.count(A) == 1  # within dns_max_ttl
    row, = weir.console("SHOW DNS_HOSTS")
    assert (row["hostname"], row["addrs"]) == (NAME, "127.0.1.1")


def test_several_addresses_are_used_in_turn(start, names, hosts):
    names.hosts[NAME] = ["127.0.1.1", "127.0.1.2"]
    weir = start()
    close(hold(weir, 4))
    assert [host.accepted for host in hosts] == [2, 2]


def test_servers_follow_a_name_that_has_moved(start, names, hosts):
    weir = start(dns_max_ttl=0)
    weir.sql("SELECT 1")
    names.hosts[NAME] = ["127.0.1.2"]
    held = hold(weir, 2)  # the second server makes weir look again: the first has to go
    until(lambda: hosts[1].accepted == 1, 10, "the new server goes to the new address")
    flags = sorted((row["addr"], row["close_needed"]) for row in weir.console("SHOW SERVERS"))
    assert flags == [("127.0.1.1", 1), ("127.0.1.2", 0)]
    close(held)
    until(lambda: [row["addr"] for row in weir.console("SHOW SERVERS")] == ["127.0.1.2"], 10,
          "the old server is gone")
    weir.await_log("its host has another address now")


def test_an_address_more_moves_nobody(start, names, hosts):
    weir = start(dns_max_ttl=0)
    weir.sql("SELECT 1")
    names.hosts[NAME] = ["127.0.1.2", "127.0.1.1"]
    close(hold(weir, 2))
    assert "another address" not in weir.log()


def test_a_failure_to_look_up_moves_nobody(start, names):
    weir = start(dns_max_ttl=0, dns_nxdomain_ttl=0, query_wait_timeout=1)
    held = hold(weir, 1)
    del names.hosts[NAME]
    with pytest.raises(psycopg2.Error, match="query_wait_timeout"):
        hold(weir, 1)  # a server more cannot be opened
    assert [row["close_needed"] for row in weir.console("SHOW SERVERS")] == [0]
    close(held)


def test_that_a_name_does_not_exist_is_remembered(start, names):
    names.hosts.clear()
    weir = start(query_wait_timeout=1, dns_nxdomain_ttl=100)
    with pytest.raises(psycopg2.OperationalError):
        weir.connect()
    assert names.count(A) == 1
    assert weir.pool()["connect_failures"] > 1


def test_how_long_answers_are_kept_can_be_changed(start, names):
    weir = start(dns_max_ttl=100)
    close(hold(weir, 2))
    assert names.count(A) == 1
    weir.write(**{**weir.configuration, "dns_max_ttl": 0, "dns_nxdomain_ttl": 0})
    weir.console("RELOAD")
    names.hosts["other.weir.test"] = ["127.0.1.1"]
    weir.write(**{**weir.configuration, "dns_max_ttl": 0, "databases": {
        "app": weir.configuration["databases"]["app"].replace(NAME, "other.weir.test")}})
    weir.console("RELOAD")
    close(hold(weir, 2))
    assert names.questions.count(("other.weir.test", A)) == 2  # each server asks
    weir.console("SET dns_max_ttl = 50")
    assert {r["key"]: r["value"] for r in weir.console("SHOW CONFIG")}["dns_max_ttl"] == "50"
    weir.console("RECONNECT")
    close(hold(weir, 3))
    assert names.questions.count(("other.weir.test", A)) == 3


def test_a_changed_serial_number_makes_weir_look_again(start, names, hosts):
    weir = start(dns_max_ttl=1000, dns_zone_check_period=0.1)
    weir.sql("SELECT 1")
    until(lambda: names.count(SOA) >= 2, 10, "the zone is asked for")
    zone, = weir.console("SHOW DNS_ZONES")
    assert (zone["zonename"], zone["serial"], zone["count"]) == ("weir.test", 1, 1)
    assert names.count(A) == 1
    names.hosts[NAME] = ["127.0.1.2"]
    names.serial = 2
    until(lambda: names.count(A) == 2, 10, "the name is looked up again")
    until(lambda: not weir.console("SHOW SERVERS"), 10, "the old server is gone")
    assert weir.sql("SELECT 1") == [(1,)]
    assert hosts[1].accepted == 1
    lists = {row["list"]: row["items"] for row in weir.console("SHOW LISTS")}
    assert lists["dns_zones"] == 1


def test_zones_are_not_asked_for_unless_that_is_set(start, names):
    weir = start()
    weir.sql("SELECT 1")
    assert names.count(SOA) == 0 and weir.console("SHOW DNS_ZONES") == []
