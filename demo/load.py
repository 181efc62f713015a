"""The incident's load: one process of the portfolio application, with its real driver.

A page load fires five requests at once; each takes a connection from the application's own pool,
looks the user up and runs its query. `--at-once` pages are open at any time, `--pages` are
loaded in all. The pool is the one that was written down as the remedy: 20 connections and 10
more when busy, 30 s of patience, pre-ping, recycling. Nothing here knows whether PostgreSQL or
weir is behind the URL.

    load.py URL --driver sqlalchemy|asyncpg --pages 100 --at-once 30

Prints `ready`, waits for a line on standard input (so that several processes start together),
then prints one line of JSON: requests, the seconds each answered one took, and how often each
error text was seen.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import sys
import time

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

POOL_SIZE = 20
MAX_OVERFLOW = 10
POOL_TIMEOUT_S = 30
POOL_RECYCLE_S = 3600

LOOK_UP = "SELECT user_id, email, display_name FROM users WHERE user_id = $1"
LATEST = "JOIN LATERAL (SELECT close FROM prices WHERE symbol = {0}.symbol" \
         " ORDER BY day DESC LIMIT 1) p ON true"
REQUESTS = {
    "watch": "SELECT w.symbol, a.name, p.close FROM watched w JOIN assets a USING (symbol) "
             + LATEST.format("w") + " WHERE w.user_id = $1 ORDER BY w.symbol",
    "report": "SELECT o.symbol, date_trunc('month', p.day) AS month, min(p.close), max(p.close),"
              " avg(p.close) FROM positions o JOIN prices p USING (symbol)"
              " WHERE o.user_id = $1 GROUP BY 1, 2 ORDER BY 1, 2",
    "charts": "SELECT p.day, sum(o.quantity * p.close) AS value"
              " FROM positions o JOIN prices p USING (symbol)"
              " WHERE o.user_id = $1 GROUP BY p.day ORDER BY p.day DESC LIMIT 250",
    "summary": "SELECT count(*), sum(o.quantity * o.cost), sum(o.quantity * p.close)"
               " FROM positions o " + LATEST.format("o") + " WHERE o.user_id = $1",
    "market": "SELECT day, close, avg(close) OVER (ORDER BY day ROWS 49 PRECEDING) FROM prices"
              " WHERE symbol = '^SPX' AND EXISTS (SELECT FROM users WHERE user_id = $1)"
              " ORDER BY day DESC LIMIT 250",
}


class WithSQLAlchemy:
    def __init__(self, url):
        self.engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=POOL_SIZE,
            max_overflow=MAX_OVERFLOW, pool_timeout=POOL_TIMEOUT_S, pool_recycle=POOL_RECYCLE_S,
            pool_pre_ping=True)

    async def start(self):
        pass  # SQLAlchemy opens connections as requests ask for them

    async def request(self, name, user):
        async with self.engine.connect() as connection:
            for sql in (LOOK_UP, REQUESTS[name]):
                result = await connection.execute(text(sql.replace("$1", ":user")), {"user": user})
                rows = result.fetchall()
            return rows

    async def stop(self):
        await self.engine.dispose()


class WithAsyncpg:
    def __init__(self, url):
        self.url = url
        self.pool = None

    async def start(self):
        """The pool opens 20 connections when the application starts; refused, it does not."""
        self.pool = await asyncpg.create_pool(self.url, min_size=POOL_SIZE,
                                              max_size=POOL_SIZE + MAX_OVERFLOW)

    async def request(self, name, user):
        async with self.pool.acquire(timeout=POOL_TIMEOUT_S) as connection:
            async with connection.transaction():
                await connection.fetchrow(LOOK_UP, user)
                return await connection.fetch(REQUESTS[name], user)

    async def stop(self):
        if self.pool:
            await self.pool.close()


DRIVERS = {"sqlalchemy": WithSQLAlchemy, "asyncpg": WithAsyncpg}


class Tally:
    def __init__(self):
        self.seconds = []
        self.errors = collections.Counter()

    async def count(self, work):
        begin = time.monotonic()
        try:
            rows = await work
            if not rows:
                raise LookupError("the request returned no rows")
            self.seconds.append(time.monotonic() - begin)
        except Exception as error:  # whatever the driver raises is what the page answers 500 with
            self.errors[describe(error)] += 1


def describe(error):
    """The driver's own error in one line; SQLAlchemy wraps it twice."""
    error = getattr(error, "orig", None) or error
    error = error.__cause__ if isinstance(error.__cause__, asyncpg.PostgresError) else error
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


async def load(options):
    application = DRIVERS[options.driver](options.url)
    tally = Tally()
    # asyncpg's pool opens its connections together and, when one is refused, leaves the others
    # alone; asyncio would report their errors, which are the same, with a stack each.
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    pages = iter(range(options.pages))

    async def visitor():
        for page in pages:
            user = f"user-{page % 200 + 1}"
            await asyncio.gather(*(tally.count(application.request(name, user))
                                   for name in REQUESTS))

    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        await application.start()
    except Exception as error:  # an application that does not start answers none of its requests
        tally.errors[describe(error)] += options.pages * len(REQUESTS)
    else:
        await asyncio.gather(*(visitor() for _ in range(options.at_once)))
    with contextlib.suppress(Exception):
        await application.stop()
    print(json.dumps({"requests": options.pages * len(REQUESTS), "seconds": tally.seconds,
                      "errors": dict(tally.errors)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description="One process of the application under load.")
    parser.add_argument("url")
    parser.add_argument("--driver", required=True, choices=list(DRIVERS))
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=30)
    asyncio.run(load(parser.parse_args()))


if __name__ == "__main__":
    main()
