"""TLS on both sides: every mode, right and wrong authorities and names; what a plaintext peer may
not do around the handshake."""
import socket
import ssl
import struct

import psycopg2
import pytest

from harness import wire
from harness.wire import GSS_REQUEST, SSL_REQUEST, RawClient, ServerError


def tls_weir(weir_factory, pg, authority, mode, name="weir", issuer=None, **more):
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(issuer or authority, name)
    settings = {"client_tls_sslmode": mode, "client_tls_key_file": key,
                "client_tls_cert_file": certificate}
    if mode.startswith("verify"):
        settings["client_tls_ca_file"] = authority.ca
    return weir.start(**settings, **more)


# ---- clients

@pytest.mark.parametrize("mode,plain_is_fine,tls_is_fine", [
    ("disable", True, False), ("allow", True, True), ("prefer", True, True),
    ("require", False, True)])
def test_client_modes(weir_factory, pg, authority, mode, plain_is_fine, tls_is_fine):
    weir = tls_weir(weir_factory, pg, authority, mode)
    for sslmode, is_fine in (("disable", plain_is_fine), ("require", tls_is_fine)):
        if is_fine:
            assert weir.sql("SELECT 1", sslmode=sslmode) == [(1,)]
        else:
            with pytest.raises(psycopg2.OperationalError):
                weir.sql("SELECT 1", sslmode=sslmode)
    assert weir.sql("SELECT 1", sslmode="prefer") == [(1,)]


def test_client_checks_the_daemons_certificate(weir_factory, pg, authority, stranger):
    weir = tls_weir(weir_factory, pg, authority, "require")
    good = {"sslrootcert": authority.ca, "sslmode": "verify-full"}
    assert weir.sql("SELECT 1", **good) == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        weir.sql("SELECT 1", sslrootcert=stranger.ca, sslmode="verify-ca")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_client_certificates(weir_factory, pg, authority, stranger, mode, tmp_path):
    weir = tls_weir(weir_factory, pg, authority, mode)
    key, certificate = authority.issue("app", "DNS:app")
    other_key, other_certificate = stranger.issue("app", "DNS:app")
    assert weir.sql("SELECT 1", sslmode="require", sslkey=key, sslcert=certificate) == [(1,)]
    with pytest.raises(psycopg2.OperationalError):
        weir.sql("SELECT 1", sslmode="require", sslkey=other_key, sslcert=other_certificate)
    with pytest.raises(psycopg2.OperationalError):
        weir.sql("SELECT 1", sslmode="require", sslkey=str(tmp_path / "none"),
                 sslcert=str(tmp_path / "none"))
    assert weir.sql("SELECT 1", sslmode="require", sslkey=key, sslcert=certificate) == [(1,)]


def test_gssencrequest_is_answered_no(weir):
    with RawClient(weir.host, weir.port) as client:
        client.send(GSS_REQUEST)
        assert client.byte() == b"N"
        client.send(SSL_REQUEST)
        assert client.byte() == b"N"
        client.login()
        assert client.ask("SELECT 1") == [[b"1"]]


def test_bytes_behind_sslrequest_are_refused(weir_factory, pg, authority):
    """What arrives in the clear behind SSLRequest must not be read as if it came encrypted
    (CVE-2021-23214, CVE-2021-3935)."""
    weir = tls_weir(weir_factory, pg, authority, "allow")
    with socket.create_connection((weir.host, weir.port), 15) as raw:
        raw.sendall(SSL_REQUEST + wire.startup() + wire.query("SELECT 'injected'"))
        answer = b""
        try:
            while got := raw.recv(4096):
                answer += got
        except ConnectionResetError:
            pass
        assert b"injected" not in answer and b"R\0\0\0\x08" not in answer
    assert weir.sql("SELECT 1", sslmode="require") == [(1,)]


@pytest.mark.weir_only
def test_a_broken_handshake_ends_that_client_only(weir_factory, pg, authority):
    weir = tls_weir(weir_factory, pg, authority, "require")
    neighbour = weir.connect(sslmode="require")
    for garbage in (b"\x16\x03\x01\xff\xff" + b"\0" * 600, b"GET / HTTP/1.0\r\n\r\n", b"\0" * 64):
        with socket.create_connection((weir.host, weir.port), 15) as raw:
            raw.sendall(SSL_REQUEST)
            assert raw.recv(1) == b"S"
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            try:
                while raw.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    with neighbour.cursor() as cursor:
        cursor.execute("SELECT 9")
        assert cursor.fetchone() == (9,)
    neighbour.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_protocols_are_not_offered(weir_factory, pg, authority):
    weir = tls_weir(weir_factory, pg, authority, "require")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection((weir.host, weir.port), 15) as raw:
        raw.sendall(SSL_REQUEST)
        assert raw.recv(1) == b"S"
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(raw)


# ---- servers

@pytest.mark.parametrize("mode", ["allow", "prefer", "require", "verify-ca", "verify-full"])
def test_server_modes_with_tls(weir_factory, pg, authority, mode):
    settings = {"server_tls_ca_file": authority.ca} if mode.startswith("verify") else {}
    weir = weir_factory(pg, server_tls_sslmode=mode, **settings)
    encrypted = weir.sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")[0][0]
    assert encrypted or mode == "allow"


def test_server_mode_disable(weir_factory, pg):
    weir = weir_factory(pg, server_tls_sslmode="disable")
    assert weir.sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [(False,)]


def test_a_role_that_needs_tls(weir_factory, pg):
    weir = weir_factory(pg, server_tls_sslmode="require")
    assert weir.sql("SELECT current_user", user="u_tls") == [("u_tls",)]


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_server_with_a_strangers_certificate_is_not_trusted(weir_factory, pg, stranger, mode):
    weir = weir_factory(pg, server_tls_sslmode=mode, server_tls_ca_file=stranger.ca,
                        query_wait_timeout=1, server_login_retry=1)
    with RawClient(weir.host, weir.port) as client, pytest.raises((ServerError, EOFError)):
        client.login()
        client.ask("SELECT 1")
    assert not pg.backends("app")


def test_verify_full_checks_the_name(weir_factory, pg, authority):
    """The certificate is for localhost and 127.0.0.1; 127.0.0.2 reaches nobody, so the other name
    is the Unix host name's: connect by a name that resolves to 127.0.0.1 but is not in it."""
    name = socket.gethostname()
    try:
        if not socket.gethostbyname(name).startswith("127."):
            pytest.skip("this machine's name is not a loopback address")
    except OSError:
        pytest.skip("this machine's name does not resolve")
    if name == "localhost":
        pytest.skip("this machine is called localhost")
    weir = weir_factory(pg, databases={"app": f"host={name} port={pg.port} dbname=app"},
                        server_tls_sslmode="verify-full", server_tls_ca_file=authority.ca,
                        query_wait_timeout=1)
    with RawClient(weir.host, weir.port) as client, pytest.raises((ServerError, EOFError)):
        client.login()
        client.ask("SELECT 1")


def test_server_that_has_no_tls(weir_factory, pg, fake):
    """require must not fall back to plain text; prefer may."""
    plain = fake("Refusing", None, pg.port)  # answers SSLRequest with N and relays
    databases = {"app": f"host=127.0.0.1 port={plain.port} dbname=app"}
    weir = weir_factory(pg, databases=databases, server_tls_sslmode="require",
                        query_wait_timeout=1)
    with RawClient(weir.host, weir.port) as client, pytest.raises((ServerError, EOFError)):
        client.login()
        client.ask("SELECT 1")
    weir = weir_factory(pg, databases=databases, server_tls_sslmode="prefer")
    assert weir.sql("SELECT 1") == [(1,)]


def test_bytes_a_server_sends_behind_its_answer_to_sslrequest_are_refused(weir_factory, pg, fake):
    """The mirror image: a man in the middle puts plain text in front of the server's handshake."""
    injected = b"S" + wire.message(b"R", struct.pack("!I", 0))
    upstream = fake("Scripted", injected)
    weir = weir_factory(pg, databases={"app": f"host=127.0.0.1 port={upstream.port} dbname=app"},
                        server_tls_sslmode="require", query_wait_timeout=1,
                        server_connect_timeout=2)
    with RawClient(weir.host, weir.port) as client, pytest.raises((ServerError, EOFError)):
        client.login()
        client.ask("SELECT 1")
