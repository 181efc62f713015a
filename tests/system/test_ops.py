"""Starting, checking, reloading, stopping: what the one sees who runs it."""
import os
import pwd
import signal
import socket
import subprocess

import pytest

from harness import wire
from harness.daemon import BIN
from harness.pools import pools_add_up
from harness.wait import fd_count, free_port, until
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only


def run(*arguments, env=None, timeout=20):
    """The program to its end: exit code and everything it said."""
    done = subprocess.run([BIN, *arguments], text=True, capture_output=True, timeout=timeout,
                          env={**os.environ, **(env or {})}, check=False)
    return done.returncode, done.stdout + done.stderr


def config_value(weir, key):
    return next(row["value"] for row in weir.console("SHOW CONFIG") if row["key"] == key)


# ---- --check and starting

def test_check_of_a_good_file(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    weir.write()
    code, said = run("serve", "--check", weir.ini)
    assert code == 0, said


def test_check_tells_all_errors_at_once(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    text = """[databases]
app = host=127.0.0.1 port=notaport dbname=app
[pgbouncer]
listen_addr = 127.0.0.1
pool_mode = sesion
default_pool_size = -3
auth_type = kerberos
no_such_setting = 1
query_wait_timeout = soon
auth_file = /nowhere/users.txt
"""
    path = weir.put("bad.ini", text)
    code, said = run("serve", "--check", path)
    assert code != 0
    for line, word in ((2, "port"), (5, "session"), (6, "default_pool_size"), (7, "scram-sha-256"),
                       (8, "no_such_setting"), (9, "query_wait_timeout"), (10, "auth_file")):
        found = [row for row in said.splitlines() if f"bad.ini:{line}" in row]
        assert found, f"line {line} is missing in:\n{said}"
        assert any(word in row for row in found), f"{word} is missing in {found}"
    assert "transaction" in said and "statement" in said, "the allowed values are missing"


def test_serve_refuses_a_wrong_file_and_starts_nothing(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    weir.write(pool_mode="sesion", default_pool_size="x")
    code, said = run("serve", weir.ini)
    assert code != 0
    assert "sesion" in said and "default_pool_size" in said
    with pytest.raises(OSError):
        weir.listens()


def test_an_include_beside_the_file_or_in_the_working_directory(weir_factory, pg):
    """The second is PgBouncer's."""
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    os.makedirs(os.path.join(weir.folder, "etc"))
    weir.put("more.ini", "default_pool_size = 13\n")
    weir.put("etc/beside.ini", "min_pool_size = 2\n")
    weir.put("beside.ini", "min_pool_size = 3\n")
    weir.write()
    with open(weir.ini) as written:
        weir.ini = weir.put("etc/weir.ini", written.read() + "%include more.ini\n"
                                                             "%include beside.ini\n")
    weir.spawn([weir.ini])  # in weir.folder
    weir.await_log("process up")
    assert config_value(weir, "default_pool_size") == "13"
    assert config_value(weir, "min_pool_size") == "2"
    weir.put("more.ini", "default_pool_size = 14\n")
    weir.console("RELOAD")
    assert config_value(weir, "default_pool_size") == "14"


def test_a_file_that_is_not_there():
    code, said = run("serve", "/nowhere/weir.ini")
    assert code != 0
    assert "/nowhere/weir.ini" in said and len(said.strip().splitlines()) <= 2


def test_a_port_in_use_is_one_clear_line(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        weir.port = taken.getsockname()[1]
        weir.write(unix_socket_dir="")
        code, said = run("serve", weir.ini)
    assert code == 1
    lines = [line for line in said.splitlines() if "in use" in line]
    assert len(lines) == 1 and str(weir.port) in lines[0]


def test_an_unusable_key_is_one_clear_line(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    broken = weir.put("broken.key", "no key at all\n")
    weir.write(client_tls_sslmode="require", client_tls_key_file=broken,
               client_tls_cert_file=broken)
    code, said = run("serve", weir.ini)
    assert code != 0
    assert "broken.key" in said and len(said.strip().splitlines()) <= 4
    assert "no key at all" not in said


def test_version_and_help():
    code, said = run("--version")
    assert code == 0 and "weir" in said
    code, said = run("--help")
    assert code == 0 and "serve" in said
    code, said = run("no-such-verb")
    assert code != 0 and said.strip()


def test_pgbouncers_command_line(weir_factory, pg):
    """`weir FILE` in place of `pgbouncer FILE` in an existing unit."""
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    weir.write()
    weir.spawn([weir.ini])
    until(weir.listens, 10, "it listens")
    assert weir.sql("SELECT 1") == [(1,)]


# ---- URL

def url(pg):
    return f"postgres://app:app-2Bm9@127.0.0.1:{pg.port}/app"


@pytest.fixture
def default_port():
    """6432, which is fixed: runs side by side take turns; skips when a stranger has it."""
    turn = socket.socket(socket.AF_UNIX)

    def my_turn():
        turn.bind("\0weir-system-tests-port-6432")
        return True

    until(my_turn, 60, "it is this run's turn with port 6432")
    with turn, socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 6432))
        except OSError:
            pytest.skip("port 6432 is taken on this machine")
        probe.close()
        yield 6432


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_serve_without_a_file(weir_factory, pg, default_port, way):
    """A URL, as argument or in DATABASE_URL, is a working pooler on 127.0.0.1:6432, for whoever
    knows the URL's password."""
    weir = weir_factory(pg, start=False)
    weir.port = default_port
    if way == "argument":
        weir.spawn(["serve", url(pg)])
    else:
        weir.spawn(["serve"], env={"DATABASE_URL": url(pg)})
    until(lambda: weir.process.poll() is not None or weir.listens(), 10, "it listens")
    assert weir.process.poll() is None, weir.log()
    assert weir.sql("SELECT current_user, current_database()") == [("app", "app")]
    assert "app-2Bm9" not in weir.log()
    assert weir.stop() == 0


def test_serve_with_nothing():
    code, said = run("serve", env={"DATABASE_URL": ""})
    assert code != 0
    assert "DATABASE_URL" in said or "FILE" in said.upper()


# ---- reload

def test_sighup_applies_what_changed_and_drops_nobody(weir_factory, pg):
    weir = weir_factory(pg)
    with RawClient(weir.host, weir.port) as client:
        client.login()
        client.ask("BEGIN")
        weir.write(default_pool_size=2, query_wait_timeout=7, databases={
            "app": weir.conninfo(), "second": weir.conninfo()})
        weir.signal(signal.SIGHUP)
        until(lambda: config_value(weir, "default_pool_size") == "2", 10, "it is applied")
        assert config_value(weir, "query_wait_timeout") == "7"
        assert client.ask("SELECT 1") == [[b"1"]]
        client.ask("COMMIT")
    assert weir.sql("SELECT 2", dbname="second") == [(2,)]
    pools_add_up(weir, 2)


def test_reload_refuses_as_a_whole(weir_factory, pg):
    weir = weir_factory(pg)
    weir.write(default_pool_size=2, pool_mode="sesion")
    weir.signal(signal.SIGHUP)
    weir.await_log("sesion")
    assert config_value(weir, "default_pool_size") == "5"
    with RawClient(weir.host, weir.port) as client:
        client.login("admin", "pgbouncer")
        with pytest.raises(ServerError) as refused:
            client.ask("RELOAD")
        assert "sesion" in repr(refused.value.fields)
    pools_add_up(weir)


def test_reload_takes_new_users_and_passwords(weir_factory, pg):
    weir = weir_factory(pg, auth_type="md5", secrets={"admin": "admin-7Ws3"})
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError):
        client.login("app", "app", "app-2Bm9")
    weir.write(auth_type="md5", secrets={"admin": "admin-7Ws3", "app": "app-2Bm9"})
    weir.signal(signal.SIGHUP)
    until(lambda: weir.sql("SELECT 1") == [(1,)], 10, "the new user gets in")


def test_reload_takes_new_certificates(weir_factory, pg, authority, stranger):
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(stranger, "weir")
    settings = {"client_tls_sslmode": "require", "client_tls_key_file": key,
                "client_tls_cert_file": certificate}
    weir.start(**settings)
    client = weir.connect(sslmode="verify-full", sslrootcert=stranger.ca)
    weir.certificate(authority, "weir")  # the same file names, another issuer
    weir.signal(signal.SIGHUP)
    until(lambda: weir.sql("SELECT 1", sslmode="verify-full", sslrootcert=authority.ca), 10,
          "the new certificate is shown")
    with client.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)
    client.close()


def test_reload_moves_a_database_to_another_server(weir_factory, pg, fake):
    gate = fake("Gate", pg.port)
    weir = weir_factory(pg)
    with RawClient(weir.host, weir.port) as client:
        client.login()
        assert client.ask("SELECT 1") == [[b"1"]]
        weir.write(databases={"app": f"host=127.0.0.1 port={gate.port} dbname=app"})
        weir.console("RELOAD")
        until(lambda: client.ask("SELECT 2") and gate.accepted >= 1, 10, "the new address is used")
    pools_add_up(weir)


def test_reload_removes_a_database(weir_factory, pg):
    weir = weir_factory(pg, databases={"app": f"host=127.0.0.1 port={pg.port} dbname=app",
                                       "old": f"host=127.0.0.1 port={pg.port} dbname=app"})
    assert weir.sql("SELECT 1", dbname="old") == [(1,)]
    weir.write()
    weir.console("RELOAD")
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as refused:
        client.login("app", "old")
    assert refused.value.fields["C"] == "3D000"
    pools_add_up(weir)


# ---- stopping

def test_sigterm_lets_a_transaction_finish(weir_factory, pg):
    weir = weir_factory(pg)
    inside, idle = (RawClient(weir.host, weir.port).login() for _ in range(2))
    inside.ask("BEGIN")
    weir.signal(signal.SIGTERM)
    until(lambda: not listens(weir), 10, "nobody new is taken")
    assert inside.ask("SELECT 1") == [[b"1"]]
    assert weir.process.poll() is None
    inside.ask("COMMIT")
    assert weir.process.wait(10) == 0
    assert inside.is_closed() and idle.is_closed()
    until(lambda: not pg.backends("app"), 10, "no backend is left behind")


def listens(weir):
    try:
        return weir.listens()
    except OSError:
        return False


def test_a_second_sigterm_does_not_wait(weir_factory, pg):
    weir = weir_factory(pg)
    with RawClient(weir.host, weir.port) as inside:
        inside.login()
        inside.ask("BEGIN")
        weir.signal(signal.SIGTERM)
        until(lambda: not listens(weir), 10, "it is ending")
        weir.signal(signal.SIGTERM)
        weir.process.wait(10)
        assert inside.is_closed()
    weir.process = None


def test_unix_socket_and_its_end(weir_factory, pg):
    weir = weir_factory(pg)
    path = os.path.join(weir.folder, f".s.PGSQL.{weir.port}")
    assert weir.sql("SELECT 1", host=weir.folder) == [(1,)]
    assert weir.stop() == 0
    assert not os.path.exists(path)


def test_pidfile_and_logfile(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    pidfile, logfile = (os.path.join(weir.folder, name) for name in ("weir.pid", "weir.log"))
    weir.start(pidfile=pidfile, logfile=logfile)
    with open(pidfile) as stored:
        assert int(stored.read()) == weir.process.pid
    os.rename(logfile, logfile + ".1")
    weir.signal(signal.SIGHUP)
    until(lambda: os.path.exists(logfile), 10, "the log is opened again")
    assert weir.stop() == 0
    assert not os.path.exists(pidfile)


def test_listen_port_zero_prints_the_port(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = 0
    weir.write()
    weir.spawn()
    line = weir.await_log("listening on 127.0.0.1:")
    weir.port = int(line.rsplit(":", 1)[1].split()[0])
    assert weir.port > 0 and weir.sql("SELECT 1") == [(1,)]


def test_what_has_been_said_before_the_login_of_a_closing_daemon(weir_factory, pg):
    """A client in the accept queue of a daemon that ends gets an end, not a hang."""
    weir = weir_factory(pg)
    with RawClient(weir.host, weir.port) as late:
        weir.signal(signal.SIGTERM)
        late.send(wire.startup())
        assert late.is_closed()
    assert weir.process.wait(10) == 0


# ---- rights

@pytest.mark.weir_only
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_user_named_in_the_file(weir_factory, pg):
    weir = weir_factory(pg, user="postgres")
    assert weir.sql("SELECT 1") == [(1,)]
    status = open(f"/proc/{weir.process.pid}/status").read()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert set(uids) == {str(pwd.getpwnam("postgres").pw_uid)}


# ---- server_fast_close

def move(weir, database="app"):
    """Leads the database elsewhere (to the same server by another name of it)."""
    weir.write(pool_mode="session", server_fast_close=weir.fast, databases={
        database: f"host=127.0.0.1 port={weir.pg.port} dbname=app application_name=moved"
                  " connect_query='SET my.own = 7'"})
    weir.console("RELOAD")


def reconnect(weir):
    weir.console("RECONNECT")


@pytest.mark.parametrize("outdate", [move, reconnect])
def test_server_fast_close_ends_sessions_after_their_transaction(weir_factory, pg, outdate):
    weir = weir_factory(pg, pool_mode="session", server_fast_close=1)
    weir.fast = 1
    idle, inside = (RawClient(weir.host, weir.port).login() for _ in range(2))
    with idle, inside:
        idle.ask("SELECT 1")
        inside.ask("BEGIN")
        outdate(weir)
        for client in (idle, inside):
            if client is inside:
                assert inside.ask("SELECT 1") == [[b"1"]]
                inside.send(wire.query("COMMIT"))
            seen = client.until(None)
            errors = [wire.fields(body) for kind, body in seen if kind == b"E"]
            assert [(e["C"], e["M"]) for e in errors] == [
                ("08P01", "database configuration changed")]
        assert (b"Z", b"I") in seen, "the COMMIT was answered"
    pools_add_up(weir)


@pytest.mark.parametrize("outdate", [move, reconnect])
def test_without_server_fast_close_sessions_go_on(weir_factory, pg, outdate):
    weir = weir_factory(pg, pool_mode="session")
    weir.fast = 0
    with RawClient(weir.host, weir.port) as client:
        client.login()
        pid = client.ask("SELECT pg_backend_pid()")
        outdate(weir)
        assert client.ask("SELECT pg_backend_pid()") == pid
    assert weir.sql("SELECT pg_backend_pid()") != [(int(pid[0][0]),)]
    pools_add_up(weir)


# ---- sockets

def accepted(weir):
    """Connections that the daemon has (one is this question's)."""
    return fd_count(weir.process.pid)


@pytest.mark.parametrize("is_deferred", [True, False])
def test_tcp_defer_accept(weir_factory, pg, is_deferred):
    """A connection that says nothing is not accepted; one that does has waited for nothing."""
    weir = weir_factory(pg, **({} if is_deferred else {"tcp_defer_accept": 0}))
    weir.console("SHOW VERSION")
    before = accepted(weir)
    silent = [socket.create_connection((weir.host, weir.port)) for _ in range(5)]
    for _ in range(5):  # whoever came behind them has been accepted
        assert weir.sql("SELECT 1") == [(1,)]
    if is_deferred:
        assert accepted(weir) < before + 5
        silent[0].sendall(wire.startup("u_trust"))
        assert silent[0].recv(1) == b"R"
    else:
        assert accepted(weir) >= before + 5
    for one in silent:
        one.close()


def test_so_reuseport_lets_a_second_process_listen(weir_factory, pg):
    first = weir_factory(pg, so_reuseport=1)
    second = weir_factory(pg, start=False)
    second.port = first.port
    second.write(so_reuseport=1)
    second.spawn()
    second.await_log("process up")
    first.stop()
    assert second.sql("SELECT 1") == [(1,)]


def test_without_so_reuseport_a_second_process_cannot_listen(weir_factory, pg):
    first = weir_factory(pg)
    second = weir_factory(pg, start=False)
    second.port = first.port
    second.write()
    code, said = run("serve", second.ini)
    assert code == 1 and "in use" in said
