"""Bytes that are no protocol, before and after login: the connection ends, the daemon stays, and a
neighbour in the middle of a transaction notices nothing. And the opposite: right bytes, one by one.
"""
import random
import socket
import struct

import pytest

from harness import wire
from harness.pools import pools_add_up
from harness.wire import RawClient, ServerError, fields

BEFORE_LOGIN = {
    "length 0": struct.pack("!II", 0, wire.PROTOCOL_3),
    "length 4": struct.pack("!I", 4),
    "length 7": struct.pack("!I", 7) + b"abc",
    "huge length": struct.pack("!II", 0x7fffffff, wire.PROTOCOL_3),
    "negative length": struct.pack("!II", 0xffffffff, wire.PROTOCOL_3),
    "protocol 1": struct.pack("!II", 8, 0x10000),
    "protocol 2": struct.pack("!II", 296, 0x20000) + b"\0" * 288,
    "protocol 9": struct.pack("!II", 8, 0x90000),
    "no terminator": struct.pack("!II", 13, wire.PROTOCOL_3) + b"user\0",
    "key without value": struct.pack("!II", 14, wire.PROTOCOL_3) + b"user\0\0",
    "no user": struct.pack("!II", 22, wire.PROTOCOL_3) + b"database\0app\0\0"[:14],
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zeros": b"\0" * 200,
    "ones": b"\xff" * 200,
    "short cancel": struct.pack("!III", 12, 80877102, 1),
    "long start-up": struct.pack("!II", 60000, wire.PROTOCOL_3) + b"a" * 59992,
}


def run_bytes(weir, data):
    """Sends, ends sending, reads to the end; what was answered."""
    answer = b""
    with socket.create_connection((weir.host, weir.port), 15) as raw:
        try:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            while got := raw.recv(65536):
                answer += got
        except OSError:  # the daemon was quicker to close
            pass
    return answer


@pytest.fixture
def neighbour(weir):
    """A client in a transaction, which has to survive."""
    client = RawClient(weir.host, weir.port).login()
    client.ask("BEGIN")
    yield client
    assert client.ask("SELECT 'still here'") == [[b"still here"]]
    client.ask("COMMIT")
    client.close()
    pools_add_up(weir)


@pytest.mark.parametrize("name", BEFORE_LOGIN)
def test_garbage_before_login(weir, neighbour, name):
    answer = run_bytes(weir, BEFORE_LOGIN[name])
    assert b"Z\0\0\0\x05" not in answer, "it let garbage in"
    if answer[:1] == b"E":
        assert fields(answer[5:])["C"]


def test_random_bytes_before_login(weir, neighbour):
    source = random.Random(20260131)  # the seed makes a failure repeatable
    for _ in range(150):
        run_bytes(weir, source.randbytes(source.choice([1, 3, 8, 40, 700])))


def test_a_damaged_start_up_packet(weir, neighbour):
    """Every prefix of a good packet, and the packet with one byte changed."""
    good = wire.startup(application_name="x")
    for cut in range(len(good)):
        run_bytes(weir, good[:cut])
    for at in range(len(good)):
        run_bytes(weir, good[:at] + bytes([good[at] ^ 0x80]) + good[at + 1:])


AFTER_LOGIN = {
    "unknown type": wire.message(b"!", b"abc"),
    "server's type": wire.message(b"Z", b"I"),
    "length 3": b"Q" + struct.pack("!I", 3),
    "length 0": b"Q" + struct.pack("!I", 0),
    "negative length": b"Q" + struct.pack("!I", 0xffffffff),
    "password again": wire.message(b"p", b"secret\0"),
}


@pytest.mark.parametrize("name", AFTER_LOGIN)
def test_garbage_after_login(weir, neighbour, name):
    with RawClient(weir.host, weir.port) as client:
        client.login()
        client.send(AFTER_LOGIN[name])
        seen = client.until(None)
        errors = [fields(body) for kind, body in seen if kind == b"E"]
        assert seen[-1][0] is None
        assert all(error["C"] == "08P01" for error in errors)


@pytest.mark.weir_only
@pytest.mark.parametrize("name", AFTER_LOGIN)
def test_garbage_after_login_is_named(weir, neighbour, name):
    with RawClient(weir.host, weir.port) as client:
        client.login()
        client.send(AFTER_LOGIN[name])
        errors = [fields(body) for kind, body in client.until(None) if kind == b"E"]
        assert [error["C"] for error in errors] == ["08P01"]
        assert errors[0]["V"] == "FATAL"


@pytest.mark.weir_only
def test_broken_bodies_of_extended_messages(weir, neighbour):
    """Messages whose inner lengths lie: an error or the end, never a wrong answer or a hang."""
    bodies = [
        (b"P", b"name without end"), (b"P", b"n\0SELECT 1\0\xff\xff"), (b"P", b""),
        (b"P", b"n\0SELECT 1\0\0\1\0\0"), (b"B", b""), (b"B", b"p\0s"), (b"B", b"p\0s\0\0"),
        (b"B", b"\0\0\0\0\0\1\x7f\xff\xff\xff"), (b"B", b"\0\0\xff\xff" + b"\0" * 10),
        (b"D", b""), (b"D", b"X\0"), (b"D", b"S"), (b"D", b"Sname"), (b"C", b"S"), (b"C", b"Q\0"),
        (b"E", b""), (b"E", b"p\0\0"), (b"Q", b"SELECT 1"), (b"Q", b""), (b"f", b"no end"),
        (b"F", b"\0\0"), (b"S", b"extra"), (b"H", b"extra"),
    ]
    for kind, body in bodies:
        with RawClient(weir.host, weir.port) as client:
            client.login()
            client.send(wire.message(kind, body), wire.SYNC)
            client.socket.shutdown(socket.SHUT_WR)
            for got, _ in client.until(None):
                assert got in (b"E", b"Z", b"N", b"1", b"2", b"3", b"n", b"I", b"T", b"D", b"C",
                               None), (kind, body, got)
    assert weir.sql("SELECT 1") == [(1,)]


@pytest.mark.weir_only
def test_random_bytes_after_login(weir, neighbour):
    source = random.Random(4711)
    kinds = b"QPBDEHSCdcfFX!\0\xff"
    for _ in range(100):
        with RawClient(weir.host, weir.port) as client:
            client.login()
            data = b""
            for _ in range(source.randrange(1, 6)):
                body = source.randbytes(source.choice([0, 1, 4, 30, 300]))
                kind = bytes([source.choice(kinds)])
                data += wire.message(kind, body) if source.random() < 0.8 else kind + body
            try:
                client.send(data)
                client.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            client.until(None)
    assert weir.sql("SELECT 1") == [(1,)]


@pytest.mark.weir_only
def test_a_message_longer_than_allowed(weir_factory, pg):
    weir = weir_factory(pg, max_packet_size=65536)
    with RawClient(weir.host, weir.port) as client:
        client.login()
        assert client.ask("SELECT '" + "x" * 60000 + "'")[0][0] == b"x" * 60000
        client.send(b"Q" + struct.pack("!I", 70000) + b"SELECT")
        errors = [fields(body) for kind, body in client.until(None) if kind == b"E"]
        assert errors[0]["C"] == "08P01" and "max_packet_size" in repr(errors[0])
    pools_add_up(weir)


@pytest.mark.weir_only
def test_a_client_that_sends_byte_by_byte(weir, neighbour):
    with RawClient(weir.host, weir.port) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in wire.startup(application_name="slow"):
            client.send(bytes([byte]))
        client.until(b"Z")
        conversation = (wire.query("SELECT 'one'") + wire.parse("", "SELECT $1::text") +
                        wire.bind(values=["two"]) + wire.describe(b"P") + wire.execute() +
                        wire.SYNC + wire.query("SELECT 'three'"))
        for byte in conversation:
            client.send(bytes([byte]))
        assert client.answer() == [[b"one"]]
        assert client.answer() == [[b"two"]]
        assert client.answer() == [[b"three"]]


def test_queries_sent_together_with_the_login(weir, neighbour):
    """Bytes behind the start-up packet wait for their turn."""
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup(), wire.query("SELECT 1"), wire.query("SELECT 2"))
        client.until(b"Z")
        assert client.answer() == [[b"1"]]
        assert client.answer() == [[b"2"]]


def test_an_unknown_startup_parameter(weir):
    """Refused by name, as PgBouncer does, or passed on; never ignored in silence; those listed in
    ignore_startup_parameters are."""
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup(extra_float_digits="2"))
        assert client.until(b"Z", None)[-1][0] == b"Z"
    with RawClient(weir.host, weir.port) as client:
        with pytest.raises(ServerError) as refused:  # at login, or when a server says so
            client.login(no_such_parameter="2")
            client.ask("SELECT 1")
        assert "no_such_parameter" in repr(refused.value.fields)
    assert weir.sql("SELECT 1") == [(1,)]


def negotiated(weir, version, **more):
    """What NegotiateProtocolVersion says (None: nothing), and the bytes of the cancel key."""
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup(version=version, **more))
        seen = dict(client.until(b"Z", None))
        assert b"Z" in seen and client.ask("SELECT 1") == [[b"1"]]
        return seen.get(b"v"), len(seen[b"K"]) - 4


@pytest.mark.weir_only
def test_the_protocol_is_negotiated(weir):
    """As PostgreSQL 18: 3.2 is the newest, and its keys are longer; 3.9999 is what libpq sends to
    see whether a server says so."""
    assert negotiated(weir, 0x30000) == (None, 4)
    assert negotiated(weir, 0x30002) == (None, 32)
    assert negotiated(weir, 0x3270f) == (struct.pack("!II", 0x30002, 0), 32)
    assert negotiated(weir, 0x30000, **{"_pq_.unknown": "1"}) == (
        struct.pack("!II", 0x30000, 1) + b"_pq_.unknown\0", 4)
    assert negotiated(weir, 0x3270f, **{"_pq_.unknown": "1"}) == (
        struct.pack("!II", 0x30002, 1) + b"_pq_.unknown\0", 32)
