/**
 * Stands between a worker and its driver: sees each statement before it is sent and after it was answered, may change
 * its text, and may have it wait for its turn. Of the tests only; the product has no hooks for faults.
 */
import pg from 'pg';
import type { Turns } from './turns.ts';

export interface Rewritten {
  text: string;
  /** Sent after it, on the same connection, before the one who asked sees the answer. */
  followUp?: string | undefined;
}

export interface Wrapping {
  /** What is sent instead. */
  rewrite?: ((text: string) => Rewritten) | undefined;
  before?: (text: string, name: string | undefined) => void;
  /** Before the one who asked sees the answer. */
  after?: (text: string, name: string | undefined) => void;
  /** Statements, new connections and notices wait here. */
  turns?: Turns;
  /** Of a statement that comes by time: it waits until nothing is under way, or it would change what meets what. */
  comesByTime?: (text: string) => boolean;
  /** After whoever listens has taken it. */
  notified?: (payload: string) => void;
}

type Answered = (error: Error | null | undefined, result?: unknown) => void;
interface Statement {
  text: string;
  name?: string;
}
interface Prototype {
  query(this: pg.Client, ...args: unknown[]): unknown;
  connect(this: pg.Client, callback?: Answered): unknown;
  emit(this: pg.Client, event: string, ...args: unknown[]): boolean;
}

const prototype = pg.Client.prototype as unknown as Prototype;

/** From here on every statement of this process passes through here, of pools and of single connections. */
export function wrapQueries(wrapping: Wrapping): void {
  const { rewrite, before, after, turns, comesByTime, notified } = wrapping;
  const { query } = prototype;
  prototype.query = function wrapped(first, ...rest) {
    const statement: Statement = typeof first === 'string' ? { text: first } : (first as Statement);
    const { text, name } = statement;
    const { text: sent, followUp } = rewrite?.(text) ?? { text, followUp: undefined };
    const asked = typeof first === 'string' ? sent : { ...statement, text: sent };
    const values = rest.filter((one) => typeof one !== 'function' && one !== undefined);
    return answering(rest.at(-1), (answered) => {
      const send = (end: () => void) => {
        before?.(text, name);
        query.call(this, asked, ...values, (error: Error | null, result: unknown) => {
          after?.(text, name);
          const finish = () => {
            end();
            answered(error, result);
          };
          if (followUp === undefined || error) finish();
          else query.call(this, followUp, finish);
        });
      };
      if (!turns) send(() => {});
      else if (comesByTime?.(text)) turns.whenStill(() => turns.take(this, text, send));
      else turns.take(this, text, send);
    });
  };
  if (turns) wrapConnections(turns, notified);
}

function wrapConnections(turns: Turns, notified: Wrapping['notified']): void {
  const { connect, emit } = prototype;
  prototype.connect = function wrapped(callback) {
    return answering(callback, (answered) =>
      turns.take(this, 'CONNECT', (end) =>
        connect.call(this, (error) => {
          end();
          answered(error, this);
        }),
      ),
    );
  };
  prototype.emit = function wrapped(event, ...args) {
    if (event !== 'notification') return emit.call(this, event, ...args);
    turns.whenStill(() => {
      emit.call(this, event, ...args);
      notified?.((args[0] as pg.Notification).payload ?? '');
    });
    return true;
  };
}

/** Asks for something as the driver is asked: with a callback, or for a promise. */
function answering(callback: unknown, ask: (answered: Answered) => void): Promise<unknown> | undefined {
  if (typeof callback === 'function') {
    ask(callback as Answered);
    return undefined;
  }
  return new Promise((resolve, reject) => {
    ask((error, result) => (error ? reject(error) : resolve(result)));
  });
}
