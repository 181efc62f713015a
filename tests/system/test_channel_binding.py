"""SCRAM-SHA-256-PLUS on both sides: it is used where it can be, a man in the middle with another
certificate does not get through, and the flags against a downgrade are right."""
import ssl
import struct

import psycopg2
import pytest

from harness import wire
from harness.pg import PASSWORDS
from harness.tlspeer import Middle, Sasl, binding_of
from harness.wait import until
from harness.wire import SSL_REQUEST, RawClient

pytestmark = pytest.mark.weir_only
NONCE = "abcdefghijklmnopqrstuvwx"


@pytest.fixture
def bound(weir_factory, pg, authority):
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "weir")
    return weir.start(auth_type="scram-sha-256", client_tls_sslmode="allow",
                      client_tls_key_file=key, client_tls_cert_file=certificate)


@pytest.fixture
def peer(request):
    def make(kind, *args, **more):
        made = kind(*args, **more)
        request.addfinalizer(made.done)
        return made
    return make


# ---- clients

def test_a_client_may_demand_it(bound):
    assert bound.sql("SELECT 1", sslmode="require", channel_binding="require") == [(1,)]
    assert bound.sql("SELECT 1", sslmode="require", channel_binding="disable") == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match="channel binding"):
        bound.sql("SELECT 1", sslmode="disable", channel_binding="require")


def test_a_man_in_the_middle_does_not_get_through(bound, authority, peer):
    key, certificate = authority.issue("middle")
    middle = peer(Middle, bound.port, key, certificate)
    with pytest.raises(psycopg2.OperationalError):
        bound.sql("SELECT 1", port=middle.port, sslmode="require", channel_binding="require")
    assert "malformed SCRAM message" in bound.await_log("closing because")
    # it is the binding that stops it: without one nobody notices
    assert bound.sql("SELECT 1", port=middle.port, sslmode="require",
                     channel_binding="disable") == [(1,)]


def answer_to(weir, mechanism, header, uses_tls=True):
    """The type and code of what comes behind client-first-message with this header."""
    with RawClient(weir.host, weir.port) as client:
        if uses_tls:
            client.send(SSL_REQUEST)
            assert client.byte() == b"S"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            client.socket = context.wrap_socket(client.socket)
        client.send(wire.startup())
        kind, body = client.receive()
        offered = body[4:].rstrip(b"\0").split(b"\0")
        assert (b"SCRAM-SHA-256-PLUS" in offered) == uses_tls
        first = f"{header}n=*,r={NONCE}".encode()
        client.send(wire.message(b"p", wire.text(mechanism) + struct.pack("!I", len(first)) + first))
        kind, body = client.receive()
        return struct.unpack_from("!I", body)[0] if kind == b"R" else wire.fields(body)["C"]


@pytest.mark.parametrize("mechanism,header,uses_tls,answer", [
    ("SCRAM-SHA-256", "n,,", True, 11),
    ("SCRAM-SHA-256", "y,,", True, "08P01"),  # it could and we offered: somebody took the offer out
    ("SCRAM-SHA-256", "y,,", False, 11),
    ("SCRAM-SHA-256", "p=tls-server-end-point,,", True, "08P01"),
    ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", True, 11),
    ("SCRAM-SHA-256-PLUS", "p=tls-unique,,", True, "08P01"),
    ("SCRAM-SHA-256-PLUS", "n,,", True, "08P01"),
    ("SCRAM-SHA-256-PLUS", "y,,", True, "08P01"),
    ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", False, "08P01"),
])
def test_flags_of_the_client(bound, mechanism, header, uses_tls, answer):
    assert answer_to(bound, mechanism, header, uses_tls) == answer


# ---- servers

def heard_by(weir_factory, pg, upstream, mode):
    weir = weir_factory(pg, server_tls_sslmode=mode, query_wait_timeout=0.5, databases={
        "app": f"host=127.0.0.1 port={upstream.port} dbname=app"})
    with pytest.raises((psycopg2.OperationalError, EOFError)):
        weir.sql("SELECT 1")
    until(lambda: upstream.heard, 10, "weir begins to log in")
    return upstream.heard[0]


def test_weir_binds_where_the_server_offers_it(weir_factory, pg, authority, peer):
    key, certificate = authority.issue("upstream")
    upstream = peer(Sasl, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], key, certificate,
                    first=lambda nonce: f"r={nonce}server,s=c2FsdHNhbHQ=,i=4096".encode())
    mechanism, first = heard_by(weir_factory, pg, upstream, "require")
    assert mechanism == "SCRAM-SHA-256-PLUS"
    assert first.startswith("p=tls-server-end-point,,")
    assert upstream.finals[0].startswith(b"c=" + binding_of(certificate).encode() + b",r=")


@pytest.mark.parametrize("mode,flag", [("require", "y,,"), ("disable", "n,,")])
def test_weir_says_that_it_could(weir_factory, pg, authority, peer, mode, flag):
    """y over TLS: an offer that was taken out on the way is noticed by the server."""
    key, certificate = authority.issue("upstream")
    upstream = peer(Sasl, ["SCRAM-SHA-256"], key, certificate)
    mechanism, first = heard_by(weir_factory, pg, upstream, mode)
    assert (mechanism, first[:3]) == ("SCRAM-SHA-256", flag)


def test_a_man_in_the_middle_of_the_servers_side(weir_factory, pg, authority, peer):
    """server_tls_sslmode = require does not look at certificates; the login still fails, by the
    binding, and its password is worth nothing to who listens."""
    key, certificate = authority.issue("middle")
    middle = peer(Middle, pg.port, key, certificate)
    weir = weir_factory(pg, server_tls_sslmode="require", databases={
        "app": f"host=127.0.0.1 port={middle.port} dbname=app"},
        users={"u_scram": "query_wait_timeout=0.5"})
    with pytest.raises((psycopg2.OperationalError, EOFError)):
        weir.sql("SELECT 1", user="u_scram")
    assert "server login failed" in weir.log()
    assert not pg.backends("u_scram")
    # a method without binding goes through the same middle
    assert weir.sql("SELECT current_user", user="u_md5") == [("u_md5",)]


def test_keys_learned_from_a_bound_login_open_a_bound_server(weir_factory, pg, authority):
    verifier = pg.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'u_scram'")
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "weir")
    weir.start(auth_type="scram-sha-256", secrets={"u_scram": verifier[0]["rolpassword"]},
               client_tls_sslmode="require", client_tls_key_file=key,
               client_tls_cert_file=certificate, server_tls_sslmode="require", admin_users=None)
    assert weir.sql("SELECT current_user", user="u_scram", sslmode="require",
                    channel_binding="require") == [("u_scram",)]


@pytest.mark.parametrize("iterations", [1, 5000])
def test_scram_iterations_of_secrets_made_here(weir_factory, pg, iterations):
    weir = weir_factory(pg, auth_type="scram-sha-256", scram_iterations=iterations)
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup())
        client.receive()
        first = f"n,,n=*,r={NONCE}".encode()
        client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") + struct.pack("!I", len(first)) +
                                 first))
        assert client.receive()[1].endswith(f",i={iterations}".encode())
    assert weir.sql("SELECT 1", password=PASSWORDS["app"]) == [(1,)]
    # who does not exist must not be told apart by the number
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup("nobody9"))
        client.receive()
        client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") + struct.pack("!I", len(first)) +
                                 first))
        assert client.receive()[1].endswith(f",i={iterations}".encode())
