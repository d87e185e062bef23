/** Whether the server will be able to listen, asked before anything slow is started. Not for listening (src/server). */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { LaunchError } from './errors.ts';

/** Throws LaunchError when another program has the port. Other trouble with the address is told by who listens. */
export async function requireFreePort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  probe.listen(port, host);
  try {
    await once(probe, 'listening');
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')) return;
    throw new LaunchError(
      `Port ${port} of ${host} is taken by another program. Stop that one, or choose another with PORT.`,
      { cause },
    );
  }
  probe.close();
  await once(probe, 'close');
}
