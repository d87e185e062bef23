/** A whole server under chaos, with a planted fault where one is wanted. A program of streams.ts. */
import { startApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { wrapQueries } from './pg-wrapper.ts';
import { planter } from './plants.ts';
import { STREAM_PLANTS } from './streams-plants.ts';
import { endWithParent, serveParent } from './workers.ts';

export interface StreamsSettings {
  /** As for `npm start`. */
  env: Record<string, string>;
  plant: string | null;
}

export type StreamsQuestion = { kind: 'url' };

endWithParent();
const { env, plant } = JSON.parse(process.argv[2] ?? '{}') as StreamsSettings;
if (plant !== null) wrapQueries({ rewrite: planter(plant, STREAM_PLANTS) });
const config = readConfig({ ...process.env, ...env });
const app = await startApp({ config, log: createLog('error'), joinHome: false });
serveParent<StreamsQuestion>(
  async () => ({ url: app.url }),
  () => app.stop(),
);
