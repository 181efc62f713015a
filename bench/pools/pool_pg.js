/* pool_pg.js - node pg-pool's side of `script/bench pool`; pools.py says what is measured and how.
 * One thread: the takers are asynchronous functions.
 *
 *     node pool_pg.js MODULES PORT USER DATABASE take|fair|spike COUNT [SECONDS]
 */
'use strict';
const [modules, port, user, database, scenario, countText, secondsText] = process.argv.slice(2);
const { Pool } = require(modules + '/pg');
const count = Number(countText);
const seconds = Number(secondsText || 0);
const [size, idle, hold] = { take: [20, 20, 0], fair: [10, 10, 10], spike: [50, 5, 2] }[scenario];
const pool = new Pool({ host: '127.0.0.1', port: Number(port), user, database, max: size, ssl: false });
const now = () => Number(process.hrtime.bigint()) / 1e6;

async function taker(until) {
  const me = { count: 0, waitMax: 0, endedAt: 0 };
  do {
    const before = now();
    const client = await pool.connect();
    me.waitMax = Math.max(me.waitMax, now() - before);
    if (hold) {
      await new Promise((resolve) => setTimeout(resolve, hold));
    }
    client.release();
    me.count++;
  } while (now() < until);
  me.endedAt = now();
  return me;
}

async function main() {
  const warm = await Promise.all(Array.from({ length: idle }, () => pool.connect()));
  warm.forEach((client) => client.release());
  const start = now();
  const takers = await Promise.all(
    Array.from({ length: count }, () => taker(start + seconds * 1000)));
  let result;
  if (scenario === 'take') {
    const ops = takers.reduce((sum, me) => sum + me.count, 0);
    result = { ops, seconds: (now() - start) / 1000 };
  } else if (scenario === 'fair') {
    result = {
      counts: takers.map((me) => me.count),
      max_wait_ms: Math.max(...takers.map((me) => me.waitMax)),
    };
  } else {
    result = {
      ms: Math.max(...takers.map((me) => me.endedAt)) - start,
      connections: pool.totalCount,
    };
  }
  console.log(JSON.stringify(result));
  process.exit(0);
}

main();
