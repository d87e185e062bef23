/**
 * Faults that are planted to see whether the checker finds them: what the runtime says to Postgres is changed on its
 * way, in the worker. Each names a promise that is switched off. None of this is in the product.
 */
import type { Rewritten } from './pg-wrapper.ts';

export interface Plant {
  /** What is switched off, for a person. */
  what: string;
  find: RegExp;
  replace: string;
  /** Sent after what was changed. */
  followUp?: string;
}

/** So many revisions below are the journal's rows of this process that are still to be made good. */
const ASIDE = process.pid * 1_000_000;

export const PLANTS: Readonly<Record<string, Plant>> = {
  'revision-check': {
    what: 'the commit does not check the revision (R2)',
    find: / AND a\.revision = i\.expected/,
    replace: '',
  },
  'messages-stay': {
    what: 'messages that were taken are not deleted (R4)',
    find: /WHERE messages\.id = m\.id/,
    replace: 'WHERE false AND messages.id = m.id',
  },
  'jobs-stay': {
    what: 'jobs of timers that have fired are not deleted (R5)',
    find: /WHERE ctid = ANY \(ARRAY\(SELECT due\.place/,
    replace: 'WHERE false AND ctid = ANY (ARRAY(SELECT due.place',
  },
  'timers-forgotten': {
    what: 'a quarter of the timers is never looked for (R5)',
    find: /state = 'created' AND NOT blocked/g,
    replace: "state = 'created' AND NOT blocked AND id::text > '4'",
  },
  'no-takeover': {
    what: 'nobody takes over the effects of the dead (R7)',
    find: /e\.src = ANY\(\$2\)/g,
    replace: 'false AND e.src = ANY($2)',
  },
  'journal-later': {
    what: 'the journal is put right in a second transaction (R1)',
    find: /SELECT j\.address, j\.revision,/,
    replace: `SELECT j.address, j.revision - ${ASIDE},`,
    // What another process has left undone stays undone.
    followUp: `UPDATE journal SET revision = revision + ${ASIDE} WHERE revision BETWEEN -${ASIDE} AND 999999 - ${ASIDE}`,
  },
};

/** Rewrites statements as a plant wants it. */
export function planter(name: string, plants = PLANTS): (text: string) => Rewritten {
  const plant = plants[name];
  if (!plant) throw new Error(`there is no plant "${name}"`);
  return (text) => {
    const changed = text.replace(plant.find, plant.replace);
    return { text: changed, followUp: changed === text ? undefined : plant.followUp };
  };
}
