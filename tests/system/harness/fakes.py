"""Upstreams that misbehave on purpose, each a thread with an asyncio loop and its own port.

    Silent        accepts and never answers
    Scripted      answers the first packet with bytes of the test's choice
    Refusing      reads the start-up packet and answers with one FATAL of the test's choice
    SessionLimit  a session-mode pooler like Supavisor (demo/standin.py): relays to PostgreSQL,
                  refuses client N+1 at once with XX000 and the fields C, M and S only
    Gate          relays, until the test closes it (new connections are cut at once), freezes it
                  (bytes stop, connections stay: a half-open network) or cuts what is open; what
                  the test injects goes to the daemon on every connection
    LongKeys      a server of protocol 3.2: lets everybody in, never answers a query, remembers the
                  cancel requests that come
"""
import asyncio
import os
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "..", "demo"))

from standin import StandIn  # noqa: E402  (it lies beside the demonstration)


def fatal(sqlstate, text, severity="FATAL"):
    """ErrorResponse with C, M and S only."""
    body = f"S{severity}\0C{sqlstate}\0M{text}\0\0".encode()
    return b"E" + struct.pack("!I", len(body) + 4) + body


class Fake:
    """The frame: start on construction, `port`, done()."""

    def __init__(self, host="127.0.0.1", port=None):
        self.host = host
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._server = None
        self._writers = set()
        self.accepted = 0
        self.port = port
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise AssertionError("the fake upstream did not start")

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self):
        self._server = await asyncio.start_server(self._accept, self.host, self.port or 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        self.accepted += 1
        self._writers.add(writer)
        try:
            await self.serve(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def serve(self, reader, writer):
        raise NotImplementedError

    async def _start_packet(self, reader, writer):
        """The start-up packet's bytes; SSLRequest is answered with N first."""
        while True:
            head = await reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            rest = await reader.readexactly(length - 8)
            if code not in (80877103, 80877104):
                return head + rest
            writer.write(b"N")

    async def _relay(self, first, reader, writer, port):
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        self._writers.add(upstream_writer)
        upstream_writer.write(first)

        async def copy(source, target):
            try:
                while data := await source.read(65536):
                    await self.passing()
                    target.write(data)
                    await target.drain()
            except OSError:
                pass
            finally:
                target.close()

        try:
            await asyncio.gather(copy(reader, upstream_writer), copy(upstream_reader, writer))
        finally:
            self._writers.discard(upstream_writer)
            upstream_writer.close()

    async def passing(self):
        """Waits while nothing may pass."""

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def cut(self):
        """Resets every open connection."""
        async def reset():
            for writer in list(self._writers):
                writer.transport.abort()
        self._call(reset())

    def done(self):
        async def end():
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Silent(Fake):
    async def serve(self, reader, writer):
        while await reader.read(4096):
            pass


class Refusing(Fake):
    """`answer` may be changed while it runs; None relays to `relay_port` instead."""

    def __init__(self, answer, relay_port=None):
        self.answer = answer
        self.relay_port = relay_port
        super().__init__()

    async def serve(self, reader, writer):
        first = await self._start_packet(reader, writer)
        if self.answer is None:
            await self._relay(first, reader, writer, self.relay_port)
            return
        writer.write(self.answer)
        await writer.drain()


class SessionLimit(Fake):
    """The stand-in of demo/, inside the test: `pooler` has live, peak, served, refused."""

    def __init__(self, relay_port, limit=15, refuse="before", text="session"):
        self.pooler = StandIn("127.0.0.1", relay_port, limit, refuse, text)
        super().__init__()

    async def _listen(self):
        self.port = await self.pooler.start()
        self._server = self.pooler.server


class Gate(Fake):
    def __init__(self, relay_port, **listen):
        self.relay_port = relay_port
        self.is_open = True
        self._flow = None
        self._daemons = set()
        super().__init__(**listen)

    async def _listen(self):
        self._flow = asyncio.Event()
        self._flow.set()
        await super()._listen()

    async def serve(self, reader, writer):
        if not self.is_open:
            writer.transport.abort()
            return
        self._daemons.add(writer)
        try:
            await self._relay(b"", reader, writer, self.relay_port)
        finally:
            self._daemons.discard(writer)

    async def passing(self):
        await self._flow.wait()

    def close(self):
        """New connections are cut at once; what is open stays."""
        self.is_open = False

    def open(self):
        self.is_open = True

    def inject(self, data):
        async def write():
            for writer in self._daemons:
                writer.write(data)
                await writer.drain()
        self._call(write())

    def freeze(self):
        self._loop.call_soon_threadsafe(self._flow.clear)

    def thaw(self):
        self._loop.call_soon_threadsafe(self._flow.set)


class Scripted(Fake):
    """Answers the first eight bytes with fixed bytes, then keeps what it is told to itself."""

    def __init__(self, answer):
        self.answer = answer
        self.heard = b""
        super().__init__()

    async def serve(self, reader, writer):
        await reader.readexactly(8)
        writer.write(self.answer)
        await writer.drain()
        while data := await reader.read(4096):
            self.heard += data


class LongKeys(Fake):
    key = bytes(range(200))

    def __init__(self):
        self.minor = None
        self.queries = 0
        self.cancels = []
        super().__init__()

    async def serve(self, reader, writer):
        length, code = struct.unpack("!II", await reader.readexactly(8))
        rest = await reader.readexactly(length - 8)
        if code == 80877102:
            self.cancels.append(rest[4:])
            return
        self.minor = code & 0xffff
        key = struct.pack("!I", 77) + (self.key if self.minor >= 2 else self.key[:4])
        if self.minor < 2:
            self.key = self.key[:4]
        writer.write(b"R" + struct.pack("!II", 8, 0) + b"K" + struct.pack("!I", 4 + len(key)) + key
                     + b"Z" + struct.pack("!I", 5) + b"I")
        while data := await reader.read(4096):
            self.queries += data.count(b"SELECT 1")
