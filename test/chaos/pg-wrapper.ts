/**
 * Stands between a worker and its driver: sees each statement before it is sent and after it was answered, and may
 * change its text. Of the tests only; the product has no hooks for faults.
 */
import pg from 'pg';

export interface Wrapping {
  /** What is sent instead. */
  rewrite?: (text: string) => string;
  before?: (text: string, name: string | undefined) => void;
  /** Before the one who asked sees the answer. */
  after?: (text: string, name: string | undefined) => void;
}

type Query = (this: pg.Client, ...args: unknown[]) => unknown;
interface Statement {
  text: string;
  name?: string;
}

/** From here on every statement of this process passes through here, of pools and of single connections. */
export function wrapQueries({ rewrite = (text) => text, before, after }: Wrapping): void {
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const { query } = prototype;
  prototype.query = function wrapped(...args) {
    const [first, ...rest] = args;
    const statement: Statement = typeof first === 'string' ? { text: first } : (first as Statement);
    const { text, name } = statement;
    const sent = rewrite(text);
    before?.(text, name);
    const asked = sent === text ? first : typeof first === 'string' ? sent : { ...statement, text: sent };
    const last = rest.at(-1);
    if (typeof last === 'function') {
      const answered = (...result: unknown[]) => {
        after?.(text, name);
        (last as (...result: unknown[]) => void)(...result);
      };
      return query.call(this, asked, ...rest.slice(0, -1), answered);
    }
    const answer = query.call(this, asked, ...rest);
    return answer instanceof Promise ? answer.finally(() => after?.(text, name)) : answer;
  };
}
