"""A stand-in for a hosted session-mode pooler (Supavisor as seen from outside).

It lets `pool_size` clients through, byte for byte, to a PostgreSQL, and refuses client number
pool_size + 1 as the real one does: FATAL, SQLSTATE XX000, only the fields C, M and S, then
close; before any authentication, or after AuthenticationOk. It asks nobody to wait. That is the
whole of it: the part of such a pooler that took an application down, so that it can be
reproduced without an account. It pools nothing and encrypts nothing.

    standin.py --upstream 127.0.0.1:5432 [--listen 127.0.0.1:0] [--pool-size 15]
               [--refuse before|after] [--text session|older|maxconn|checkout]

Prints `port N` when it listens, runs until SIGTERM or SIGINT, then prints `served N refused N
peak N`.

It lies in demo/ because the demonstration must run without the tests; tests/system starts this
same file as a program or imports `StandIn`, so that the pooler's behaviour is described once.
"""

import argparse
import asyncio
import signal
import struct

CODE_CANCEL = 80877102
CODE_SSL = 80877103
CODE_GSSENC = 80877104
STARTUP_BYTES_MAX = 10000

# The texts that were seen in the wild.
TEXTS = {
    "session": "(EMAXCONNSESSION) max clients reached in session mode - "
               "max clients are limited to pool_size: {limit}",
    "older": "MaxClientsInSessionMode: max clients reached - "
             "in Session mode max clients are limited to pool_size",
    "maxconn": "(EMAXCONN) max client connections reached, limit: {limit}",
    "checkout": "(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 60000ms "
                "in Session mode",
}
AUTHENTICATION_OK = struct.pack("!cII", b"R", 8, 0)


def error_response(text):
    """FATAL XX000 with the three fields, in the order in which they were seen: C, M, S."""
    fields = b"CXX000\0" + b"M" + text.encode() + b"\0" + b"SFATAL\0" + b"\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


class StandIn:
    """The pooler; host and port are the PostgreSQL's, a host that starts with / is a folder."""

    def __init__(self, host, port, pool_size=15, refuse="before", text="session"):
        self.host, self.port = host, port
        self.pool_size = pool_size
        self.refuse = refuse
        self.text = TEXTS[text].format(limit=pool_size)
        self.live = self.peak = self.served = self.refused = 0
        self.server = None
        self.tasks = set()

    async def start(self, host="127.0.0.1", port=0):
        """Listens; returns the port."""
        self.server = await asyncio.start_server(self._client, host, port, backlog=1024)
        return self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _client(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self._talk(reader, writer)
        except (OSError, EOFError, ValueError, asyncio.CancelledError):
            pass  # either side is gone: the other one is told by the close below
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _talk(self, reader, writer):
        code, packet = await read_startup(reader)
        while code in (CODE_SSL, CODE_GSSENC):
            writer.write(b"N")
            code, packet = await read_startup(reader)
        if code == CODE_CANCEL:
            await self._relay(reader, writer, packet)
            return
        if self.live >= self.pool_size:
            self.refused += 1
            if self.refuse == "after":
                writer.write(AUTHENTICATION_OK)
            writer.write(error_response(self.text))
            await writer.drain()
            return
        self.live += 1
        self.served += 1
        self.peak = max(self.peak, self.live)
        try:
            await self._relay(reader, writer, packet)
        finally:
            self.live -= 1

    async def _relay(self, reader, writer, packet):
        if self.host.startswith("/"):
            opened = asyncio.open_unix_connection(f"{self.host}/.s.PGSQL.{self.port}")
        else:
            opened = asyncio.open_connection(self.host, self.port)
        up_reader, up_writer = await opened
        up_writer.write(packet)
        ways = [asyncio.ensure_future(copy(reader, up_writer)),
                asyncio.ensure_future(copy(up_reader, writer))]
        try:
            # A session ends when either side closes; what the server said last is delivered first.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            up_writer.close()


async def read_startup(reader):
    """One packet without a type byte: its code and the whole packet."""
    head = await reader.readexactly(8)
    length, code = struct.unpack("!II", head)
    if not 8 <= length <= STARTUP_BYTES_MAX:
        raise ValueError("not a start-up packet")
    return code, head + await reader.readexactly(length - 8)


async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def parse_address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


async def main():
    parser = argparse.ArgumentParser(description="Stand-in for a session-mode pooler that refuses.")
    parser.add_argument("--upstream", required=True, type=parse_address, metavar="HOST:PORT")
    parser.add_argument("--listen", default=("127.0.0.1", 0), type=parse_address,
                        metavar="HOST:PORT")
    parser.add_argument("--pool-size", default=15, type=int)
    parser.add_argument("--refuse", default="before", choices=["before", "after"],
                        help="before any authentication message, or after AuthenticationOk")
    parser.add_argument("--text", default="session", choices=list(TEXTS))
    options = parser.parse_args()

    pooler = StandIn(*options.upstream, options.pool_size, options.refuse, options.text)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    print("port", await pooler.start(*options.listen), flush=True)
    await stop.wait()
    await pooler.stop()
    print("served", pooler.served, "refused", pooler.refused, "peak", pooler.peak, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
