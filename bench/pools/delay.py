"""A relay in front of PostgreSQL that lets every new connection wait: a server far away.

    delay.py PORT UPSTREAM_PORT MILLISECONDS
"""
import asyncio
import sys

PORT, UPSTREAM, DELAY = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def accept(reader, writer):
    await asyncio.sleep(DELAY)
    upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", UPSTREAM)
    await asyncio.gather(copy(reader, upstream_writer), copy(upstream_reader, writer))


async def main():
    server = await asyncio.start_server(accept, "127.0.0.1", PORT, backlog=256)
    async with server:
        await server.serve_forever()


asyncio.run(main())
