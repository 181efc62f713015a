"""pg_dump, pg_restore and psql's \\copy through the daemon: what comes out is what went in, byte by
byte, as without the daemon."""
import os
import re
import subprocess
import uuid

import pytest

from harness.door import POOL_SIZE
from harness.pg import CLIENT_BIN, PASSWORDS, VERSION
from harness.pools import pools_add_up

CLIENT_VERSION = 15
SCHEMA = """
CREATE TABLE kinds (id serial PRIMARY KEY, label text NOT NULL UNIQUE);
CREATE TABLE things (id bigint PRIMARY KEY, kind int REFERENCES kinds, note text, raw bytea,
    amount numeric(20, 4), at timestamptz DEFAULT '2024-02-29 12:00+00', many int[]);
CREATE INDEX things_note ON things (lower(note));
CREATE VIEW noted AS SELECT kind, count(*) AS how_many FROM things GROUP BY kind;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
INSERT INTO kinds (label) SELECT 'kind ' || g FROM generate_series(1, 20) g;
INSERT INTO things SELECT g, g % 20 + 1, 'naïve ' || g || E'\\ttab\\\\', decode(md5(g::text), 'hex'),
    g / 7.0, '2024-02-29 12:00+00'::timestamptz + g * interval '1 s', ARRAY[g, NULL, -g]
    FROM generate_series(1, 3000) g;
SELECT lo_from_bytea(0, decode(repeat('cafe', 5000), 'hex'));
"""


@pytest.fixture
def databases(pg):
    """A full database and an empty one, owned by app."""
    full, empty = (f"{kind}_{uuid.uuid4().hex[:8]}" for kind in ("full", "empty"))
    for name in (full, empty):
        pg.sql(f"CREATE DATABASE {name} OWNER app", fetch=False)
    run(pg, "psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", full, text=SCHEMA)
    yield full, empty
    for name in (full, empty):
        pg.sql(f"DROP DATABASE {name} WITH (FORCE)", fetch=False)


@pytest.fixture(params=["session", "transaction"])
def pooled(request, weir_factory, pg, databases):
    """A daemon that serves both databases."""
    weir = weir_factory(pg, pool_mode=request.param, default_pool_size=POOL_SIZE,
                        auth_type="scram-sha-256",
                        databases={name: f"host=127.0.0.1 port={pg.port} dbname={name}"
                                   for name in databases})
    yield weir
    for name in databases:
        pools_add_up(weir, POOL_SIZE, database=name, query=False)


def run(where, program, *arguments, text=None):
    """A client program of PostgreSQL's at the daemon, or at PostgreSQL itself; its output."""
    done = subprocess.run(
        [f"{CLIENT_BIN}/{program}", "-h", "127.0.0.1", "-p", str(where.port), "-U", "app", *arguments],
        input=text, text=True, capture_output=True, timeout=80, check=False,
        env={**os.environ, "PGPASSWORD": PASSWORDS["app"], "PGCONNECT_TIMEOUT": "20"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def dump(where, database):
    """A plain dump without the random word that newer pg_dumps put around it."""
    text = run(where, "pg_dump", "--inserts", "--no-sync", "-d", database)
    assert text.count("INSERT INTO public.things") == 3000
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)


needs_pg_dump = pytest.mark.skipif(
    VERSION > CLIENT_VERSION, reason=f"pg_dump {CLIENT_VERSION} refuses newer servers")


@needs_pg_dump
def test_a_dump_is_the_same(pooled, pg, databases):
    full, _ = databases
    assert dump(pooled, full) == dump(pg, full)


@needs_pg_dump
@pytest.mark.parametrize("how", ["custom", "parallel"])
def test_dump_and_restore(pooled, pg, databases, tmp_path, how):
    full, empty = databases
    file = str(tmp_path / "dump")
    jobs = ["-j", "3"] if how == "parallel" else []
    run(pooled, "pg_dump", "--no-sync", *(["-Fd", *jobs] if jobs else ["-Fc"]), "-f", file, "-d", full)
    run(pooled, "pg_restore", "--exit-on-error", *jobs, "-d", empty, file)
    assert dump(pg, empty) == dump(pg, full)


def test_psql_copies_a_table(pooled, databases, tmp_path):
    full, empty = databases
    file = tmp_path / "things.csv"
    run(pooled, "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", full,
        "-c", f"\\copy (SELECT * FROM things ORDER BY id) TO '{file}' CSV HEADER")
    assert len(file.read_text().splitlines()) == 3001
    run(pooled, "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", empty,
        "-c", "CREATE TABLE things (id bigint, kind int, note text, raw bytea, amount numeric(20, 4),"
              " at timestamptz, many int[])",
        "-c", f"\\copy things FROM '{file}' CSV HEADER")
    question = "SELECT md5(string_agg(things::text, '|' ORDER BY id)) FROM things"
    first, second = (run(pooled, "psql", "-X", "-At", "-d", name, "-c", question)
                     for name in (full, empty))
    assert first == second and len(first.strip()) == 32


def test_psql_copy_that_fails_leaves_a_usable_session(pooled, databases):
    full, _ = databases
    done = run(pooled, "psql", "-X", "-At", "-d", full, text="""
\\copy kinds (id) FROM stdin
1
not a number
\\.
SELECT 'after', count(*) FROM kinds;
""")
    assert done.splitlines()[-1] == "after|20"
