/** Faults of delivery that are planted to see whether the checker of streams finds them; see plants.ts. */
import type { Plant } from './plants.ts';

export const STREAM_PLANTS: Readonly<Record<string, Plant>> = {
  'repeats-after-reconnect': {
    what: 'a client that comes back is served from one before what it has',
    find: /SELECT last_seq FROM notification_counters/,
    replace: 'SELECT last_seq - 1 AS last_seq FROM notification_counters',
  },
  'shared-read-skips': {
    what: 'of those who share a read, all but the first miss a notification',
    find: /seq > asked\.after_seq/,
    replace: 'seq > asked.after_seq + least(asked.position - 1, 1)',
  },
  'deaf-server': {
    what: 'a server hears of no new notification',
    find: /^LISTEN "?ttai_notifications"?$/,
    replace: 'LISTEN nothing',
  },
};
