"""event_backend: io_uring, epoll and both together carry the same traffic, and what is used where
io_uring is forbidden. $WEIR_EVENT_BACKEND=epoll runs all other tests on epoll too."""
import os
import socket
import subprocess
import sys
import threading

import psycopg2
import pytest

from harness import wire
from harness.daemon import BIN, ROOT
from harness.pools import pools_add_up
from harness.threads import in_threads
from harness.wait import free_port, until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only
MEGABYTE = 1024 * 1024
FORBIDDEN = (sys.executable, os.path.join(ROOT, "tests/system/harness/without_io_uring.py"))


@pytest.fixture(params=["epoll", "io_uring_sends", "io_uring"])
def weir_on(request, weir_factory, pg):
    weir = weir_factory(pg, event_backend=request.param)
    start = next(line for line in weir.log().splitlines() if "process up" in line)
    assert start.endswith(f", {request.param}")
    yield weir
    pools_add_up(weir)


def raw(weir):
    return RawClient(weir.host, weir.port, 20).login("app", "app")


def test_many_clients_on_few_servers(weir_on):
    def work(number):
        with psycopg2.connect(host=weir_on.host, port=weir_on.port, user="app",
                              dbname="app") as connection:
            cursor = connection.cursor()
            for step in range(20):
                cursor.execute("SELECT %s + %s", (number, step))
                assert cursor.fetchone() == (number + step,)
                connection.commit()
        connection.close()
    in_threads(40, work)


def test_a_slow_reader_of_a_large_result(weir_on):
    """The server is paused while its client does not read; all arrives, in order."""
    with raw(weir_on) as client:
        client.send(wire.query("SELECT repeat(chr(65 + n % 26), 100000) "
                               "FROM generate_series(0, 299) n"))
        until(lambda: any(int(row["send_remain"]) > 0 for row in weir_on.console("SHOW SOCKETS")), 10,
              "more is on its way than the client takes")
        rows = client.answer()
        assert [row[0][:1] for row in rows] == [bytes([65 + n % 26]) for n in range(300)]
        assert all(len(row[0]) == 100000 for row in rows)


def test_what_a_paused_client_sends_is_kept(weir_on):
    """Ten clients fill the pool; who waits sends more than one receive, in pieces."""
    holders = [raw(weir_on) for _ in range(5)]
    for holder in holders:
        holder.ask("BEGIN")
    with raw(weir_on) as waiting:
        long = wire.query("SELECT length('" + "x" * MEGABYTE + "')")
        waiting.send(wire.query("SELECT 1"))
        until(lambda: int(weir_on.pool()["cl_waiting"]) == 1, 10, "it waits")
        sender = threading.Thread(target=waiting.send, args=(long,))
        sender.start()
        until(lambda: any(int(row["recv_pos"]) > 0 for row in weir_on.console("SHOW SOCKETS")), 10,
              "some of it has come and is kept")
        for holder in holders:
            holder.ask("COMMIT")
            holder.close()
        sender.join(20)
        assert waiting.answer() == [[b"1"]]
        assert waiting.answer() == [[str(MEGABYTE).encode()]]


def test_a_waiting_client_that_leaves_is_noticed(weir_on):
    holders = [raw(weir_on) for _ in range(5)]
    for holder in holders:
        holder.ask("BEGIN")
    for sends in (b"", wire.query("SELECT 2") * 3):
        waiting = raw(weir_on)
        waiting.send(wire.query("SELECT 1"))
        until(lambda: int(weir_on.pool()["cl_waiting"]) == 1, 10, "it waits")
        if sends:
            waiting.send(sends)
        waiting.close()
        until(lambda: int(weir_on.pool()["cl_waiting"]) == 0, 10, "its end is noticed")
    for holder in holders:
        holder.close()


def test_a_reset_connection_is_noticed(weir_on):
    with raw(weir_on) as client:
        client.ask("BEGIN")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    until(lambda: int(weir_on.pool()["cl_active"]) == 0, 10, "the client is gone")
    until(lambda: int(weir_on.pool()["sv_active"]) == 0, 10, "its server is free")


def test_descriptors_are_reused_and_not_mixed_up(weir_on):
    """Connections come and go quickly, so that one's number is the next one's at once."""
    def work(number):
        for step in range(30):
            with raw(weir_on) as client:
                assert client.ask(f"SELECT {number * 1000 + step}") == \
                    [[str(number * 1000 + step).encode()]]
                if step % 3 == 0:
                    client.send(wire.query("SELECT 1"))  # leaves without its answer
    in_threads(8, work)


def test_where_io_uring_is_forbidden_auto_means_epoll(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    weir.write(event_backend="auto")
    weir.spawn(wrapper=FORBIDDEN)
    weir.await_log("process up")
    assert "epoll" in next(line for line in weir.log().splitlines() if "process up" in line)
    assert weir.sql("SELECT 1") == [(1,)]


def test_where_io_uring_is_forbidden_asking_for_it_is_one_clear_line(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = 0
    weir.write(event_backend="io_uring")
    done = subprocess.run([*FORBIDDEN, BIN, "serve", weir.ini], capture_output=True, text=True,
                          timeout=20)
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 1
    assert len(lines) == 1 and "event_backend" in lines[0] and "use auto or epoll" in lines[0]
