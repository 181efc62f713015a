"""What went wrong in other poolers: the situations of PgBouncer's published vulnerabilities, each
with its number, up to its 1.26. Further ones are where they belong: CVE-2021-3935 in test_tls.py,
CVE-2025-2291 and CVE-2025-12819 in test_auth_query.py."""
import struct

import psycopg2
import pytest

from harness import wire
from harness.daemon import CONSOLE_PASSWORDS
from harness.fakes import fatal
from harness.pg import PASSWORDS
from harness.tlspeer import Sasl
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only


def serves(weir, **more):
    assert weir.sql("SELECT 1", **more) == [(1,)]


def conninfo(port, more=""):
    return f"host=127.0.0.1 port={port} dbname=app {more}"


def hears(weir_factory, pg, fake, answers):
    """A daemon with upstreams that answer the start-up packet with these: nobody gets in, and
    everybody else is served."""
    upstreams = [fake("Refusing", answer) for answer in answers]
    databases = {f"a{i}": conninfo(each.port, "query_wait_timeout=0.2")
                 for i, each in enumerate(upstreams)}
    weir = weir_factory(pg, server_tls_sslmode="disable",
                        databases={**databases, "good": conninfo(pg.port)})
    for name, upstream in zip(databases, upstreams):
        with RawClient(weir.host, weir.port) as client, pytest.raises((ServerError, EOFError)):
            client.login(database=name)
            client.ask("SELECT 1")
        assert upstream.accepted
        serves(weir, dbname="good")


# ---- what clients send

def test_lengths_that_overflow(weir_factory, pg):
    """CVE-2026-6664, CVE-2026-6668, CVE-2026-107348: a header declares a length near 2^31 or 2^32,
    before the login, during it and after it."""
    weir = weir_factory(pg, auth_type="md5", max_packet_size=4294967295)
    for length in (0x7fffffff, 0x80000000, 0x80000001, 0xfffffffb, 0xffffffff, 3, 0):
        with RawClient(weir.host, weir.port) as client:
            client.send(struct.pack("!I", length), b"x" * 4096)
            assert client.is_closed()
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup())
            assert client.receive()[0] == b"R"
            client.send(b"p", struct.pack("!I", length), b"x" * 4096)
            assert client.is_closed()
        with RawClient(weir.host, weir.port) as client:
            client.login(password=PASSWORDS["app"])
            client.send(b"Q", struct.pack("!I", length), b"y" * 64)
    serves(weir)


def test_a_second_startup_message_during_scram(weir_factory, pg):
    """CVE-2026-107350: the proof of one user must not let another one in."""
    weir = weir_factory(pg, auth_type="scram-sha-256")
    for database in ("app", "no such database", "pgbouncer"):
        for stage in range(2):
            with RawClient(weir.host, weir.port) as client:
                client.send(wire.startup("app", database))
                assert client.receive()[0] == b"R"
                if stage:
                    first = b"n,,n=*,r=abcdefghijklmnopqrstuvwx"
                    client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") +
                                             struct.pack("!I", len(first)) + first))
                    assert client.receive()[0] == b"R"
                client.send(wire.startup("admin", "pgbouncer"))
                assert not any(kind in (b"R", b"Z", b"S") for kind, _ in client.until(None))


@pytest.mark.parametrize("ignored", ["extra_float_digits, x", None])
def test_options_with_an_empty_name(weir_factory, pg, ignored):
    """CVE-2026-107349: no endless loop, with and without a list to look names up in."""
    weir = weir_factory(pg, ignore_startup_parameters=ignored)
    for options in ("-c=", "-c =", "--=x", "-c", "--", "-c=x -c=y", "-c a=b -c="):
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup("app", "app", options=options))
            assert client.until(b"E", b"Z", None)[-1][0] in (b"E", b"Z")
    serves(weir)


def test_kill_client_needs_an_admin(weir_factory, pg):
    """CVE-2026-6667: who may only look must not end other people's sessions; nor KILL, nor SET."""
    weir = weir_factory(pg)
    victim = weir.connect()
    number = next(row["ptr"] for row in weir.console("SHOW CLIENTS") if row["user"] == "app")
    for command in (f"KILL_CLIENT {number}", f"kill_client {number};", "KILL app", "SHUTDOWN",
                    "SET auth_type = trust", "RELOAD", "PAUSE"):
        with pytest.raises(psycopg2.Error, match="admin access needed"):
            weir.console(command, user="stats")
    with RawClient(weir.host, weir.port) as client:  # and by the extended protocol
        client.login("stats", "pgbouncer", CONSOLE_PASSWORDS["stats"])
        client.send(wire.parse("", f"KILL_CLIENT {number}"), wire.bind(), wire.execute(), wire.SYNC)
        with pytest.raises(ServerError, match="admin access needed"):
            client.answer()
    with victim.cursor() as cursor:
        cursor.execute("SELECT 5")
        assert cursor.fetchone() == (5,)
    victim.close()


def test_a_final_message_without_a_nonce(weir_factory, pg):
    """CVE-2026-19888: client-final-message of SCRAM lacks what it has to have."""
    weir = weir_factory(pg, auth_type="scram-sha-256")
    finals = (b"", b"c=biws", b"c=biws,", b"c=biws,p=AAAA", b"c=biws,r=", b"c=biws,r=,p=AAAA", b"p=AAAA",
              b"r=", b"c=,r=,p=", b"c=biws,r=x", b"n,,", b"c=biws,rr=x,p=AAAA", b"c=biws,r=x,p=", b",")
    for user, final in [(user, final) for user in ("u_scram", "no such user") for final in finals]:
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup(user, "app"))
            assert client.receive()[0] == b"R"
            first = b"n,,n=,r=abcdefghijklmnop"
            client.send(wire.message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
            kind, body = client.receive()
            assert kind == b"R" and body[4:].startswith(b"r=abcdefghijklmnop")
            client.send(wire.message(b"p", final))
            kind, body = client.receive()
            assert kind == b"E" and (b"C28P01" in body or b"C08P01" in body), body
            assert client.is_closed()
    serves(weir)


def test_messages_in_an_order_that_makes_no_sense(weir_factory, pg):
    """CVE-2015-4054: a password before anybody said who they are, and the like."""
    weir = weir_factory(pg, auth_type="md5")
    password, ask = wire.message(b"p", b"x\0"), wire.query("SELECT 1")
    for parts in ([password], [ask], [wire.SYNC], [b"p\0\0\0\4"], [wire.startup(), wire.startup()],
                  [wire.startup(), ask], [wire.startup(), wire.SYNC],
                  [wire.startup(), wire.parse("", "SELECT 1")], [wire.startup(), wire.message(b"d")],
                  [wire.startup(), wire.message(b"X"), password]):
        with RawClient(weir.host, weir.port) as client:
            client.send(*parts)
            client.socket.shutdown(1)
            assert client.is_closed()
    serves(weir)


@pytest.mark.parametrize("auth_type", ["trust", "md5"])
def test_a_database_name_that_is_too_long(weir_factory, pg, auth_type):
    """CVE-2012-4575: with a * entry the name comes from outside."""
    weir = weir_factory(pg, auth_type=auth_type, databases={
        "app": conninfo(pg.port), "*": f"host=127.0.0.1 port={pg.port}"})
    for size in (63, 64, 65, 127, 128, 129, 1000, 9000):
        for names in ({"database": "d" * size}, {"user": "u" * size}):
            with RawClient(weir.host, weir.port) as client, \
                    pytest.raises((ServerError, EOFError, OSError)):
                client.login(**{"password": PASSWORDS["app"], **names})
                client.ask("SELECT 1")
    serves(weir)


def test_a_user_that_auth_query_does_not_know_is_not_the_auth_user(weir_factory, pg):
    """CVE-2015-6817: no row, and the client was in as the auth_user."""
    weir = weir_factory(pg, auth_type="trust", auth_user="app", auth_query="SELECT $1::text, 'x' "
                        "WHERE false", secrets={"app": PASSWORDS["app"], **CONSOLE_PASSWORDS})
    with pytest.raises(psycopg2.OperationalError, match='"trust" authentication failed'):
        weir.connect(user="nobody9", password="")


# ---- what servers send

def test_an_error_without_sqlstate(weir_factory, pg, fake):
    """CVE-2026-6666: the refusal of a login has no SQLSTATE, or is cut short."""
    hears(weir_factory, pg, fake, [wire.message(b"E", body) for body in (
        b"\0", b"SFATAL\0Mno code\0\0", b"C\0\0", b"SFATAL\0C1\0\0", b"", b"SFATAL", b"Mx\0")])


def test_an_error_without_sqlstate_in_a_session(weir_factory, pg, fake):
    gate = fake("Gate", pg.port)
    weir = weir_factory(pg, server_tls_sslmode="disable", databases={
        "app": f"host=127.0.0.1 port={gate.port} dbname=app"})
    with RawClient(weir.host, weir.port) as client:
        client.login()
        client.ask("BEGIN")
        gate.inject(wire.message(b"E", b"SFATAL\0Mfarewell\0\0"))
        gate.cut()
        assert client.is_closed()
    serves(weir)


@pytest.mark.parametrize("nonce_bytes", [200, 2000, 60000])
def test_a_servers_nonce_that_is_too_long(weir_factory, pg, request, nonce_bytes):
    """CVE-2026-6665: client-final-message is built from the server's nonce."""
    upstream = Sasl(["SCRAM-SHA-256"], first=lambda nonce: (
        f"r={nonce}{'x' * nonce_bytes},s=c2FsdHNhbHQ=,i=4096").encode())
    request.addfinalizer(upstream.done)
    weir = weir_factory(pg, server_tls_sslmode="disable", databases={
        "app": conninfo(upstream.port, "query_wait_timeout=0.3"), "good": conninfo(pg.port)})
    with pytest.raises((psycopg2.OperationalError, EOFError)):
        weir.sql("SELECT 1")
    serves(weir, dbname="good")


@pytest.mark.parametrize("iterations", ["1000001", "4294967295", "99999999999999999999", "0", "-1"])
def test_a_servers_iterations_have_a_limit(weir_factory, pg, request, iterations):
    """CVE-2026-6669: a server must not make weir compute for minutes."""
    upstream = Sasl(["SCRAM-SHA-256"], first=lambda nonce: (
        f"r={nonce}server,s=c2FsdHNhbHQ=,i={iterations}").encode())
    request.addfinalizer(upstream.done)
    weir = weir_factory(pg, server_tls_sslmode="disable", query_wait_timeout=0.3, databases={
        "app": f"host=127.0.0.1 port={upstream.port} dbname=app"})
    with pytest.raises((psycopg2.OperationalError, EOFError)):
        weir.sql("SELECT 1")
    assert "malformed SCRAM message from the server" in weir.log()
    assert not upstream.finals


def test_bytes_of_a_server_that_break_the_protocol(weir_factory, pg, fake):
    hears(weir_factory, pg, fake, [
        b"R\xff\xff\xff\xff" + b"\0" * 64, b"R\x80\0\0\0" + b"\0" * 64, b"R\0\0\0\3", b"R\0\0\0\4",
        b"R\0\0\0\5\0", wire.message(b"R", struct.pack("!I", 5) + b"ab"), b"K\0\0\0\4",
        wire.message(b"R", struct.pack("!I", 11) + b"r=x"),
        wire.message(b"R", struct.pack("!I", 10)), wire.message(b"S", b"client_encoding"),
        b"Z\0\0\0\5X", fatal("28P01", "x" * 60000)])
