"""Real drivers with their defaults, through the daemon: session and transaction mode, plain and
TLS, SCRAM on both sides, more clients than servers; the values are checked, not only the absence
of errors. node-postgres and postgres.js are in test_drivers_node.py."""
import asyncio
import decimal
import os
import subprocess

import asyncpg
import psycopg
import psycopg2
import pytest
import sqlalchemy
import sqlalchemy.ext.asyncio

from harness.door import POOL_SIZE
from harness.pg import CLIENT_BIN
from harness.threads import in_threads

CLIENTS = 24
ROUNDS = 8


def server_is_encrypted(door):
    """Whether the daemon's own connection to PostgreSQL is encrypted, as PostgreSQL sees it."""
    rows = door.weir.pg.sql("SELECT bool_and(ssl) AS all_ssl, bool_or(ssl) AS any_ssl FROM"
                            " pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE"
                            " a.usename = 'app'")
    return rows[0]["all_ssl"], rows[0]["any_ssl"]


# ---- psql

def psql(door, script):
    dsn = door.libpq
    environment = dict(os.environ, PGPASSWORD=dsn["password"], PGSSLMODE=dsn["sslmode"],
                       PGSSLROOTCERT=dsn.get("sslrootcert", ""), PGCONNECT_TIMEOUT="20")
    done = subprocess.run([f"{CLIENT_BIN}/psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h",
                           dsn["host"], "-p", str(dsn["port"]), "-U", "app", "app"],
                          input=script, text=True, capture_output=True, timeout=60,
                          env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_psql_copy_statements_and_transactions(door, table, tmp_path):
    source = tmp_path / "rows.csv"
    source.write_text("".join(f"{i},note {i},{i}.5,\n" for i in range(2000)))
    lines = psql(door, f"""
\\copy {table} (id, note, amount, raw) from '{source}' with (format csv)
select count(*), sum(amount) from {table};
select 1\\; select 2\\; select 3;
begin; update {table} set note = 'x' where id < 10; rollback;
select note from {table} where id = 7;
\\copy (select id from {table} where id < 3 order by id) to stdout
select repeat('ä', 3);
""")
    assert lines == ["2000|2000000.0", "1", "2", "3", "note 7", "0", "1", "2", "äää"]
    all_ssl, any_ssl = server_is_encrypted(door)
    assert (all_ssl, any_ssl) == (door.is_tls, door.is_tls)


# ---- psycopg2

def test_psycopg2_many_clients(door):
    def work(i):
        connection = psycopg2.connect(**door.libpq)
        try:
            got = []
            for n in range(ROUNDS):
                with connection, connection.cursor() as cursor:
                    cursor.execute("SELECT %s::int * 1000 + %s, %s", (i, n, f"c{i}"))
                    got.append(cursor.fetchone())
                if door.mode == "session":
                    break
            return got
        finally:
            connection.close()

    for i, got in enumerate(in_threads(CLIENTS, work)):
        assert got == [(i * 1000 + n, f"c{i}") for n in range(len(got))]


def test_psycopg2_types_and_copy(door, table):
    connection = psycopg2.connect(**door.libpq)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (%s, %s, %s, %s) RETURNING *",
                       (1, "naïve €", decimal.Decimal("12.50"), psycopg2.Binary(b"\0\1\xff")))
        number, note, amount, raw = cursor.fetchone()
        assert (number, note, amount, bytes(raw)) == (1, "naïve €", decimal.Decimal("12.50"),
                                                      b"\0\1\xff")
        with connection.cursor("named") as named:  # a server-side cursor
            named.itersize = 10
            named.execute("SELECT generate_series(1, 100)")
            assert sum(value for value, in named) == 5050
    connection.close()


# ---- psycopg 3

def test_psycopg3_prepares_by_itself(door):
    door.prepares()

    def work(i):
        with psycopg.connect(**door.libpq, autocommit=True) as connection:
            # the sixth execution and later ones use a named statement (prepare_threshold 5)
            return [connection.execute("SELECT %s::int + %s::int", (i, n)).fetchone()[0]
                    for n in range(12)]

    for i, got in enumerate(in_threads(CLIENTS, work)):
        assert got == [i + n for n in range(12)]


def test_psycopg3_forgets_statements_that_are_too_many(door):
    """Beyond prepared_max psycopg drops the oldest by DEALLOCATE, in the extended protocol."""
    door.prepares()
    with psycopg.connect(**door.libpq, autocommit=True) as connection:
        connection.prepared_max = 3
        for n in range(12):
            for round in range(7):
                row = connection.execute(f"SELECT %s::int + {n}", (round,)).fetchone()
                assert row == (round + n,)
        with connection.transaction(), connection.pipeline():
            for n in range(12):
                got = [connection.execute(f"SELECT %s::int + {n}", (round,), prepare=True)
                       for round in range(3)]
                assert [cursor.fetchone()[0] for cursor in got] == [n, n + 1, n + 2]


def test_psycopg3_pipeline(door, table):
    door.prepares()
    with psycopg.connect(**door.libpq) as connection:
        with connection.pipeline() as pipeline, connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} (id, note) VALUES (%s, %s)",
                               [(n, f"n{n}") for n in range(300)])
            pipeline.sync()
            first = connection.execute(f"SELECT count(*) FROM {table}")
            second = connection.execute(f"SELECT note FROM {table} WHERE id = %s", (299,))
            assert first.fetchone() == (300,)
            assert second.fetchone() == ("n299",)


def test_psycopg3_cursor_copy_and_notices(door, table):
    with psycopg.connect(**door.libpq) as connection:
        heard = []
        connection.add_notice_handler(lambda diagnostic: heard.append(diagnostic.message_primary))
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY {table} (id, note) FROM STDIN") as copy:
                for n in range(500):
                    copy.write_row((n, f"row {n}"))
            with cursor.copy(f"COPY (SELECT note FROM {table} ORDER BY id) TO STDOUT") as copy:
                rows = [row[0] for row in copy.rows()]
        assert rows == [f"row {n}" for n in range(500)]
        with connection.cursor("server_side") as named:
            named.execute(f"SELECT id FROM {table} ORDER BY id")
            assert [row[0] for row in named.fetchmany(7)] == list(range(7))
        connection.execute("DO $$ BEGIN RAISE NOTICE 'hear me'; END $$")
        assert heard == ["hear me"]


def test_psycopg3_async(door):
    door.prepares()

    async def one(i):
        async with await psycopg.AsyncConnection.connect(**door.libpq, autocommit=True) as c:
            got = []
            for n in range(ROUNDS):
                cursor = await c.execute("SELECT %s::text", (f"{i}/{n}",))
                got.append((await cursor.fetchone())[0])
            return got

    async def all_of_them():
        return await asyncio.wait_for(asyncio.gather(*(one(i) for i in range(CLIENTS))), 60)

    for i, got in enumerate(asyncio.run(all_of_them())):
        assert got == [f"{i}/{n}" for n in range(ROUNDS)]


# ---- asyncpg

def test_asyncpg_defaults_many_clients(door):
    door.prepares()

    async def one(i):
        connection = await asyncpg.connect(**door.asyncpg)
        try:
            got = []
            for n in range(ROUNDS):
                got.append(await connection.fetchval("SELECT $1::int * 100 + $2::int", i, n))
                async with connection.transaction():
                    await connection.execute("SELECT set_config('app.me', $1, true)", str(i))
                    me = await connection.fetchval("SELECT current_setting('app.me')")
                    assert me == str(i)
            return got
        finally:
            await connection.close()

    async def all_of_them():
        return await asyncio.wait_for(asyncio.gather(*(one(i) for i in range(CLIENTS))), 60)

    for i, got in enumerate(asyncio.run(all_of_them())):
        assert got == [i * 100 + n for n in range(ROUNDS)]


def test_asyncpg_pool_copy_and_cursor(door, table):
    door.prepares()

    async def use():
        # fewer connections than servers: in session mode each one holds a server
        async with asyncpg.create_pool(**door.asyncpg, min_size=2, max_size=POOL_SIZE) as pool:
            async with pool.acquire() as connection:
                done = await connection.copy_records_to_table(
                    table, records=[(n, f"n{n}", decimal.Decimal(n), bytes([n % 256]))
                                    for n in range(1000)])
                assert done == "COPY 1000"
                async with connection.transaction():
                    total = 0
                    async for record in connection.cursor(f"SELECT id FROM {table}", prefetch=50):
                        total += record["id"]
                assert total == 499500
            values = await asyncio.gather(*(pool.fetchval(
                f"SELECT note FROM {table} WHERE id = $1", n) for n in range(40)))
            assert values == [f"n{n}" for n in range(40)]

    asyncio.run(asyncio.wait_for(use(), 60))


def test_asyncpg_timeout_cancels(door):
    door.prepares()

    async def use():
        connection = await asyncpg.connect(**door.asyncpg)
        try:
            with pytest.raises(asyncio.TimeoutError):
                await connection.fetchval("SELECT pg_sleep(60)", timeout=0.3)
            assert await connection.fetchval("SELECT 7") == 7
        finally:
            await connection.close()

    asyncio.run(asyncio.wait_for(use(), 30))


# ---- SQLAlchemy

def test_sqlalchemy_sync(door, table):
    connect_args = {k: v for k, v in door.libpq.items() if k.startswith("ssl")}
    engine = sqlalchemy.create_engine(door.url("psycopg2"), pool_pre_ping=True, pool_size=POOL_SIZE,
                                      max_overflow=0, connect_args=connect_args)
    metadata = sqlalchemy.MetaData()
    rows = sqlalchemy.Table(table, metadata, autoload_with=engine)

    def work(i):
        for n in range(ROUNDS):
            with engine.begin() as connection:
                connection.execute(rows.insert().values(id=i * 100 + n, note=f"{i}", amount=n))
        with engine.connect() as connection:
            query = sqlalchemy.select(sqlalchemy.func.sum(rows.c.amount)).where(
                rows.c.note == str(i))
            return connection.execute(query).scalar()

    try:
        assert in_threads(CLIENTS, work) == [sum(range(ROUNDS))] * CLIENTS
    finally:
        engine.dispose()


def test_sqlalchemy_async(door, table):
    door.prepares()

    async def use():
        args = {"ssl": door.asyncpg["ssl"]} if door.is_tls else {}
        engine = sqlalchemy.ext.asyncio.create_async_engine(
            door.url("asyncpg"), pool_pre_ping=True, pool_size=POOL_SIZE, max_overflow=0,
            connect_args=args)

        async def work(i):
            async with engine.begin() as connection:
                await connection.execute(
                    sqlalchemy.text(f"INSERT INTO {table} (id, note) VALUES (:id, :note)"),
                    {"id": i, "note": f"n{i}"})
            async with engine.connect() as connection:
                result = await connection.execute(
                    sqlalchemy.text(f"SELECT note FROM {table} WHERE id = :id"), {"id": i})
                return result.scalar()

        try:
            return await asyncio.gather(*(work(i) for i in range(CLIENTS)))
        finally:
            await engine.dispose()

    assert asyncio.run(asyncio.wait_for(use(), 60)) == [f"n{i}" for i in range(CLIENTS)]
