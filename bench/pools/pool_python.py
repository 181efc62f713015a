"""The sides of `script/bench pool` that are Python's: pools.py says what is measured and how.

    pool_python.py sqlalchemy|psycopg PORT USER DATABASE take|fair|spike COUNT [SECONDS]
"""
import json
import sys
import threading
import time


class SqlAlchemy:
    def __init__(self, port, user, database, size, idle):
        import sqlalchemy
        self.engine = sqlalchemy.create_engine(
            f"postgresql+psycopg2://{user}@127.0.0.1:{port}/{database}?sslmode=disable",
            pool_size=size, max_overflow=0, pool_reset_on_return=None)
        for connection in [self.engine.raw_connection() for _ in range(idle)]:
            connection.close()

    def take(self):
        return self.engine.raw_connection()

    def give(self, connection):
        connection.close()

    def connections(self):
        return self.engine.pool.checkedin() + self.engine.pool.checkedout()


class Psycopg:
    def __init__(self, port, user, database, size, idle):
        import psycopg_pool
        self.pool = psycopg_pool.ConnectionPool(
            f"host=127.0.0.1 port={port} user={user} dbname={database} sslmode=disable",
            min_size=idle, max_size=size)
        self.pool.wait()

    def take(self):
        return self.pool.getconn()

    def give(self, connection):
        self.pool.putconn(connection)

    def connections(self):
        return self.pool.get_stats()["pool_size"]


class Taker(threading.Thread):
    def __init__(self, pool, start, until, hold):
        super().__init__(daemon=True)
        self.pool = pool
        self.start_barrier = start
        self.until = until
        self.hold = hold
        self.count = 0
        self.wait_max = 0.0
        self.ended_at = 0.0

    def run(self):
        pool, hold = self.pool, self.hold
        self.start_barrier.wait()
        while True:
            before = time.monotonic()
            connection = pool.take()
            if hold:
                self.wait_max = max(self.wait_max, time.monotonic() - before)
                time.sleep(hold)
            pool.give(connection)
            self.count += 1
            if time.monotonic() >= self.until:
                break
        self.ended_at = time.monotonic()


def run(pool, count, seconds, hold):
    start = threading.Barrier(count)
    takers = [Taker(pool, start, time.monotonic() + seconds, hold) for _ in range(count)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    return takers


def main():
    kind, port, user, database, scenario, count, *more = sys.argv[1:]
    make = {"sqlalchemy": SqlAlchemy, "psycopg": Psycopg}[kind]
    count = int(count)
    seconds = float(more[0]) if more else 0.0
    size, idle, hold = {"take": (20, 20, 0), "fair": (10, 10, 0.010), "spike": (50, 5, 0.002)}[
        scenario]
    pool = make(port, user, database, size, idle)
    start = time.monotonic()
    takers = run(pool, count, seconds, hold)
    if scenario == "take":
        result = {"ops": sum(taker.count for taker in takers), "seconds": time.monotonic() - start}
    elif scenario == "fair":
        result = {"counts": [taker.count for taker in takers],
                  "max_wait_ms": max(taker.wait_max for taker in takers) * 1000}
    else:
        result = {"ms": (max(taker.ended_at for taker in takers) - start) * 1000,
                  "connections": pool.connections()}
    print(json.dumps(result), flush=True)


main()
