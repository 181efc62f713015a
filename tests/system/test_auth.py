"""Who gets in: clients to the daemon, the daemon to PostgreSQL. Right and wrong passwords, every
form of a secret in auth_file, unknown users and databases, slow logins; and no password in a log.
TLS is in test_tls.py."""
import socket
import struct

import psycopg2
import pytest

from harness import wire
from harness.daemon import CONSOLE_PASSWORDS
from harness.pg import PASSWORDS
from harness.pools import pools_add_up
from harness.secrets import md5_secret, scram_secret
from harness.wait import fd_count, until
from harness.wire import RawClient, ServerError

APP = PASSWORDS["app"]
WRONG = "wrong-0Jt5"


def assert_no_secret_in(text):
    for password in [*PASSWORDS.values(), *CONSOLE_PASSWORDS.values(), WRONG]:
        assert password not in text


def refused(weir, **more):
    """The error a libpq client gets at login."""
    with pytest.raises(psycopg2.OperationalError) as failed:
        weir.connect(**more).close()
    return str(failed.value)


# ---- clients

SECRETS = {
    "plain": lambda: APP,
    "md5": lambda: md5_secret("app", APP),
    "scram": lambda: scram_secret(APP),
}
# auth_type -> secrets it can check (as in PgBouncer: md5 uses SCRAM where the secret is one)
CHECKABLE = [("plain", "plain"), ("plain", "md5"), ("plain", "scram"), ("md5", "plain"),
             ("md5", "md5"), ("scram-sha-256", "plain"),
             pytest.param("md5", "scram", marks=pytest.mark.weir_only),
             pytest.param("scram-sha-256", "scram", marks=pytest.mark.weir_only)]


@pytest.mark.parametrize("auth_type,secret", CHECKABLE)
def test_right_and_wrong_password(weir_factory, pg, auth_type, secret):
    weir = weir_factory(pg, auth_type=auth_type, secrets={"app": SECRETS[secret](),
                                                          **CONSOLE_PASSWORDS},
                        databases={"app": f"host=127.0.0.1 port={pg.port} dbname=app"
                                   f" user=app password={APP}"})
    assert weir.sql("SELECT current_user") == [("app",)]
    for bad in (WRONG, APP[:-1], APP + "x", ""):
        if bad:
            text = refused(weir, password=bad)
            assert "password authentication failed" in text or "SASL authentication failed" in text
            lines = [line for line in text.splitlines() if not line.startswith("HINT: ")]
            assert len(lines) == 1, f"more than one line and a hint: {text!r}"
    assert weir.sql("SELECT 1") == [(1,)]
    assert_no_secret_in(weir.log())


@pytest.mark.parametrize("auth_type", ["plain", "md5"])
def test_sqlstate_of_a_wrong_password(weir_factory, pg, auth_type):
    weir = weir_factory(pg, auth_type=auth_type)
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login("app", "app", WRONG)
    assert failed.value.fields["C"] in ("28P01", "08P01")  # PgBouncer says 08P01


@pytest.mark.weir_only
@pytest.mark.parametrize("auth_type", ["plain", "md5", "scram-sha-256"])
def test_unknown_user_is_answered_like_a_wrong_password(weir_factory, pg, auth_type):
    weir = weir_factory(pg, auth_type=auth_type)

    def conversation(user):
        """Types of the messages up to the end, and the error with the name blotted out."""
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup(user, "app"))
            kind, body = client.receive()
            assert kind == b"R", (kind, body)
            method, = struct.unpack_from("!I", body)
            seen = [(kind, method, len(body))]
            if method == 10:
                first = b"n,,n=*,r=abcdefghijklmnopqrstuvwx"
                client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") +
                                         struct.pack("!I", len(first)) + first))
                kind, body = client.receive()
                parts = dict(p.split("=", 1) for p in body[4:].decode().split(","))
                seen.append((kind, len(parts["s"]), parts["i"]))
                final = f"c=biws,r={parts['r']},p=" + "A" * 43 + "="
                client.send(wire.message(b"p", final.encode()))
            else:
                client.send(wire.message(b"p", wire.text(WRONG)))
            kind, body = client.receive()
            assert kind == b"E"
            error = wire.fields(body)
            assert error["C"] == "28P01"
            assert client.is_closed()
            return seen, {k: v.replace(user, "USER") for k, v in error.items() if k in "SCMDH"}

    assert conversation("app") == conversation("nobody9")
    assert conversation("nobody9") == conversation("nobody9")


@pytest.mark.weir_only
def test_the_salt_of_an_unknown_user_stays_the_same(weir_factory, pg):
    """Otherwise two tries tell who exists."""
    weir = weir_factory(pg, auth_type="scram-sha-256")

    def salt():
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup("nobody9", "app"))
            client.receive()
            first = b"n,,n=*,r=abcdefghijklmnopqrstuvwx"
            client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") +
                                     struct.pack("!I", len(first)) + first))
            return dict(p.split("=", 1) for p in client.receive()[1][4:].decode().split(","))["s"]

    assert salt() == salt()


def test_trust_needs_no_password_but_a_known_user(weir_factory, pg):
    weir = weir_factory(pg, auth_type="trust")
    assert weir.sql("SELECT 1", password=None) == [(1,)]
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError):
        client.login("nobody9", "app")


def test_auth_file_is_read_again_on_reload(weir_factory, pg):
    """Not before, as in PgBouncer since 1.17."""
    database = {"app": f"host=127.0.0.1 port={pg.port} dbname=app user=app password={APP}"}
    weir = weir_factory(pg, auth_type="md5", databases=database)
    weir.put("users.txt", '"app" "other-9Ds2"\n"admin" "%s"\n' % CONSOLE_PASSWORDS["admin"])
    assert weir.sql("SELECT 1") == [(1,)]
    weir.console("RELOAD")
    assert "authentication failed" in refused(weir)
    assert weir.sql("SELECT 1", password="other-9Ds2") == [(1,)]


def test_unknown_database(weir_factory, pg):
    weir = weir_factory(pg)
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login("app", "no such database")
    assert failed.value.fields["C"] in ("3D000", "08P01")  # PgBouncer 1.18 says 08P01
    assert "no such database" in failed.value.fields["M"]
    assert failed.value.fields["S"] == "FATAL"


@pytest.mark.weir_only
def test_unknown_database_has_postgresqls_sqlstate(weir):
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login("app", "nope")
    assert failed.value.fields["C"] == "3D000"
    assert failed.value.fields["V"] == "FATAL"


@pytest.mark.weir_only
def test_wrong_password_before_unknown_database(weir_factory, pg):
    """Which databases exist is for those who are in."""
    weir = weir_factory(pg, auth_type="md5")
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login("app", "nope", WRONG)
    assert failed.value.fields["C"] == "28P01"


def test_a_database_for_every_name(weir_factory, pg):
    weir = weir_factory(pg, databases={"*": f"host=127.0.0.1 port={pg.port}"})
    assert weir.sql("SELECT current_database()", dbname="postgres") == [("postgres",)]
    assert weir.sql("SELECT current_database()") == [("app",)]


def test_scram_messages_that_break_the_rules(weir_factory, pg):
    weir = weir_factory(pg, auth_type="scram-sha-256")
    bad_firsts = [b"", b"n,,", b"p=tls-unique,,n=,r=abc", b"n,,n=,r=", b"y,,n=a,r=\xff\xfe",
                  b"n,,m=ext,n=a,r=abcdef", b"n,a=other,n=a,r=abcdef", b"\0" * 40, b"n" * 5000]
    for first in bad_firsts:
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup())
            assert client.receive()[0] == b"R"
            client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") +
                                     struct.pack("!I", len(first)) + first))
            # an empty nonce may be answered; nothing of this may let anybody in
            kind, body = client.until(b"E", b"R", None)[-1]
            assert kind != b"R" or struct.unpack_from("!I", body)[0] == 11
            if kind == b"E":
                assert client.is_closed()
    assert weir.sql("SELECT 1") == [(1,)]


@pytest.mark.weir_only
def test_sasl_messages_that_break_the_rules(weir_factory, pg):
    weir = weir_factory(pg, auth_type="scram-sha-256")
    for mechanism, length in ((b"SCRAM-SHA-1\0", 10), (b"SCRAM-SHA-256", 10),
                              (b"SCRAM-SHA-256\0", 0xfffffff0), (b"SCRAM-SHA-256\0", 100000)):
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup())
            assert client.receive()[0] == b"R"
            client.send(wire.message(b"p", mechanism + struct.pack("!I", length) + b"n,,n=,r=abcd"))
            kind, _ = client.until(b"E", None)[-1]
            if kind == b"E":
                assert client.is_closed()
    assert weir.sql("SELECT 1") == [(1,)]


def test_a_message_instead_of_a_password(weir_factory, pg):
    weir = weir_factory(pg, auth_type="md5")
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup())
        assert client.receive()[0] == b"R"
        client.send(wire.query("SELECT 1"))
        seen = client.until(None)
        assert not any(kind in (b"T", b"D", b"Z") for kind, _ in seen)
    assert weir.sql("SELECT 1") == [(1,)]


def test_slow_logins_end(weir_factory, pg):
    """Clients that do not finish their login lose their slot, at every step."""
    weir = weir_factory(pg, auth_type="md5", client_login_timeout=1, tcp_defer_accept=0)
    before = fd_count(weir.process.pid)
    silent = socket.create_connection((weir.host, weir.port), 15)
    half = RawClient(weir.host, weir.port)
    half.send(wire.startup()[:7])
    mute = RawClient(weir.host, weir.port)
    mute.send(wire.startup())
    assert mute.receive()[0] == b"R"
    for client in (half, mute):
        seen = client.until(None)
        assert all(kind in (b"E", None) for kind, _ in seen)
        client.close()
    silent.settimeout(15)
    while silent.recv(4096):
        pass
    silent.close()
    until(lambda: fd_count(weir.process.pid) <= before + 1, 10, "the slots are free")
    assert weir.sql("SELECT 1") == [(1,)]


# ---- servers

@pytest.mark.parametrize("user", ["u_trust", "u_plain", "u_md5", "u_scram"])
@pytest.mark.parametrize("auth_type", ["trust", "md5", "scram-sha-256"])
def test_server_side_methods(weir_factory, pg, user, auth_type):
    weir = weir_factory(pg, auth_type=auth_type)
    assert weir.sql("SELECT current_user", user=user) == [(user,)]
    pools_add_up(weir, user=user)
    assert_no_secret_in(weir.log())


@pytest.mark.weir_only
def test_one_scram_secret_for_both_sides(weir_factory, pg):
    """auth_file has only PostgreSQL's own verifier: the keys learned from the client's login open
    the server."""
    verifier = pg.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'u_scram'")
    secrets = {"u_scram": verifier[0]["rolpassword"], **CONSOLE_PASSWORDS}
    weir = weir_factory(pg, auth_type="scram-sha-256", secrets=secrets)
    assert weir.sql("SELECT current_user", user="u_scram") == [("u_scram",)]
    assert_no_secret_in(weir.log())


def test_md5_secret_on_both_sides(weir_factory, pg):
    secrets = {"u_md5": md5_secret("u_md5", PASSWORDS["u_md5"]), **CONSOLE_PASSWORDS}
    weir = weir_factory(pg, auth_type="md5", secrets=secrets)
    assert weir.sql("SELECT current_user", user="u_md5") == [("u_md5",)]


def test_user_and_password_of_the_database_line(weir_factory, pg):
    weir = weir_factory(pg, auth_type="scram-sha-256",
                        databases={"app": f"host=127.0.0.1 port={pg.port} dbname=app user=u_scram"
                                          f" password={PASSWORDS['u_scram']}"})
    assert weir.sql("SELECT current_user") == [("u_scram",)]
    assert_no_secret_in(weir.log())


@pytest.mark.weir_only
def test_passwords_do_not_show_on_the_console(weir_factory, pg):
    weir = weir_factory(pg, databases={"app": f"host=127.0.0.1 port={pg.port} dbname=app user=app"
                                              f" password={APP}"})
    weir.sql("SELECT 1")
    for show in ("DATABASES", "CONFIG", "CLIENTS", "SERVERS", "POOLS", "USERS"):
        assert_no_secret_in(repr(weir.console(f"SHOW {show}")))


def test_log_has_one_line_for_a_failed_login(weir_factory, pg):
    weir = weir_factory(pg, auth_type="md5")
    refused(weir, password=WRONG)
    line = weir.await_log("password authentication failed")
    assert "app" in line
    assert_no_secret_in(weir.log())
