// node-postgres through the daemon: unnamed and named statements, transactions, errors, a pool
// with more clients than servers, values of several types.
import pg from 'pg';
import { all, assert, clients, login, poolSize, run, ssl, table, times } from './door.mjs';

const options = { ...login, ssl };

async function withClient(work) {
  const client = new pg.Client(options);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function manyClients() {
  const got = await all(clients, (i) => withClient(async (client) => {
    const rows = [];
    for (const n of times(6)) {
      const result = await client.query('SELECT $1::int * 10 + $2::int AS v', [i, n]);
      rows.push(result.rows[0].v);
    }
    return rows;
  }));
  got.forEach((rows, i) => assert.deepEqual(rows, times(6).map((n) => i * 10 + n)));
}

async function namedStatements() {
  await all(clients, (i) => withClient(async (client) => {
    // one name, another text in every client
    const text = `SELECT $1::int + ${i} AS v`;
    for (const n of times(5)) {
      const result = await client.query({ name: 'same name', text, values: [n] });
      assert.equal(result.rows[0].v, n + i);
    }
  }));
}

async function pooledTransactions() {
  const pool = new pg.Pool({ ...options, max: poolSize });
  await all(clients, async (i) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`INSERT INTO ${table} (id, note, raw) VALUES ($1, $2, $3)`,
        [i, `nöte ${i}`, Buffer.from([0, 255, i])]);
      await client.query(i % 2 ? 'ROLLBACK' : 'COMMIT');
    } finally {
      client.release();
    }
  });
  const { rows } = await pool.query(`SELECT id, note, raw FROM ${table} ORDER BY id`);
  assert.deepEqual(rows.map((row) => row.id), times(clients).filter((i) => i % 2 === 0));
  assert.equal(rows[1].note, 'nöte 2');
  assert.deepEqual([...rows[1].raw], [0, 255, 2]);
  await pool.end();
}

async function errorsAndAfter() {
  await withClient(async (client) => {
    await assert.rejects(client.query('SELECT 1/0'), { code: '22012', severity: 'ERROR' });
    await assert.rejects(client.query('SELECT $1::int', ['not a number']), { code: '22P02' });
    const { rows } = await client.query("SELECT now() AS t, '{1,2}'::int[] AS a, null AS n");
    assert.ok(rows[0].t instanceof Date);
    assert.deepEqual(rows[0].a, [1, 2]);
    assert.equal(rows[0].n, null);
    const many = await client.query('SELECT 1 AS a; SELECT 2 AS b');
    assert.deepEqual(many.map((result) => result.rows[0]), [{ a: 1 }, { b: 2 }]);
  });
}

await run('node-postgres', [manyClients, namedStatements, pooledTransactions, errorsAndAfter]);
