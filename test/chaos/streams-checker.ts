/**
 * The rules for what clients of sessions were sent, over all their connections: nothing left out, nothing twice, in
 * order, and in the end everything. Pure. Not for making trouble; that is streams.ts.
 */

/** What one client saw, in order. `said`: the last number that it had when it said hello; null for a new session. */
export type Seen =
  | { kind: 'welcome'; said: number | null; lastSeq: number; sessionId: string }
  | { kind: 'notification'; seq: number; id: string }
  | { kind: 'lost'; code: string };

export interface ClientHistory {
  name: string;
  owner: string;
  seen: readonly Seen[];
}

export interface StreamViolation {
  rule:
    | 'no gap'
    | 'no repeat'
    | 'begins where the client is'
    | "the owner's own"
    | 'session kept'
    | 'all arrive';
  words: string;
}

export interface CheckOptions {
  /** Of each owner the ids of its notifications; the first has the number 1. */
  told: ReadonlyMap<string, readonly string[]>;
  /** Everything had its time to arrive. */
  settled: boolean;
}

export function checkStreams(clients: readonly ClientHistory[], options: CheckOptions): StreamViolation[] {
  return clients.flatMap((client) => checkClient(client, options));
}

/** The last number that it has; null before its first welcome. */
export function lastSeqOf({ seen }: ClientHistory): number | null {
  let last: number | null = null;
  for (const one of seen) {
    if (one.kind === 'welcome') last ??= one.lastSeq;
    if (one.kind === 'notification') last = Math.max(last ?? 0, one.seq);
  }
  return last;
}

function checkClient(client: ClientHistory, { told, settled }: CheckOptions): StreamViolation[] {
  const violations: StreamViolation[] = [];
  const broken = (rule: StreamViolation['rule'], words: string) =>
    violations.push({ rule, words: `${client.name}: ${words}` });
  const ids = told.get(client.owner) ?? [];
  let last: number | null = null;
  let sessionId: string | null = null;
  for (const one of client.seen) {
    if (one.kind === 'lost') {
      broken('session kept', `came back to its session, and was told ${one.code}`);
    } else if (one.kind === 'welcome') {
      if (one.said !== null && one.lastSeq !== one.said) {
        broken('begins where the client is', `said ${one.said} and is to go on after ${one.lastSeq}`);
      }
      if (sessionId !== null && one.sessionId !== sessionId) broken('session kept', 'got another session');
      sessionId = one.sessionId;
      last ??= one.lastSeq;
    } else {
      if (last !== null && one.seq <= last) broken('no repeat', `${one.seq} came after ${last}`);
      if (last !== null && one.seq > last + 1) broken('no gap', `${one.seq} came after ${last}`);
      if (ids[one.seq - 1] !== one.id) {
        broken("the owner's own", `${one.seq} is ${one.id} and not ${ids[one.seq - 1]}`);
      }
      last = Math.max(last ?? 0, one.seq);
    }
  }
  if (settled && last !== ids.length) broken('all arrive', `has ${last} of ${ids.length} in the end`);
  return violations;
}
