"""Failures of PostgreSQL, of the network and of clients. After each one the books balance and the
next query works; whoever was hit gets an error and never hangs; whoever was not hit notices
nothing. The broken input of clients is in test_garbage.py."""
import signal
import socket
import threading

import psycopg2
import pytest

from harness import wire
from harness.daemon import IS_PGBOUNCER
from harness.pools import pools_add_up, servers
from harness.threads import in_threads
from harness.wait import fd_count, rss_bytes, until
from harness.wire import RawClient, ServerError

MEGABYTE = 1024 * 1024
QUICK = {"server_login_retry": 1, "server_connect_timeout": 3}


def raw(weir, user="app", database="app", timeout=20):
    return RawClient(weir.host, weir.port, timeout).login(user, database)


def to(port):
    return {"app": f"host=127.0.0.1 port={port} dbname=app"}


@pytest.fixture
def running_pg(fragile_pg):
    """The disposable PostgreSQL; runs again after the test, whatever the test did."""
    yield fragile_pg
    if not fragile_pg.is_running():
        fragile_pg.start()


def eventually_answers(weir):
    until(lambda: weir.sql("SELECT 1", connect_timeout=5) == [(1,)], 20, "queries work again")


# ---- PostgreSQL goes away

def test_postgresql_restarts_between_queries(weir_factory, running_pg):
    weir = weir_factory(running_pg, **QUICK)
    clients = [raw(weir) for _ in range(4)]
    for client in clients:
        assert client.ask("SELECT 1") == [[b"1"]]
    running_pg.restart()
    eventually_answers(weir)
    for client in clients:  # idle clients in transaction mode need not notice
        assert client.ask("SELECT 2") == [[b"2"]]
        client.close()
    pools_add_up(weir)


def test_postgresql_stops_in_a_transaction(weir_factory, running_pg):
    weir = weir_factory(running_pg, **QUICK)
    inside, outside = raw(weir), raw(weir)
    inside.ask("BEGIN")
    outside.ask("SELECT 1")
    running_pg.stop("fast")
    with pytest.raises((ServerError, EOFError)):
        inside.ask("SELECT 1")
    running_pg.start()
    eventually_answers(weir)
    assert outside.ask("SELECT 3") == [[b"3"]]
    inside.close()
    outside.close()
    pools_add_up(weir)


@pytest.mark.weir_only
def test_queries_during_a_restart_wait_for_it(weir_factory, running_pg):
    """A restart is no reason to refuse anybody: 0 of 40 short queries fail that began during it."""
    weir = weir_factory(running_pg, **QUICK)
    assert weir.sql("SELECT 1") == [(1,)]
    running_pg.stop("fast")
    clients = [RawClient(weir.host, weir.port, 30) for _ in range(8)]
    starter = threading.Thread(target=running_pg.start)

    def work(i):
        clients[i].login()
        return [clients[i].ask(f"SELECT {n}")[0][0] for n in range(5)]

    starter.start()
    results = in_threads(8, work)
    starter.join(60)
    assert results == [[b"0", b"1", b"2", b"3", b"4"]] * 8
    for client in clients:
        client.close()
    pools_add_up(weir)


def test_idle_backends_are_terminated(weir_factory, running_pg):
    weir = weir_factory(running_pg, **QUICK)
    clients = [raw(weir) for _ in range(3)]
    for client in clients:
        client.ask("BEGIN")
    for client in clients:
        client.ask("COMMIT")
    assert running_pg.terminate("app") == 3
    until(lambda: not running_pg.backends("app"), 10, "the backends are gone")
    for client in clients:
        assert client.ask("SELECT 4") == [[b"4"]]
        client.close()
    pools_add_up(weir)


def stands_still(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.weir_only
def test_a_server_that_died_a_moment_ago_is_not_lent(weir_factory, running_pg):
    """The daemon is busy while its idle server dies, and finds a query and the death at once; the
    query came first. What is known to the kernel has to be known before a server is lent."""
    weir = weir_factory(running_pg, default_pool_size=1, **QUICK)
    with raw(weir) as client:
        client.ask("SELECT 1")
        weir.signal(signal.SIGSTOP)
        until(lambda: stands_still(weir.process.pid), 10, "the daemon has stopped")
        client.send(wire.query("SELECT 2"))
        running_pg.terminate("app")
        until(lambda: not running_pg.backends("app"), 10, "the backend is gone")
        weir.signal(signal.SIGCONT)
        assert client.answer() == [[b"2"]]
    pools_add_up(weir, 1)


def test_a_backend_is_terminated_in_a_transaction(weir_factory, running_pg):
    weir = weir_factory(running_pg, **QUICK)
    hit, spared = raw(weir), raw(weir)
    for client in (hit, spared):
        client.ask("BEGIN")
    pid = hit.ask("SELECT pg_backend_pid()")[0][0]
    running_pg.sql("SELECT pg_terminate_backend(%s)", (int(pid),))
    with pytest.raises((ServerError, EOFError)) as failed:
        hit.ask("SELECT 1")
    if failed.type is ServerError:
        assert failed.value.fields["C"] in ("57P01", "08006", "08P01", "08000", "58000")
    assert spared.ask("SELECT 5") == [[b"5"]]
    spared.ask("COMMIT")
    hit.close()
    spared.close()
    pools_add_up(weir)


def test_a_backend_is_terminated_in_a_query(weir_factory, running_pg):
    weir = weir_factory(running_pg, **QUICK)
    with raw(weir) as hit:
        hit.send(wire.query("SELECT pg_sleep(60)"))
        until(lambda: running_pg.terminate("app", "active"), 10, "the query runs and is ended")
        with pytest.raises((ServerError, EOFError)) as failed:
            hit.answer()
        if failed.type is ServerError:
            assert failed.value.fields["C"] == "57P01"
    pools_add_up(weir)


def test_postgresql_crashes_under_load(weir_factory, running_pg):
    """An immediate stop while everybody works: errors for those inside, then service as before,
    and no client thread hangs."""
    weir = weir_factory(running_pg, **QUICK)
    stop = threading.Event()
    answered = [0] * 8

    def work(i):
        while not stop.is_set():
            try:
                with raw(weir) as client:
                    while not stop.is_set():
                        assert client.ask(f"SELECT {i}") == [[str(i).encode()]]
                        answered[i] += 1
            except (ServerError, EOFError, OSError):
                pass

    def crash():
        try:
            until(lambda: min(answered) > 10, 20, "everybody works")
            running_pg.stop("immediate")
            running_pg.start()
            before = list(answered)
            until(lambda: all(now > then + 10 for now, then in zip(answered, before)), 30,
                  "everybody works again")
        finally:
            stop.set()

    in_threads(9, lambda i: work(i) if i < 8 else crash())
    pools_add_up(weir)


# ---- the network

def test_a_half_open_network_in_a_query(weir_factory, pg, fake):
    """Bytes stop, connections stay. The client gives up; its server must not stay lent for ever."""
    upstream = fake("Gate", pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), default_pool_size=2, **QUICK)
    with raw(weir) as stuck:
        stuck.ask("BEGIN")
        upstream.freeze()
        stuck.send(wire.query("SELECT 1"))
    upstream.thaw()
    pools_add_up(weir, 2)


@pytest.mark.weir_only
def test_an_idle_server_that_died_silently_is_not_lent(weir_factory, pg, fake):
    """server_check_delay = 0: every lent server is asked first; no answer within
    server_connect_timeout means another one."""
    upstream = fake("Gate", pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), server_check_delay=0,
                        server_connect_timeout=1, default_pool_size=2)
    with raw(weir) as client:
        pid = client.ask("SELECT pg_backend_pid()")
        upstream.freeze()
        client.send(wire.query("SELECT pg_backend_pid()"))
        tries = upstream.accepted
        until(lambda: upstream.accepted > tries, 10, "it gives the silent server up")
        upstream.cut()
        upstream.thaw()
        assert client.answer() != pid
    pools_add_up(weir, 2)


def test_connections_are_reset_in_the_middle(weir_factory, pg, fake):
    upstream = fake("Gate", pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), **QUICK)
    clients = [raw(weir) for _ in range(4)]
    for client in clients:
        client.ask("BEGIN")
    upstream.cut()
    for client in clients:
        with pytest.raises((ServerError, EOFError)):
            client.ask("SELECT 1")
        client.close()
    eventually_answers(weir)
    pools_add_up(weir)


# ---- clients

def test_clients_are_killed_in_every_state(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=2)
    before = fd_count(weir.process.pid)
    for _ in range(3):
        crowd = [raw(weir) for _ in range(12)]
        for client in crowd[:2]:
            client.ask("BEGIN")
        for client in crowd[2:7]:
            client.send(wire.query("SELECT 1"))  # these wait
        crowd[7].send(wire.parse("x", "SELECT 1"))  # half a batch
        crowd[8].send(b"Q\0\0\1\0SELE")  # half a message
        until(lambda: int(weir.pool()["cl_waiting"]) >= 5, 10, "five clients wait")
        for client in crowd:
            # RST instead of FIN: as if the process had been killed with data unread
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        pools_add_up(weir, 2)
    until(lambda: fd_count(weir.process.pid) <= before + 3, 10, "no descriptor is left behind")


def test_a_slow_reader_of_a_large_result_costs_no_memory(weir_factory, pg):
    """100 MB for a client that does not read: the daemon stops reading from the server."""
    weir = weir_factory(pg, default_pool_size=2)
    neighbour = raw(weir)
    neighbour.ask("SELECT 1")
    before = rss_bytes(weir.process.pid)
    with raw(weir) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.send(wire.query("SELECT repeat('x', 1000000) FROM generate_series(1, 100)"))
        # it is under way and stuck: PostgreSQL waits for its client to read
        until(lambda: pg.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND"
                             " wait_event = 'ClientWrite'"), 20, "the server's output is stuck")
        peak = rss_bytes(weir.process.pid)
        assert neighbour.ask("SELECT 2") == [[b"2"]]
        rows = 0
        while True:
            kind, body = slow.receive()
            rows += kind == b"D"
            peak = max(peak, rss_bytes(weir.process.pid)) if rows % 10 == 0 else peak
            if kind in (b"Z", None):
                break
        assert rows == 100
    assert peak - before < 50 * MEGABYTE, f"grew by {(peak - before) / MEGABYTE:.1f} MB"
    neighbour.close()
    pools_add_up(weir, 2)


def test_a_slow_reader_that_gives_up(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as slow:
        slow.send(wire.query("SELECT repeat('x', 1000000) FROM generate_series(1, 100)"))
        until(lambda: pg.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND"
                             " wait_event = 'ClientWrite'"), 20, "the server's output is stuck")
    pools_add_up(weir, 1)


def test_a_large_message_to_a_server_that_does_not_read(weir_factory, pg, fake):
    upstream = fake("Gate", pg.port)
    weir = weir_factory(pg, databases=to(upstream.port), default_pool_size=1)
    client = raw(weir, timeout=60)
    client.ask("BEGIN")
    before = rss_bytes(weir.process.pid)
    upstream.freeze()
    value = b"'" + b"y" * (100 * MEGABYTE) + b"'"
    sent = threading.Event()

    def send():
        client.send(wire.message(b"Q", b"SELECT length(" + value + b")\0"))
        sent.set()

    thread = threading.Thread(target=send)
    thread.start()
    assert not sent.wait(1.5), "100 MB went somewhere although the server does not read"
    grown = rss_bytes(weir.process.pid) - before
    upstream.thaw()
    thread.join(30)
    assert client.answer() == [[str(100 * MEGABYTE).encode()]]
    client.ask("COMMIT")
    client.close()
    assert grown < 50 * MEGABYTE, f"grew by {grown / MEGABYTE:.1f} MB"
    pools_add_up(weir, 1)


def test_descriptors_and_memory_do_not_grow(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=3)

    def storm():
        def work(_):
            for _ in range(15):
                with raw(weir) as client:
                    client.ask("SELECT 1")
        in_threads(8, work)
        pools_add_up(weir, 3)

    storm()
    fds, rss = fd_count(weir.process.pid), rss_bytes(weir.process.pid)
    for _ in range(3):
        storm()
    until(lambda: fd_count(weir.process.pid) <= fds + 2, 10, "descriptors are given back")
    limit = 8 if not IS_PGBOUNCER else 64
    assert rss_bytes(weir.process.pid) - rss < limit * MEGABYTE
    assert servers(weir.pool()) <= 3


def test_libpq_sees_a_clean_error_when_the_server_dies(weir_factory, running_pg):
    weir = weir_factory(running_pg, **QUICK)
    connection = weir.connect(autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        running_pg.terminate("app")
        with pytest.raises((psycopg2.OperationalError, psycopg2.InterfaceError)) as failed:
            cursor.execute("SELECT 2")
    assert str(failed.value).strip()
    connection.close()
    pools_add_up(weir)
