/**
 * What is held at the broker, brought into an owner's positions: read whole, compared, and recorded in one statement.
 * Used by the door and by the effect of the machine `positionSync`. Not for who may read the accounts.
 *
 * A position is known again by its account, its contracts and when the broker first held them, so that the same
 * contract sold anew is another position, and one that grows is the same. What was put together otherwise before (a
 * second call over more shares) is replaced, not closed. What is held no longer is closed, without an amount: the
 * broker's list of positions does not say what it was closed for. What its owner closed with an amount stays closed,
 * held or not. Accounts that are not in the answer, and positions by hand or from a file, are left alone.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { BrokerPositions } from '../../machines/market.ts';
import type { NewPosition, Position, PositionLeg } from '../../persistence/records/positions.ts';
import type { Records } from '../../persistence/records/records.ts';
import type { SyncChanges, SyncedPosition } from '../../persistence/records/synced-positions.ts';
import { TtaiError } from '../runtime/index.ts';
import type { CallOptions } from './analysis-calls.ts';
import type { AnalysisClient } from './analysis-client.ts';
import { contractOf, type ListedLeg, tradesOf } from './trades.ts';

/** Legs are compared with one another, while everybody waits. */
const MAX_LEGS = 2_000;

export interface SyncRooms {
  analysis: Pick<AnalysisClient, 'brokerPositions'>;
  records: Pick<Records, 'syncedPositions' | 'openPositions' | 'applySync'>;
}

export type SyncChange = 'added' | 'updated' | 'closed' | 'replaced';

/** What one reading has changed, or would change. */
export interface SyncReport {
  asOf: string;
  source: string;
  unchanged: number;
  changes: { change: SyncChange; positionId: string | null; symbol: string; legs: readonly PositionLeg[] }[];
  /** Held, and neither share nor standard option. */
  left: { account: string; symbol: string; instrumentType: string; reason: string }[];
  /** Ids of open ones by hand or from a file that have the contracts of one at the broker: perhaps the same trade. */
  alsoRecorded: string[];
}

/** A trade at the broker. */
interface HeldTrade {
  /** `account.trade`, both hashed. */
  externalId: string;
  symbol: string;
  legs: PositionLeg[];
  openedAt: Date;
}

interface HeldLeg extends ListedLeg {
  openedAt: string;
  /** Its contract and when it was opened: what it is known by in its account. */
  name: string;
  /** What is listed twice is two: how many of its name come before it. */
  time: number;
}

/**
 * Reads the accounts and records the difference; with `dryRun` only tells it. New positions go to `portfolio`. Throws
 * the service's errors, and then nothing is changed.
 */
export async function syncPositions(
  { analysis, records }: SyncRooms,
  { owner, portfolio, dryRun = false }: { owner: string; portfolio: string; dryRun?: boolean },
  options: CallOptions = {},
): Promise<SyncReport> {
  // Before the broker is asked: what another reading adds meanwhile is not known here, and so not closed.
  const known = await records.syncedPositions(owner);
  const answer = await analysis.brokerPositions({ owner, ...options });
  const open = await records.openPositions(owner);
  const plan = planSync(answer, known);
  const added = plan.added.map((trade) => newPosition(trade, owner, portfolioOf(trade, plan) ?? portfolio));
  const changes: SyncChanges = {
    added,
    updated: plan.updated,
    closed: plan.closed.map(({ id }) => id),
    replaced: plan.replaced.map(({ id }) => id),
  };
  // Who has stopped it meanwhile gets no changes any more.
  options.signal?.throwIfAborted();
  const ids = dryRun
    ? new Map<string, string>()
    : await records.applySync(owner, changes, new Date(answer.asOf));
  const changed = (change: SyncChange) => (position: SyncedPosition) => ({
    ...{ change, positionId: position.id, symbol: position.symbol, legs: position.legs },
  });
  return {
    asOf: answer.asOf,
    source: answer.source,
    unchanged: plan.unchanged,
    changes: [
      ...plan.added.map(({ externalId, symbol, legs }) => ({
        ...{ change: 'added' as const, positionId: ids.get(externalId) ?? null, symbol, legs },
      })),
      ...plan.updated.map(changed('updated')),
      ...plan.closed.map(changed('closed')),
      ...plan.replaced.map(changed('replaced')),
    ],
    left: answer.accounts.flatMap(({ name, left }) => left.map((one) => ({ account: name, ...one }))),
    alsoRecorded: alsoRecorded(plan.held, open),
  };
}

export interface SyncPlan {
  held: readonly HeldTrade[];
  added: HeldTrade[];
  updated: SyncedPosition[];
  closed: SyncedPosition[];
  replaced: SyncedPosition[];
  unchanged: number;
}

/** The difference between what is held and what is known. Throws `too_many_positions`. */
export function planSync(
  { accounts }: Pick<BrokerPositions, 'accounts'>,
  known: readonly SyncedPosition[],
): SyncPlan {
  const count = accounts.reduce((sum, { legs }) => sum + legs.length, 0);
  if (count > MAX_LEGS) {
    throw new TtaiError(
      'too_many_positions',
      `The accounts hold ${count} contracts and shares; at most ${MAX_LEGS} can be followed.`,
    );
  }
  const held = accounts.flatMap(tradesOfAccount);
  const heldById = new Map(held.map((trade) => [trade.externalId, trade]));
  const knownIds = new Set(known.map(({ externalId }) => externalId));
  const contracts = new Map(accounts.map(({ number, legs }) => [keyOf(number), openingsOf(legs)]));
  const plan: SyncPlan = {
    held,
    added: held.filter(({ externalId }) => !knownIds.has(externalId)),
    updated: [],
    closed: [],
    replaced: [],
    unchanged: 0,
  };
  for (const position of known) {
    const trade = heldById.get(position.externalId);
    const account = contracts.get(accountKeyOf(position));
    if (position.status === 'closed') {
      if (trade) plan.unchanged += 1;
    } else if (trade) {
      if (sameLegs(trade.legs, position.legs)) plan.unchanged += 1;
      else plan.updated.push({ ...position, legs: trade.legs });
    } else if (account) {
      (isHeldStill(position, account) ? plan.replaced : plan.closed).push(position);
    }
  }
  return plan;
}

function tradesOfAccount({ number, legs }: BrokerPositions['accounts'][number]): HeldTrade[] {
  const listed = legs.map(({ symbol, openedAt, ...rest }): HeldLeg => {
    const leg = keptLeg(rest);
    const name = JSON.stringify([contractOf(symbol, leg), openedAt]);
    return { account: number, symbol, leg, position: '', openedAt, name, time: 0 };
  });
  // In an order of their own: the broker's may be another one each time, and decide between pairs that fit as well.
  listed.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  listed.forEach((one, index) => {
    const before = listed[index - 1];
    if (before?.name === one.name) one.time = before.time + 1;
  });
  return tradesOf(listed).map((trade) => {
    const said = trade.map(({ name, time }) => [name, time]).sort();
    const [first] = trade.map(({ openedAt }) => openedAt).sort();
    return {
      externalId: `${keyOf(number)}.${hash(JSON.stringify(said), 40)}`,
      symbol: trade[0]?.symbol ?? '',
      legs: trade.map(({ leg }) => leg),
      openedAt: new Date(first ?? 0),
    };
  });
}

function keptLeg(leg: Omit<BrokerPositions['accounts'][number]['legs'][number], 'symbol' | 'openedAt'>) {
  const { kind, right, strike, expiration, quantity, openPrice } = leg;
  const contract = right !== null && strike !== null && expiration !== null && { right, strike, expiration };
  return { kind, ...contract, quantity, openPrice } satisfies PositionLeg;
}

function newPosition({ externalId, symbol, legs, openedAt }: HeldTrade, owner: string, portfolio: string) {
  const position: NewPosition = {
    ...{ id: randomUUID(), owner, portfolio, symbol, legs, openedAt, externalId },
    source: 'tastytrade',
    note: null,
  };
  return position;
}

function alsoRecorded(held: readonly HeldTrade[], open: readonly Position[]): SyncReport['alsoRecorded'] {
  const trades = new Set(held.map(({ symbol, legs }) => namesOf(symbol, legs)));
  return open
    .filter(({ source, symbol, legs }) => source !== 'tastytrade' && trades.has(namesOf(symbol, legs)))
    .map(({ id }) => id);
}

/** Where the position stood that a trade replaces: it stays in its portfolio. */
function portfolioOf(trade: HeldTrade, { replaced }: SyncPlan): string | undefined {
  const contracts = new Set(trade.legs.map((leg) => contractOf(trade.symbol, leg)));
  return replaced.find(
    (position) =>
      accountKeyOf(position) === accountKeyOf(trade) &&
      position.legs.some((leg) => contracts.has(contractOf(position.symbol, leg))),
  )?.portfolio;
}

function accountKeyOf({ externalId }: Pick<SyncedPosition, 'externalId'>): string {
  return externalId.split('.')[0] ?? '';
}

/** When each contract of an account was opened, in milliseconds. */
function openingsOf(legs: BrokerPositions['accounts'][number]['legs']): Map<string, number> {
  return new Map(
    legs.map(({ symbol, openedAt, ...leg }) => [contractOf(symbol, keptLeg(leg)), Date.parse(openedAt)]),
  );
}

/** Each of its legs is there, and its oldest since then: it has not ended, but is put together otherwise. */
function isHeldStill({ symbol, legs, openedAt }: SyncedPosition, openings: Map<string, number>): boolean {
  const found = legs.map((leg) => openings.get(contractOf(symbol, leg)));
  return !found.includes(undefined) && found.includes(openedAt.getTime());
}

function namesOf(symbol: string, legs: readonly PositionLeg[]): string {
  return JSON.stringify(legs.map((leg) => contractOf(symbol, leg)).sort());
}

function sameLegs(a: readonly PositionLeg[], b: readonly PositionLeg[]): boolean {
  const written = (legs: readonly PositionLeg[]) =>
    JSON.stringify(
      legs
        .map((leg) => [contractOf('', leg), leg.quantity, leg.openPrice])
        .sort(([x], [y]) => (String(x) < String(y) ? -1 : 1)),
    );
  return written(a) === written(b);
}

/** An account's number is nobody's to read in a database. */
function keyOf(account: string): string {
  return hash(account, 12);
}

function hash(text: string, characters: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, characters);
}
