"""[peers]: a cancel request that reaches the wrong process of a group is handed to the right one."""
import socket
import struct
import threading

import pytest

from harness import wire
from harness.wait import free_port, until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only
SLEEP = "SELECT pg_sleep(60)"


def group(weir_factory, pg, ids=(1, 2), extra="", **settings):
    """Daemons that know each other; settings as in Weir.start()."""
    daemons = [weir_factory(pg, start=False) for _ in ids]
    for daemon in daemons:
        daemon.port = free_port()
    lines = "".join(f"{i} = host={d.folder} port={d.port}\n" for i, d in zip(ids, daemons)) + extra
    for i, daemon in zip(ids, daemons):
        daemon.write(peer_id=i, **settings)
        with open(daemon.ini) as ini:
            text = ini.read()
        daemon.put("weir.ini", text + "[peers]\n" + lines)
        daemon.spawn()
        daemon.await_log("process up", 20)
    return daemons


def cancel(weir, key):
    """As PQcancel: sends the request and waits until the other side closes."""
    with socket.create_connection((weir.host, weir.port), 20) as request:
        request.sendall(struct.pack("!II", 8 + len(key), 80877102) + key)
        return request.recv(1)


def running(client, sql=SLEEP):
    client.send(wire.query(sql))


def is_cancelled(client):
    messages = client.until(b"Z")
    return [wire.fields(body)["C"] for kind, body in messages if kind == b"E"] == ["57014"]


def asleep(pg, user="app"):
    until(lambda: pg.sql("SELECT count(*) AS n FROM pg_stat_activity WHERE usename = %s AND"
                         " query LIKE '%%pg_sleep%%' AND state = 'active'", (user,))[0]["n"], 10,
          "the query runs")


@pytest.mark.parametrize("version", [wire.PROTOCOL_3, wire.PROTOCOL_3 + 2])
def test_a_cancel_at_a_peer_reaches_its_client(weir_factory, pg, version):
    one, two = group(weir_factory, pg)
    with RawClient(one.host, one.port).login("app", "app", version=version) as client:
        running(client)
        asleep(pg)
        assert cancel(two, client.key) == b""
        assert is_cancelled(client)
        running(client)
        asleep(pg)
        assert cancel(one, client.key) == b""  # its own door works as before
        assert is_cancelled(client)


def test_the_key_says_whose_it_is(weir_factory, pg):
    """PgBouncer's layout, so that the two may be peers."""
    (weir,) = group(weir_factory, pg, ids=(0x1234,))
    with RawClient(weir.host, weir.port).login() as client:
        assert len(client.key) == 8 and client.key[0] < 0x80
        assert client.key[1] | client.key[2] << 8 == 0x1234
        assert client.key[7] & 3 == 3


def test_a_request_is_handed_on_three_times_at_most(weir_factory, pg):
    """Two peers that each take the other for the owner of the key."""
    one, two = group(weir_factory, pg, ids=(1, 2), extra="")
    for daemon, other in ((one, two), (two, one)):
        with open(daemon.ini) as ini:
            text = ini.read().split("[peers]")[0]
        daemon.put("weir.ini", text + f"[peers]\n7 = host={other.folder} port={other.port}\n")
        daemon.console("RELOAD")
    key = bytes([1, 7, 0, 9, 1, 2, 3, 0xff])
    assert cancel(one, key) == b""
    logs = one.log() + two.log()
    assert logs.count("failed to forward cancel request because its TTL was exhausted") == 1


def test_a_request_for_nobody_ends_at_once(weir_factory, pg):
    (weir,) = group(weir_factory, pg, ids=(1,))
    assert cancel(weir, bytes([1, 9, 0, 9, 1, 2, 3, 0xff])) == b""
    weir.await_log("could not find peer to forward request to")
    assert cancel(weir, bytes([1, 1, 0, 9, 1, 2, 3, 0xff])) == b""  # its own, but of no client


def test_without_a_peer_id_nothing_is_handed_on(weir_factory, pg):
    one, two = group(weir_factory, pg)
    alone = weir_factory(pg)
    with RawClient(one.host, one.port).login() as client:
        assert cancel(alone, client.key) == b""
    assert "forward" not in alone.log()


def test_the_asker_waits_until_the_cancel_is_delivered(weir_factory, pg, fake):
    """A peer that takes its time: the asker is told nothing before, and is shown meanwhile."""
    silent = fake("Silent")
    (weir,) = group(weir_factory, pg, ids=(1,), extra=f"2 = host=127.0.0.1 port={silent.port}"
                    " pool_size=1\n", cancel_wait_timeout=60)
    key = bytes([1, 2, 0, 9, 1, 2, 3, 0xff])
    askers = []
    for _ in range(3):
        asker = socket.create_connection((weir.host, weir.port), 20)
        asker.sendall(struct.pack("!II", 16, 80877102) + key)
        askers.append(asker)

    def counts():
        row, = [row for row in weir.console("SHOW PEER_POOLS") if row["peer_id"] == 2]
        return row["cl_active_cancel_req"], row["cl_waiting_cancel_req"], row["sv_active_cancel"]
    until(lambda: counts() == (1, 2, 1), 10, "one is on its way, two wait for their turn")
    states = [row["state"] for row in weir.console("SHOW CLIENTS")]
    assert states.count("active_cancel_req") == 3
    until(lambda: silent.accepted == 1, 10, "the peer has taken one connection")
    silent.cut()
    assert askers[0].recv(1) == b""
    until(lambda: counts() == (1, 1, 1), 10, "the second has its turn")
    for asker in askers[1:]:
        asker.close()
    peers = {row["peer_id"]: row for row in weir.console("SHOW PEERS")}
    assert (peers[2]["host"], peers[2]["port"], peers[2]["pool_size"]) == ("127.0.0.1",
                                                                          silent.port, 1)
    assert peers[1]["pool_size"] == 5  # default_pool_size
    lists = {row["list"]: row["items"] for row in weir.console("SHOW LISTS")}
    assert lists["peers"] == lists["peer_pools"] == 2


def test_cancel_wait_timeout_ends_a_request(weir_factory, pg, fake):
    silent = fake("Silent")
    (weir,) = group(weir_factory, pg, ids=(1,), cancel_wait_timeout=1,
                    extra=f"2 = host=127.0.0.1 port={silent.port}\n")
    assert cancel(weir, bytes([1, 2, 0, 9, 1, 2, 3, 0xff])) == b""
    weir.await_log("cancel_wait_timeout")


def test_a_reload_adds_and_removes_peers(weir_factory, pg, fake):
    silent = fake("Silent")
    (weir,) = group(weir_factory, pg, ids=(1,), cancel_wait_timeout=60,
                    extra=f"2 = host=127.0.0.1 port={silent.port} pool_size=1\n")
    askers = [socket.create_connection((weir.host, weir.port), 20) for _ in range(2)]
    for asker in askers:
        asker.sendall(struct.pack("!II", 16, 80877102) + bytes([1, 2, 0, 9, 1, 2, 3, 0xff]))
    until(lambda: silent.accepted == 1, 10, "the first is on its way")
    with open(weir.ini) as ini:
        text = ini.read().split("[peers]")[0]
    weir.put("weir.ini", text + "[peers]\n3 = host=127.0.0.1\n")
    weir.console("RELOAD")
    assert "configuration changed: [peers]" in weir.log()
    ended = [asker for asker in askers if _ends(asker)]
    assert len(ended) == 1  # who waited for its turn; the other is still on its way
    assert [row["peer_id"] for row in weir.console("SHOW PEERS")][-1:] == [3]
    silent.cut()
    for asker in askers:
        asker.close()


def _ends(asker):
    asker.settimeout(1)
    try:
        return asker.recv(1) == b""
    except TimeoutError:
        return False


def test_many_cancels_at_once_all_arrive(weir_factory, pg):
    one, two = group(weir_factory, pg, default_pool_size=8)
    clients = [RawClient(one.host, one.port).login() for _ in range(8)]
    for client in clients:
        running(client)
    until(lambda: pg.sql("SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'app' AND"
                         " query LIKE '%%pg_sleep%%' AND state = 'active'", ())[0]["n"] == 8, 10,
          "all run")
    threads = [threading.Thread(target=cancel, args=(two, client.key)) for client in clients]
    for thread in threads:
        thread.start()
    assert all(is_cancelled(client) for client in clients)
    for thread in threads:
        thread.join(20)
    for client in clients:
        client.close()
