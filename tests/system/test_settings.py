"""Settings at their effect that no other file is about."""
import contextlib
import ctypes
import os
import socket
import time

import psycopg2
import pytest

from harness import wire
from harness.wait import cpu_ticks, until
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only
PIDFD_OPEN, PIDFD_GETFD = 434, 438  # system calls, the same on every machine
TCP_USER_TIMEOUT = 18


def value(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def hold(weir, count, **more):
    held = [weir.connect(autocommit=False, **more) for _ in range(count)]
    for connection in held:
        value(connection, "SELECT 1")
    return held


def close(held):
    for connection in held:
        connection.close()


# ---- checks and resets

def test_server_check_query_runs_before_an_idle_server_is_lent(weir_factory, pg):
    weir = weir_factory(pg, server_check_delay=0, default_pool_size=1,
                        server_check_query="SELECT set_config('weir.checked', 'yes', false)")
    client = weir.connect()
    value(client, "SELECT 1")
    assert value(client, "SELECT current_setting('weir.checked', true)") == "yes"
    client.close()


def test_a_server_that_fails_its_check_is_replaced(weir_factory, pg):
    weir = weir_factory(pg, server_check_delay=0, default_pool_size=1,
                        server_check_query="SELECT 1/count(*) FROM pg_class WHERE relname = 'alive'")
    pg.sql("CREATE TABLE alive (); GRANT SELECT ON alive TO app", database="app", fetch=False)
    try:
        client = weir.connect()
        first = value(client, "SELECT pg_backend_pid()")
        assert value(client, "SELECT pg_backend_pid()") == first
        pg.sql("DROP TABLE alive", database="app", fetch=False)
        assert value(client, "SELECT pg_backend_pid()") != first
        weir.await_log("closing because: server check failed")
        client.close()
    finally:
        pg.sql("DROP TABLE IF EXISTS alive", database="app", fetch=False)


@pytest.mark.parametrize("check", ["", "<empty>"])
def test_no_check_and_the_empty_one(weir_factory, pg, check):
    weir = weir_factory(pg, server_check_delay=0, server_check_query=check)
    client = weir.connect()
    assert [value(client, "SELECT 1") for _ in range(3)] == [1, 1, 1]
    client.close()


@pytest.mark.parametrize("mode, always, is_reset", [("session", 0, True), ("transaction", 0, False),
                                                    ("transaction", 1, True)])
def test_server_reset_query_runs_in_session_mode_or_always(weir_factory, pg, mode, always, is_reset):
    weir = weir_factory(pg, pool_mode=mode, default_pool_size=1, server_reset_query_always=always,
                        server_reset_query="SET work_mem = '7MB'")
    weir.sql("SET work_mem = '5MB'")
    assert weir.sql("SHOW work_mem") == [("7MB" if is_reset else "5MB",)]


def test_without_a_reset_query_a_session_leaves_its_traces(weir_factory, pg):
    weir = weir_factory(pg, pool_mode="session", default_pool_size=1, server_reset_query="")
    weir.sql("SET work_mem = '5MB'")
    assert weir.sql("SHOW work_mem") == [("5MB",)]


# ---- which server, how many

@pytest.mark.parametrize("is_round_robin", [0, 1])
def test_server_round_robin_lends_the_one_that_idled_longest(weir_factory, pg, is_round_robin):
    weir = weir_factory(pg, server_round_robin=is_round_robin, default_pool_size=3)
    close(hold(weir, 3))
    until(lambda: weir.pool()["sv_idle"] == 3, 10, "three servers idle")
    client = weir.connect()
    used = [value(client, "SELECT pg_backend_pid()") for _ in range(6)]
    assert len(set(used)) == (3 if is_round_robin else 1)
    client.close()


def test_the_reserve_is_used_after_its_time_out(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, reserve_pool_size=1, reserve_pool_timeout=0.2)
    held = hold(weir, 2)  # the second has waited for the reserve
    assert weir.pool()["sv_active"] == 2
    close(held)


def test_a_reserve_without_a_time_out_is_off(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, reserve_pool_size=1, reserve_pool_timeout=0,
                        query_wait_timeout=0.5)
    held = hold(weir, 1)
    with pytest.raises(psycopg2.Error, match="query_wait_timeout"):
        hold(weir, 1)
    close(held)


def test_servers_of_an_upstream_are_limited_over_all_databases(weir_factory, pg):
    line = f"host=127.0.0.1 port={pg.port} dbname="
    weir = weir_factory(pg, max_upstream_connections=2, query_wait_timeout=0.5,
                        databases={"app": line + "app", "other": line + "postgres"})
    held = hold(weir, 1) + hold(weir, 1, dbname="other")
    for dbname in ("app", "other"):
        with pytest.raises(psycopg2.Error, match="query_wait_timeout"):
            hold(weir, 1, dbname=dbname)
    close(held)


def test_minus_one_is_not_set(weir_factory, pg):
    """query_wait_timeout of a database or user, as PgBouncer has it."""
    weir = weir_factory(pg, default_pool_size=1, query_wait_timeout=0.5, databases={
        "app": f"host=127.0.0.1 port={pg.port} dbname=app query_wait_timeout=-1"},
        users={"app": "query_wait_timeout=-1"})
    held = hold(weir, 1)
    with pytest.raises(psycopg2.Error, match="query_wait_timeout"):
        hold(weir, 1)
    close(held)


# ---- protocol

def test_disable_pqexec_lets_only_the_extended_protocol_in(weir_factory, pg):
    weir = weir_factory(pg, disable_pqexec=1)
    with RawClient(weir.host, weir.port).login() as client:
        client.send(wire.parse("", "SELECT 1"), wire.bind(), wire.execute(), wire.SYNC)
        assert client.answer() == [[b"1"]]
        with pytest.raises(ServerError, match="PQexec disallowed"):
            client.ask("SELECT 1")
    weir.await_log("closing because: PQexec disallowed")


def test_application_name_add_host(weir_factory, pg):
    weir = weir_factory(pg, application_name_add_host=1)
    with RawClient(weir.host, weir.port) as client:
        client.login("app", "app", application_name="shop")
        port = client.socket.getsockname()[1]
        name, = client.ask("SHOW application_name")
        assert name == [f"shop - 127.0.0.1:{port}".encode()]
        client.ask("SET application_name = 'plain'")
        assert client.ask("SHOW application_name") == [[b"plain"]]


# ---- the process

@pytest.mark.parametrize("is_on", [0, 1])
def test_log_stats_writes_a_line_each_period(weir_factory, pg, is_on):
    weir = weir_factory(pg, log_stats=is_on, stats_period=1)
    weir.sql("SELECT 1")
    if is_on:
        assert "queries/s" in weir.await_log("stats: ")
        return
    until(lambda: any(row["avg_query_count"] or row["avg_xact_time"]
                      for row in weir.console("SHOW STATS")), 10, "a period is over")
    assert "stats: " not in weir.log()


def test_conffile_names_what_the_next_reload_reads(weir_factory, pg):
    weir = weir_factory(pg)

    def config(key):
        return {row["key"]: row["value"] for row in weir.console("SHOW CONFIG")}[key]
    assert config("conffile") == weir.ini
    with open(weir.ini) as ini:
        other = weir.put("other.ini", ini.read() + "max_waiting_clients = 77\n")
    weir.console(f"SET conffile = '{other}'")
    assert config("max_waiting_clients") == "0"
    weir.console("RELOAD")
    assert (config("conffile"), config("max_waiting_clients")) == (other, "77")


def test_settings_of_pgbouncer_without_meaning_here_are_accepted(weir_factory, pg):
    weir = weir_factory(pg, pkt_buf=8192, sbuf_loopcnt=20, job_name="pgb")
    assert weir.sql("SELECT 1") == [(1,)]


def skip_answer(client):
    """Reads it and does not look: who measures the daemon's work must not work more."""
    end = wire.message(b"Z", b"I")
    tail = b""
    while tail != end:
        got = client.socket.recv(1 << 20)
        assert got
        tail = (tail + got)[-len(end):]


@pytest.mark.parametrize("is_on, clients, is_batch",
                         [(1, 8, True), (1, 1, False), (0, 8, False)])
def test_batch_scheduling_is_for_who_is_busy_with_several(weir_factory, pg, is_on, clients, is_batch):
    weir = weir_factory(pg, batch_scheduling=is_on)

    def policy():
        return os.sched_getscheduler(weir.process.pid)
    assert weir.sql("SELECT 1") == [(1,)] and policy() == os.SCHED_OTHER
    with contextlib.ExitStack() as stack:
        consoles = [stack.enter_context(RawClient("127.0.0.1", weir.port)) for _ in range(clients)]
        for console in consoles:
            console.login("admin", "pgbouncer")
        start, end = cpu_ticks(weir.process.pid), time.monotonic() + 40
        while time.monotonic() < end and policy() == os.SCHED_OTHER:
            for console in consoles:
                console.send(wire.query("SHOW CONFIG; " * 20))
            for console in consoles:
                skip_answer(console)
            if not is_batch and cpu_ticks(weir.process.pid) - start > 2.5 * os.sysconf("SC_CLK_TCK"):
                break
        assert policy() == (os.SCHED_BATCH if is_batch else os.SCHED_OTHER)

    def is_back():
        time.sleep(0.3)  # to ask is work too
        return weir.sql("SELECT 1") == [(1,)] and policy() == os.SCHED_OTHER
    until(is_back, 30, "it is not busy any more")


# ---- sockets

def of_daemon(weir, fd):
    """A socket of the daemon's, duplicated into this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(PIDFD_OPEN, weir.process.pid, 0)
    copy = libc.syscall(PIDFD_GETFD, pidfd, int(fd), 0)
    assert copy >= 0, os.strerror(ctypes.get_errno())
    os.close(pidfd)
    return socket.socket(fileno=copy)


def test_tcp_settings_reach_clients_and_servers(weir_factory, pg):
    weir = weir_factory(pg, tcp_keepalive=1, tcp_keepidle=61, tcp_keepintvl=7, tcp_keepcnt=4,
                        tcp_user_timeout=12345, tcp_socket_buffer=65536)
    plain = weir_factory(pg, tcp_keepalive=0)
    for daemon, is_on in ((weir, True), (plain, False)):
        held = hold(daemon, 1)
        rows = [row for row in daemon.console("SHOW FDS") if row["task"] != "pooler"]
        assert {row["task"] for row in rows} == {"client", "server"}
        for row in rows:
            with of_daemon(daemon, row["fd"]) as sock:
                assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == is_on
                congestion = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
                assert congestion.strip(b"\0") == b"reno"  # of loopback, whatever the system's is
                if is_on:
                    tcp = [sock.getsockopt(socket.IPPROTO_TCP, option) for option in (
                        socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT,
                        TCP_USER_TIMEOUT)]
                    assert tcp == [61, 7, 4, 12345]
                    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * 65536
        close(held)


@pytest.mark.parametrize("limit", [1, 3])
def test_connects_under_way_are_limited(weir_factory, pg, fake, limit):
    """An upstream that takes connections and says nothing: no more than so many are tried at once."""
    silent = fake("Silent")
    weir = weir_factory(pg, max_connecting=limit, default_pool_size=5, server_connect_timeout=60,
                        server_tls_sslmode="disable", databases={
                            "app": f"host=127.0.0.1 port={silent.port} dbname=app"})
    waiting = [RawClient(weir.host, weir.port) for _ in range(5)]
    for client in waiting:
        client.send(wire.startup("app", "app"))
    until(lambda: int(weir.pool()["cl_waiting"]) == 5 and int(weir.pool()["sv_login"]) == limit, 10,
          "all wait, and as many connects as may are under way")
    assert silent.accepted <= limit
    for client in waiting:
        client.close()


@pytest.mark.parametrize("is_on", [1, 0])
def test_what_is_logged_of_a_client(weir_factory, pg, is_on):
    weir = weir_factory(pg, log_connections=is_on, log_disconnections=is_on, log_pooler_errors=is_on,
                        server_lifetime=3600)
    weir.sql("SELECT 1")
    with RawClient(weir.host, weir.port) as client:
        client.login("admin", "pgbouncer")
        with pytest.raises(ServerError):
            client.ask("NONSENSE")
    with pytest.raises(psycopg2.OperationalError):
        weir.connect(dbname="nowhere")
    weir.stop()
    lines = weir.log()
    assert ("login attempt: db=app user=app" in lines) == is_on
    assert ("app/app@127.0.0.1" in lines and "closing because: client close request" in lines) == is_on
    assert ("invalid command 'NONSENSE'" in lines) == is_on
    assert ("pooler error: no such database: nowhere" in lines) == is_on
