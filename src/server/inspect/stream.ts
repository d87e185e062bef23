/**
 * The live stream of the page: committed steps as server-sent events, from any cursor on. Each event's id is the
 * place to resume from, so a browser that reconnects by itself misses nothing and sees nothing twice.
 */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Caller } from '../auth.ts';
import { toErrorBody } from '../errors.ts';
import { mayTouch } from '../operations/authority.ts';
import { followSteps } from './feed.ts';
import type { InspectRoom } from './room.ts';
import { stepItem } from './views.ts';

/** Proxies and browsers give up on a silent stream; a comment this often keeps it. */
const heartbeatMs = 15_000;

export interface StreamOptions {
  caller: Caller;
  /** One actor; or else all of the owner's and, for an operator, of `system`. */
  address?: string;
  /** `<cursor>`, or `<cursor>~<cursor>` from an event's id; from now on when left out. */
  after?: string;
}

/**
 * Events: `ready` when the stream stands, `step` with a `Step`, `error` with an error body before it ends for good.
 * Throws `busy` when too many streams are open.
 */
export async function streamSteps(c: Context, room: InspectRoom, options: StreamOptions): Promise<Response> {
  const { system, charts, log } = room;
  const { caller, address } = options;
  const { owner, operator } = caller;
  const release = room.slots.take(owner);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  if (room.stopping.aborted) end();
  room.stopping.addEventListener('abort', end);
  const close = (): void => {
    room.stopping.removeEventListener('abort', end);
    end();
    release();
  };
  let places: string[];
  try {
    const after = options.after ?? (await system.inspectEnd());
    const [own = after, common = own] = after.split('~');
    // Own actors and the common ones are two reads, each with its own place.
    places = address === undefined && operator ? [own, common] : [own];
    // A place that is not of this journal is refused now, while there is still a status to refuse with.
    for (const place of places) await system.inspect({ after: place, owner, limit: 1 });
  } catch (error) {
    close();
    throw error;
  }
  const sources = address === undefined ? [{ owner }, { owner: 'system' }] : [{ address }];

  c.header('cache-control', 'no-store');
  c.header('x-accel-buffering', 'no');
  return streamSSE(c, async (stream) => {
    stream.onAbort(end);
    const heartbeat = setInterval(() => void stream.write(': still here\n\n'), heartbeatMs);
    try {
      await stream.writeSSE({ event: 'ready', id: places.join('~'), data: '{}' });
      await Promise.all(
        places.map(async (after, index) => {
          const source = sources[index];
          for await (const record of followSteps(system, { ...source, after, signal: ended.signal }, log)) {
            places[index] = record.cursor;
            if (!mayTouch(caller, record.owner)) continue;
            const data = JSON.stringify(stepItem(record, charts));
            await stream.writeSSE({ event: 'step', id: places.join('~'), data });
          }
        }),
      );
    } catch (error) {
      await stream.writeSSE({ event: 'error', data: JSON.stringify(toErrorBody(error, log)) });
    } finally {
      clearInterval(heartbeat);
      close();
    }
  });
}
