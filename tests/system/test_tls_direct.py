"""sslnegotiation=direct: a client begins with TLS, without SSLRequest, and offers ALPN "postgresql"."""
import socket
import ssl

import pytest

from harness import wire
from harness.wire import SSL_REQUEST, RawClient

pytestmark = pytest.mark.weir_only


@pytest.fixture
def tls_weir(weir_factory, pg, authority):
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "weir")
    return weir.start(client_tls_sslmode="require", client_tls_key_file=key,
                      client_tls_cert_file=certificate)


def context_for(authority, *protocols):
    context = ssl.create_default_context(cafile=authority.ca)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def direct(weir, context):
    """A raw client whose connection begins with the handshake."""
    client = RawClient(weir.host, weir.port)
    client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
    return client


def test_a_direct_client_is_served(tls_weir, authority):
    with direct(tls_weir, context_for(authority, "postgresql")) as client:
        assert client.socket.selected_alpn_protocol() == "postgresql"
        client.login()
        assert client.ask("SELECT 7") == [[b"7"]]


def test_a_handshake_in_single_bytes(tls_weir, authority):
    context = context_for(authority, "postgresql")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection((tls_weir.host, tls_weir.port), 15) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send_all():
            for byte in outgoing.read():
                raw.sendall(bytes([byte]))

        def drive(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    send_all()
                    incoming.write(raw.recv(65536))
                finally:
                    send_all()

        drive(tls.do_handshake)
        tls.write(wire.startup())
        send_all()
        answer = b""
        while b"Z\0\0\0\5I" not in answer:
            answer += drive(lambda: tls.read(65536))
        assert answer.startswith(b"R\0\0\0\x08\0\0\0\0")


@pytest.mark.parametrize("protocols", [(), ("http/1.1",)])
def test_without_its_alpn_the_connection_ends(tls_weir, authority, protocols):
    """So that no other protocol is mistaken for PostgreSQL's (PostgreSQL demands the same)."""
    with pytest.raises((ssl.SSLError, OSError, EOFError)):
        with direct(tls_weir, context_for(authority, *protocols)) as client:
            client.login()
    assert tls_weir.sql("SELECT 1", sslmode="require") == [(1,)]


def test_behind_sslrequest_alpn_is_agreed_to_but_not_demanded(tls_weir, authority):
    for protocols in ((), ("postgresql",)):
        with RawClient(tls_weir.host, tls_weir.port) as client:
            client.send(SSL_REQUEST)
            assert client.byte() == b"S"
            client.socket = context_for(authority, *protocols).wrap_socket(
                client.socket, server_hostname="localhost")
            assert client.socket.selected_alpn_protocol() == (protocols[0] if protocols else None)
            client.login()


def test_tls_is_not_begun_where_it_is_not_offered(weir, tls_weir, authority):
    with pytest.raises((ssl.SSLError, OSError)):
        direct(weir, context_for(authority, "postgresql"))
    with RawClient(weir.host, weir.port) as client:  # not after a refusal either
        client.send(SSL_REQUEST)
        assert client.byte() == b"N"
        client.send(b"\x16\x03\x01\x00\x05hello")
        assert client.is_closed()
    with socket.create_connection((tls_weir.host, tls_weir.port), 15) as raw:
        raw.sendall(b"\x16\x03\x01\x00\x05hello")
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
    assert weir.sql("SELECT 1") == [(1,)]
