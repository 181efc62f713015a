// postgres.js through the daemon with its defaults (it prepares everything and pipelines):
// transactions, savepoints, COPY both ways, cancel, cursors, a pool with more queries than servers.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';
import { all, assert, clients, login, poolSize, run, ssl, table, times } from './door.mjs';

const open = (more) => postgres({ ...login, ssl, max: poolSize, onnotice: () => {}, ...more });

async function withPool(work, more) {
  const sql = open(more);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function manyClients() {
  await all(clients, (i) => withPool(async (sql) => {
    for (const n of times(5)) {
      const [{ v }] = await sql`SELECT ${i}::int * 10 + ${n}::int AS v`;
      assert.equal(v, i * 10 + n);
    }
  }, { max: 1 }));
}

async function pipelinedQueries() {
  await withPool(async (sql) => {
    const got = await all(200, (i) => sql`SELECT ${i}::int AS v, ${'é' + i} AS t`);
    assert.deepEqual(got.map(([row]) => [row.v, row.t]), times(200).map((i) => [i, 'é' + i]));
  });
}

async function transactions() {
  await withPool(async (sql) => {
    await all(20, (i) => sql.begin(async (tx) => {
      await tx`INSERT INTO ${tx(table)} (id, note) VALUES (${1000 + i}, ${'tx'})`;
      await tx.savepoint(async (save) => {
        await save`INSERT INTO ${save(table)} (id) VALUES (${1000 + i})`;
      }).catch((error) => assert.equal(error.code, '23505'));
    }));
    const [{ count }] = await sql`SELECT count(*)::int FROM ${sql(table)} WHERE note = 'tx'`;
    assert.equal(count, 20);
  });
}

async function copyBothWays() {
  await withPool(async (sql) => {
    await sql.begin(async (tx) => {
      const into = await tx`COPY ${tx(table)} (id, note) FROM STDIN`.writable();
      const lines = times(5000).map((i) => `${5000 + i}\tline ${i}\n`);
      await pipeline(Readable.from(lines), into);
    });
    await sql.begin(async (tx) => {
      // few rows: postgres.js 3.4.9 leaves its socket paused when the stream's buffer is full at
      // the end of the COPY, with PostgreSQL itself too
      const out = await tx`COPY (SELECT note FROM ${tx(table)} WHERE id BETWEEN 5000 AND 5499
                           ORDER BY id) TO STDOUT`.readable();
      let text = '';
      for await (const chunk of out) text += chunk;
      assert.equal(text, times(500).map((i) => `line ${i}\n`).join(''));
    });
  });
}

async function cancel() {
  await withPool(async (sql) => {
    const query = sql`SELECT pg_sleep(60)`.execute();
    const refused = assert.rejects(query, { code: '57014' });
    // the query has to be on its way before it can be cancelled: ask another connection
    for (;;) {
      const [{ busy }] = await sql`SELECT count(*)::int AS busy FROM pg_stat_activity
        WHERE query = 'SELECT pg_sleep(60)' AND state = 'active' AND usename = current_user`;
      if (busy) break;
    }
    query.cancel();
    await refused;
    const [{ v }] = await sql`SELECT 1 AS v`;
    assert.equal(v, 1);
  }, { max: 2 });
}

async function cursor() {
  await withPool(async (sql) => {
    let sum = 0;
    await sql`SELECT generate_series(1, 1000) AS v`.cursor(100, (rows) => {
      for (const row of rows) sum += row.v;
    });
    assert.equal(sum, 500500);
  });
}

await run('postgres.js', [manyClients, pipelinedQueries, transactions, copyBothWays, cursor,
  cancel]);
