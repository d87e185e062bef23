/**
 * What an actor system is made of, put together: who is told of what by whom. Not for what it does (`system.ts`), nor
 * for what follows from a commit (`follow-up.ts`).
 */
import type { Pool } from 'pg';
import { PgBoss } from 'pg-boss';
import type { BatchWriter, CommittedBatch } from './commits/batch.ts';
import { Committer } from './commits/committer.ts';
import { EffectRunner } from './effects/effect-runner.ts';
import { FollowUp } from './follow-up.ts';
import { Peers } from './peers/peers.ts';
import { Queries } from './queries.ts';
import { Registry } from './registry/registry.ts';
import type { Item } from './steps/work.ts';
import { DatabaseClock } from './timers/clock.ts';
import { TimerQueue } from './timers/timer-batch.ts';
import { Timers } from './timers/timers.ts';
import type { Clock, EffectContext, RuntimeLog, SystemParts } from './types.ts';
import { DeadLetters } from './upkeep/dead-letters.ts';
import { quietIntervals } from './upkeep/housekeeping.ts';
import { Retention } from './upkeep/retention.ts';
import { Migrator } from './versions/migrator.ts';

export type SystemOptions = SystemParts & {
  pool: Pool;
  connectionString: string;
  /** Called when all is drained. */
  close?: () => Promise<void>;
};

export interface Parts {
  registry: Registry;
  boss: PgBoss;
  committer: Committer;
  timers: Timers;
  timerQueue: TimerQueue;
  runner: EffectRunner;
  peers: Peers;
  queries: Queries;
  deadLetters: DeadLetters;
  migrator: Migrator;
  retention: Retention;
  followUp: FollowUp;
  clock: Clock;
  log: RuntimeLog;
}

/** Throws `registration_refused`. Nothing is started. `calls` are the system's own, for effects. */
export function assemble(
  options: SystemOptions,
  { calls, onGone }: { calls: Pick<EffectContext, 'send' | 'spawn'>; onGone: () => void },
): Parts {
  const { pool } = options;
  const databaseClock = new DatabaseClock();
  const clock = options.clock ?? databaseClock;
  const log = options.log ?? silentLog;
  const { telemetry = {} } = options;
  const queries = new Queries(pool, clock);
  const registry = new Registry(options.machines, options.effects);
  const boss = new PgBoss({
    db: { executeSql: (text: string, values?: unknown[]) => pool.query(text, values) },
    schema: 'pgboss',
    ...quietIntervals,
    registerInstance: false,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'pg-boss reports an error'));
  const onCommitted = (committed: CommittedBatch) => followUp.committed(committed);
  const peers: Peers = new Peers({
    database: pool,
    connectionString: options.connectionString,
    log,
    events: {
      onNotice: (notice) => followUp.heard(notice),
      onCancelled: (effectIds) => (effectIds ? runner.cancel(effectIds) : followUp.look()),
      onDue: (due) => timers.hear(due),
      onMail: (mail) => followUp.deliver(mail),
      onMissed: () => followUp.look(),
      onTakenOver: (rows) => followUp.startEffects(rows),
      onGone,
      onLeaseLost: () => followUp.look(),
      abilities: () => ({
        machines: registry.allVersions,
        effects: options.effects.map(({ name }) => name),
      }),
      isBusy: () => runner.size > 0,
      onTime: (...told) => {
        if (clock === databaseClock && databaseClock.learn(...told)) timers.clockWasSet();
      },
    },
  });
  const writer: BatchWriter = {
    pool,
    registry,
    get processIds() {
      return peers.ids;
    },
    onEmitted: options.onEmitted,
    telemetry,
  };
  const timerQueue = new TimerQueue({ boss, writer, clock, log });
  const onFound = () => followUp.look();
  const timers: Timers = new Timers({ queue: timerQueue, clock, log, onCommitted, onFound });
  const now = () => new Date(clock.now());
  const committer: Committer = new Committer({ writer, log, now, onCommitted, onFound });
  const retention = new Retention({
    database: pool,
    machines: options.machines,
    now: () => clock.now(),
    log,
  });
  const deadLetters = new DeadLetters({ database: pool, registry, committer, log });
  const submit = (item: Item) => committer.submit(item);
  const migrator = new Migrator({ database: pool, registry, submit });
  const runner: EffectRunner = new EffectRunner({
    database: pool,
    registry,
    clock,
    log,
    processIds: () => peers.ids,
    calls,
    onOutcome: (row, outcome, trace) => followUp.effectEnded(row, outcome, trace),
    telemetry,
    onUnwanted: (row) => followUp.freeEffect(row),
  });
  const followUp: FollowUp = new FollowUp({
    pool,
    registry,
    log,
    committer,
    timers,
    runner,
    peers,
    retention,
  });
  return {
    ...{ registry, boss, committer, timers, timerQueue, runner, peers, queries, deadLetters, migrator },
    ...{ retention, followUp, clock, log },
  };
}

const silentLog: RuntimeLog = { debug() {}, info() {}, warn() {}, error() {} };
