// What test_drivers_node.py hands over in the environment, and a way to fail clearly.
import assert from 'node:assert/strict';
import fs from 'node:fs';

const env = process.env;

export const mode = env.WEIR_MODE;
export const table = env.WEIR_TABLE;
export const clients = Number(env.WEIR_CLIENTS);
export const poolSize = Number(env.WEIR_POOL_SIZE);
export const ssl = env.WEIR_CA ? { ca: fs.readFileSync(env.WEIR_CA, 'utf8') } : false;
export const login = {
  host: env.WEIR_HOST,
  port: Number(env.WEIR_PORT),
  user: env.WEIR_USER,
  password: env.WEIR_PASSWORD,
  database: env.WEIR_DATABASE,
};

export const times = (count) => Array.from({ length: count }, (_, i) => i);
export const all = (count, work) => Promise.all(times(count).map(work));

export async function run(name, parts) {
  let now = '';
  const deadline = setTimeout(() => {
    console.error(`${name}: ${now}: not done within 50 s`);
    process.exit(2);
  }, 50000);
  for (const part of parts) {
    now = part.name;
    try {
      await part();
    } catch (error) {
      console.error(`${name}: ${part.name}: ${error.stack}`);
      process.exit(1);
    }
  }
  clearTimeout(deadline);
  console.log(`${name}: ${parts.length} parts ok`);
}

export { assert };
