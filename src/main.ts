/** `npm start`: reads the settings and serves. The parts are put together in app.ts. */
import { readConfig } from './config.ts';
import { explain, serve } from './serve.ts';

async function main(): Promise<number> {
  try {
    return await serve({ config: readConfig(process.env) });
  } catch (error) {
    return explain(error);
  }
}

process.exit(await main());
