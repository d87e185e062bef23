/** What processes tell each other, and how it is cut to what Postgres takes. Not for when it is sent: `telling.ts`. */
import type { Address } from '../types.ts';

/** Postgres takes at most 8,000 bytes in a notice; the rest is for the names of its fields. */
const MAX_NOTICE_BYTES = 7_500;
/** So many of a kind are named, in several notices; of more it is said that they are many, and each looks for itself. */
const MAX_NAMED = 2_000;

/** One notice. */
export interface Notice {
  from: string;
  kind: 'hello' | 'greeting' | 'commit' | 'bye';
  /** The one process that is meant; all unless said. */
  to?: string;
  /** Null: too many to name. */
  addresses?: Address[] | null;
  /** Null: too many to name. */
  cancelled?: string[] | null;
  /** The nearest deadline that was committed, in milliseconds since 1970. */
  due?: number;
  /** Who has mail that the sender can't take for them. Null: too many to name. */
  mail?: Address[] | null;
}

const LISTS = ['addresses', 'cancelled', 'mail'] as const;
type List = (typeof LISTS)[number];

/** What is to be told of commits, gathered until it is sent. Each name is kept once, and no more than can be told. */
export class GatheredNews {
  readonly #named: Record<List, Set<string>> = {
    addresses: new Set(),
    cancelled: new Set(),
    mail: new Set(),
  };
  readonly #tooMany = new Set<List>();
  #due: number | undefined;

  add(list: List, names: readonly string[]): void {
    const named = this.#named[list];
    for (const name of names) {
      if (this.#tooMany.has(list)) return;
      named.add(name);
      if (named.size <= MAX_NAMED) continue;
      this.#tooMany.add(list);
      named.clear();
    }
  }

  addDue(due: number): void {
    this.#due = Math.min(this.#due ?? due, due);
  }

  /** The notices that tell it, in their order. */
  notices(from: string): Notice[] {
    const blank: Notice = { from, kind: 'commit', addresses: [], cancelled: [] };
    const first: Notice = structuredClone(blank);
    if (this.#due !== undefined) first.due = this.#due;
    for (const list of this.#tooMany) first[list] = null;
    const notices = [first];
    let bytes = bytesOf(first);
    for (const list of LISTS) {
      for (const name of this.#named[list]) {
        const more = bytesOf(name) + 1;
        if (bytes + more > MAX_NOTICE_BYTES) {
          notices.push(structuredClone(blank));
          bytes = bytesOf(blank);
        }
        bytes += more;
        const notice = notices.at(-1) as Notice;
        notice[list] ??= [];
        notice[list].push(name);
      }
    }
    return notices;
  }
}

function bytesOf(part: unknown): number {
  return Buffer.byteLength(JSON.stringify(part));
}

/** Undefined for one that is not ours. */
export function parseNotice(payload: string): Notice | undefined {
  try {
    const notice = JSON.parse(payload) as Notice | null;
    return typeof notice === 'object' && notice !== null ? notice : undefined;
  } catch {
    return undefined;
  }
}
