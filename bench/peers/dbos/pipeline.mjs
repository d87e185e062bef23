/**
 * The pipeline of ../../pipeline.ts on DBOS Transact: a workflow of five steps that each answer a kilobyte, at 1, 20
 * and 200 at once. Prints JSON. Its system database stands beside the bench's on the same server.
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import { measure, medianOf } from '../../measure.ts';

const { connectionString, smoke, runs } = JSON.parse(process.argv[2]);
const AT_ONCE = [1, 20, 200];
const KILOBYTE = 'x'.repeat(1_000);
const DATABASE = 'dbos_bench';

const admin = new pg.Client({ connectionString });
await admin.connect();
await admin.query(`CREATE DATABASE ${DATABASE}`);
await admin.end();

const pipeline = DBOS.registerWorkflow(
  async () => {
    let result = '';
    for (let step = 1; step <= 5; step++) {
      result = await DBOS.runStep(async () => KILOBYTE, { name: `step${step}` });
    }
    return result;
  },
  { name: 'pipeline' },
);

// A pool rather than a URL, since DBOS reads no URL of a Unix socket; as large as the one it makes itself.
const pool = new pg.Pool({
  connectionString: connectionString.replace(/\/[^/?]+\?/, `/${DATABASE}?`),
  max: 10,
});
pool.on('error', () => {});
DBOS.setConfig({ name: 'bench', systemDatabasePool: pool, logLevel: 'error' });
await DBOS.launch();

const run = async () => {
  const handle = await DBOS.startWorkflow(pipeline)();
  await handle.getResult();
};

const rows = [];
for (const atOnce of AT_ONCE) {
  const pieces = smoke ? Math.min(atOnce, 20) : Math.max(200, atOnce * 5);
  await measure(smoke ? 1 : Math.ceil(pieces / 2), atOnce, run);
  const measured = [];
  for (let turn = 0; turn < runs; turn++) measured.push(await measure(pieces, atOnce, run));
  rows.push({ atOnce, pipeline: medianOf(measured) });
}
await DBOS.shutdown();
await pool.end().catch(() => {});
process.stdout.write(JSON.stringify({ rows }));
