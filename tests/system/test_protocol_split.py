"""Every message, split anywhere: what a client sends and what a server answers reach the other side
the same, byte by byte or in two pieces cut at every place."""
import asyncio
import socket
import struct

import pytest

from harness import fakes, wire
from harness.daemon import CONSOLE_PASSWORDS
from harness.pg import PASSWORDS
from harness.wait import until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only
COPY_DATA = wire.message(b"d", b"1\tone\n2\ttwo\n")
COPY_DONE = wire.message(b"c")
COPY_FAIL = wire.message(b"f", b"no more\0")


def exchange(*parts, ends=1):
    """Bytes of a client, and how many ReadyForQuery answer them."""
    return b"".join(parts), ends


EXCHANGES = {
    "simple": exchange(wire.query("SELECT 1, 'two'")),
    "several statements": exchange(wire.query("SELECT 1; SELECT 2")),
    "empty": exchange(wire.query("")),
    "error": exchange(wire.query("SELECT 1/0")),
    "extended": exchange(wire.parse("", "SELECT $1::int + 1"), wire.bind(values=("41",)),
                         wire.describe(b"P"), wire.execute(), wire.SYNC),
    "named": exchange(wire.parse("s1", "SELECT $1::text"), wire.describe(b"S", "s1"),
                      wire.bind("s1", "p1", ("x",)), wire.execute("p1"), wire.close(b"P", "p1"),
                      wire.close(b"S", "s1"), wire.SYNC),
    "pipeline": exchange(wire.parse("s2", "SELECT 2"), wire.bind("s2"), wire.execute(), wire.SYNC,
                         wire.bind("s2"), wire.execute(), wire.SYNC, wire.close(b"S", "s2"),
                         wire.SYNC, ends=3),
    "error in a batch": exchange(wire.parse("", "SELECT 1/0"), wire.bind(), wire.execute(),
                                 wire.parse("", "SELECT 3"), wire.SYNC),
    "limited rows": exchange(wire.parse("", "SELECT generate_series(1, 3)"), wire.bind(),
                             wire.execute(limit=2), wire.execute(limit=2), wire.SYNC),
    "copy in": exchange(wire.query("COPY split FROM STDIN"), COPY_DATA, COPY_DONE),
    "copy in that fails": exchange(wire.query("COPY split FROM STDIN"), COPY_DATA, COPY_FAIL),
    "copy in of rubbish": exchange(wire.query("COPY split FROM STDIN"),
                                   wire.message(b"d", b"rubbish\n"), COPY_DONE),
    "copy out": exchange(wire.query("COPY (SELECT 1, 'a') TO STDOUT")),
    "transaction": exchange(wire.query("BEGIN"), wire.query("SELECT 4"), wire.query("COMMIT"),
                            ends=3),
    "deallocate all": exchange(wire.parse("s3", "SELECT 5"), wire.SYNC,
                               wire.query("DEALLOCATE ALL"), ends=2),
    "deallocate of a name": exchange(wire.parse("s4", "SELECT 6"), wire.SYNC,
                                     wire.query("DEALLOCATE s4"), ends=2),
    "discard all": exchange(wire.query("DISCARD ALL")),
}


def answers(client, ends):
    """Messages up to that many ReadyForQuery. ParameterStatus is left out: what weir sets on a
    server itself may be reported or not."""
    seen = []
    while ends:
        kind, body = client.receive()
        assert kind is not None, f"closed after {seen}"
        ends -= kind == b"Z"
        if kind not in (b"S", b"N"):
            seen.append((kind, body))
    return seen


class Turn:
    """Makes sure that the daemon has read what was sent to it before: it has one loop, so an answer
    of the console comes after that."""

    def __init__(self, weir, password=None):
        self.console = RawClient(weir.host, weir.port).login("admin", "pgbouncer", password)

    def wait(self):
        self.console.ask("SHOW VERSION")


@pytest.fixture
def turn(weir):
    turn = Turn(weir)
    yield turn
    turn.console.close()


def in_pieces(turn, client, data, cuts):
    """Sends with a cut at each of these places; each piece is read by itself."""
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    start = 0
    for cut in cuts:
        client.send(data[start:cut])
        turn.wait()
        start = cut
    client.send(data[start:])


class Splitting(fakes.Gate):
    """Relays; what the server says is passed on in pieces of `piece` bytes, each in a turn of the
    daemon, when that is not 0."""
    piece = 0
    turn = None

    async def _relay(self, first, reader, writer, port):
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        self._writers.add(upstream_writer)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        async def up():
            while data := await reader.read(65536):
                upstream_writer.write(data)
                await upstream_writer.drain()
            upstream_writer.close()

        async def down():
            while data := await upstream_reader.read(65536):
                step = self.piece or len(data)
                for at in range(0, len(data), step):
                    writer.write(data[at:at + step])
                    await writer.drain()
                    if self.piece:
                        await asyncio.get_running_loop().run_in_executor(None, self.turn.wait)
            writer.close()
        try:
            await asyncio.gather(up(), down())
        except OSError:
            pass
        finally:
            self._writers.discard(upstream_writer)
            upstream_writer.close()
            writer.close()


@pytest.fixture(scope="module", autouse=True)
def split_table(pg):
    pg.sql("CREATE TABLE split (id int, note text); ALTER TABLE split OWNER TO app", database="app",
           fetch=False)
    yield
    pg.sql("DROP TABLE split", database="app", fetch=False)


@pytest.fixture(params=["transaction", "session"])
def weir(request, weir_factory, pg):
    return weir_factory(pg, pool_mode=request.param, default_pool_size=1,
                        log_pooler_errors=0)


def test_what_a_client_sends_may_be_cut_anywhere(weir, turn):
    """In two pieces cut at every place, and byte by byte: the answers are those to one piece."""
    with RawClient(weir.host, weir.port).login() as client:
        for name, (data, ends) in EXCHANGES.items():
            client.send(data)
            wanted = answers(client, ends)
            for cut in range(1, len(data)):
                in_pieces(turn, client, data, [cut])
                assert answers(client, ends) == wanted, f"{name}, cut at {cut}"
            in_pieces(turn, client, data, range(1, len(data)))
            assert answers(client, ends) == wanted, f"{name}, byte by byte"


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_what_a_server_answers_may_be_cut_anywhere(weir_factory, pg, mode):
    """Every answer in pieces of one byte, and of a few more, from the login on."""
    server = Splitting(pg.port)
    try:
        weir = weir_factory(pg, pool_mode=mode, default_pool_size=1, server_tls_sslmode="disable",
                            databases={"app": f"host=127.0.0.1 port={server.port} dbname=app"})
        with RawClient(weir.host, weir.port).login() as client:
            wanted = {}
            for name, (data, ends) in EXCHANGES.items():
                client.send(data)
                wanted[name] = answers(client, ends)
        server.turn = Turn(weir)
        for piece in (1, 6):
            weir.console("RECONNECT")
            server.piece = piece
            with RawClient(weir.host, weir.port).login() as client:
                for name, (data, ends) in EXCHANGES.items():
                    client.send(data)
                    assert answers(client, ends) == wanted[name], f"{name}, pieces of {piece}"
            server.piece = 0
    finally:
        server.done()
    server.turn.console.close()


def test_a_login_may_be_cut_anywhere(weir_factory, pg):
    weir = weir_factory(pg, auth_type="plain", tcp_defer_accept=0)
    turn = Turn(weir, CONSOLE_PASSWORDS["admin"])
    packet = wire.startup("app", "app", application_name="split", options="-c geqo=off")
    password = wire.message(b"p", wire.text(PASSWORDS["app"]))
    request = struct.pack("!II", 8, 80877104)  # GSSAPI encryption: asked for, not had
    for cuts in [[cut] for cut in range(1, len(packet))] + [range(1, len(packet))]:
        with RawClient(weir.host, weir.port) as client:
            in_pieces(turn, client, request, [cuts[0] % 7 + 1])
            assert client.byte() == b"N"
            in_pieces(turn, client, packet, cuts)
            assert client.receive()[0] == b"R"
            in_pieces(turn, client, password, [min(cuts[0], len(password) - 1)])
            assert client.until(b"Z", None)[-1][0] == b"Z"
            assert client.ask("SHOW geqo") == [[b"off"]]
    turn.console.close()


def test_a_cancel_request_may_be_cut_anywhere(weir, turn, pg):
    with RawClient(weir.host, weir.port).login() as client:
        for cut in range(1, 16):
            client.send(wire.query("SELECT pg_sleep(60)"))
            until(lambda: pg.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND"
                                 " state = 'active' AND query LIKE '%%pg_sleep%%'", ()), 10,
                  "the query runs")
            with RawClient(weir.host, weir.port) as other:
                in_pieces(turn, other, struct.pack("!II", 16, 80877102) + client.key, [cut])
                assert other.byte() == b""
            seen = dict(answers(client, 1))
            assert wire.fields(seen[b"E"])["C"] == "57014"


def test_the_console_reads_pieces_too(weir, turn):
    data = wire.query("SHOW VERSION; SHOW STATE")
    with RawClient(weir.host, weir.port).login("admin", "pgbouncer") as client:
        client.send(data)
        wanted = answers(client, 1)
        for cut in range(1, len(data)):
            in_pieces(turn, client, data, [cut])
            assert answers(client, 1) == wanted


@pytest.mark.parametrize("megabytes", [1, 20])
def test_very_large_messages_go_both_ways(weir, megabytes):
    """A query, a parameter and a row longer than any buffer."""
    size = megabytes * 1024 * 1024
    text = "x" * size
    with RawClient(weir.host, weir.port, timeout=60).login() as client:
        assert client.ask(f"SELECT length('{text}')") == [[str(size).encode()]]
        client.send(wire.parse("", "SELECT $1::text"), wire.bind(values=(text,)), wire.execute(),
                    wire.SYNC)
        rows = [body for kind, body in answers(client, 1) if kind == b"D"]
        assert len(rows) == 1 and wire.row(rows[0]) == [text.encode()]
        assert client.ask("SELECT 1") == [[b"1"]]
