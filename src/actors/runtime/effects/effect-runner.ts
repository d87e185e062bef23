/**
 * Runs effects: attempts with a timeout, retries with backoff, cancellation. Their rows are committed by the step that
 * starts them; their results go back as items of the committer.
 *
 * Not for how many run at once (`places.ts`), nor for whether there is another attempt (`next-attempt.ts`), nor for
 * taking over from processes that died: that is `peers.ts`, which hands the rows over.
 */
import { keptEffects, noteAttempt } from '../../../persistence/actors/processes.ts';
import type { EffectRow } from '../../../persistence/actors/rows.ts';
import type { Database } from '../../../persistence/database.ts';
import { type PlainError, TtaiError, toPlainError } from '../errors.ts';
import type { Registry } from '../registry/registry.ts';
import type { SystemLoad, Telemetry, TraceContext } from '../telemetry.ts';
import type { Clock, Effect, EffectContext, RuntimeLog } from '../types.ts';
import { isAway, runOnce } from './attempt.ts';
import { type Attempts, delayToNext, refusalToResume } from './next-attempt.ts';
import { type ObservedAttempt, observeAttempt } from './observed-attempt.ts';
import { Places } from './places.ts';

/** An end and the news of the start that it overtook are never so many ends apart. */
const MAX_ENDED = 10_000;

export type Outcome = { output: unknown } | { error: PlainError };

interface Running extends Attempts {
  row: EffectRow;
  declared: Effect;
  /** Aborts the attempt that runs now, or stops the waiting for the next one. */
  cancel: (reason: string) => void;
  /** Of the latest attempt. */
  trace: TraceContext | undefined;
}

export interface EffectRunnerOptions {
  database: Database;
  registry: Registry;
  clock: Clock;
  log: RuntimeLog;
  /** By which this process runs effects now: what has been taken from it is not its to note. */
  processIds: () => readonly string[];
  /** The system's own, for effects. */
  calls: Pick<EffectContext, 'send' | 'spawn'>;
  /** Resolves when the outcome is committed; with false when its actor did not take it. */
  onOutcome: (row: EffectRow, outcome: Outcome, trace: TraceContext | undefined) => Promise<boolean>;
  /** It has ended, does not run here any more, and its actor did not take the outcome. */
  onUnwanted: (row: EffectRow) => void;
  telemetry: Telemetry;
}

export class EffectRunner {
  readonly #database: Database;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #log: RuntimeLog;
  readonly #processIds: () => readonly string[];
  readonly #calls: EffectRunnerOptions['calls'];
  readonly #onOutcome: EffectRunnerOptions['onOutcome'];
  readonly #onUnwanted: EffectRunnerOptions['onUnwanted'];
  readonly #telemetry: Telemetry;
  readonly #running = new Map<string, Running>();
  readonly #places = new Places(() => this.#tellIdle());
  /** Those whose attempt runs now. */
  readonly #active = new Set<Running>();
  /** The effects that ended last, with their actor's leave: the news of their start may come, or be read, after that. */
  readonly #ended = new Set<string>();
  /** Failed attempts that are being noted. */
  readonly #noting = new Set<Promise<void>>();
  #stopped = false;
  #idle: { leaveRunning: readonly string[]; resolve: () => void }[] = [];

  constructor(options: EffectRunnerOptions) {
    this.#database = options.database;
    this.#registry = options.registry;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#processIds = options.processIds;
    this.#calls = options.calls;
    this.#onOutcome = options.onOutcome;
    this.#telemetry = options.telemetry;
    this.#onUnwanted = options.onUnwanted;
  }

  /** Effects that run or wait for their next attempt here. */
  get size(): number {
    return this.#running.size;
  }

  /** The attempts that run, in words; those of the effects named are not counted. */
  busyWith(leaveRunning: readonly string[]): string[] {
    const counted = [...this.#active].filter(({ declared }) => !leaveRunning.includes(declared.name));
    const running = counted.map(({ declared, row }) => `the effect ${declared.name} of ${row.address} runs`);
    return this.#noting.size > 0 ? [...running, 'a failed attempt is being noted'] : running;
  }

  /** Resolves when no attempt runs. What waits for its next attempt does not count. */
  idle(leaveRunning: readonly string[] = []): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push({ leaveRunning, resolve });
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.#idle.length === 0) return;
    const waiting = this.#idle;
    this.#idle = waiting.filter(({ leaveRunning }) => this.busyWith(leaveRunning).length > 0);
    for (const one of waiting) if (!this.#idle.includes(one)) one.resolve();
  }

  /** By effect, what runs and what waits. */
  load(): SystemLoad['effects'] {
    const load = new Map<string, { running: number; waiting: number }>();
    for (const running of this.#running.values()) {
      const { name } = running.declared;
      const { running: runs, waiting } = load.get(name) ?? { running: 0, waiting: 0 };
      const active = this.#active.has(running) ? 1 : 0;
      load.set(name, { running: runs + active, waiting: waiting + 1 - active });
    }
    return load;
  }

  /** Starts a committed effect, or goes on with one that another process began. */
  start(row: EffectRow): void {
    if (this.#stopped || this.#running.has(row.effectId) || this.#ended.has(row.effectId)) return;
    const declared = this.#registry.effect(row.src);
    if (!declared) return;
    const running: Running = {
      row,
      declared,
      cancel: () => {},
      attempts: row.attempt,
      unreachable: 0,
      trace: undefined,
    };
    this.#running.set(row.effectId, running);
    const now = this.#clock.now();
    const refusal = refusalToResume(row, declared, now);
    if (refusal) this.#finish(running, { error: toPlainError(refusal) });
    else this.#schedule(running, row.dueAt.getTime() - now);
  }

  /** Their actors took their results or left their states: their rows are gone. Aborts those that run still. */
  cancel(effectIds: readonly string[]): void {
    for (const effectId of effectIds) {
      const running = this.#running.get(effectId);
      if (running) this.#abort(running);
      this.#remember(effectId);
    }
  }

  #abort(running: Running): void {
    this.#forget(running);
    running.cancel('cancelled');
  }

  #remember(effectId: string): void {
    this.#ended.add(effectId);
    if (this.#ended.size <= MAX_ENDED) return;
    const [oldest] = this.#ended;
    if (oldest !== undefined) this.#ended.delete(oldest);
  }

  /** Aborts what this process no longer owns: it was taken over, or cancelled while notices were missed. */
  async releaseLost(processIds: readonly string[]): Promise<void> {
    const before = [...this.#running];
    if (before.length === 0) return;
    const ids = before.map(([id]) => id);
    const kept = await keptEffects(this.#database, processIds, ids);
    // What has ended meanwhile is not remembered as cancelled: it may come back to this process.
    for (const [id, running] of before) {
      if (!kept.has(id) && this.#running.get(id) === running) this.#abort(running);
    }
  }

  /** No new attempts; resolves when those that run are finished, or aborts them when the time is over. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    for (const running of this.#running.values()) {
      if (!this.#active.has(running)) running.cancel('draining');
    }
    const over = setTimeout(() => {
      for (const running of this.#running.values()) running.cancel('draining');
    }, timeoutMs);
    await this.idle();
    clearTimeout(over);
  }

  #schedule(running: Running, delayMs: number): void {
    if (delayMs <= 0) {
      this.#enter(running);
      return;
    }
    running.cancel = this.#clock.schedule(delayMs, () => this.#enter(running));
  }

  /** Takes a place among those of this effect that run at once, or waits for one. */
  #enter(running: Running): void {
    const { name, concurrency } = running.declared;
    const giveUp = this.#places.enter(name, concurrency, running.row.owner, async () => {
      this.#active.add(running);
      try {
        await this.#attempt(running);
      } catch (error) {
        this.#log.error({ err: error, effect: name }, 'an effect attempt failed in the runner');
        // Its actor must hear of it all the same.
        this.#finish(running, { error: toPlainError(error) });
      } finally {
        this.#active.delete(running);
      }
    });
    if (giveUp) running.cancel = giveUp;
  }

  async #attempt(running: Running): Promise<void> {
    const { row, declared } = running;
    const controller = new AbortController();
    let cancelled: string | undefined;
    running.cancel = (reason) => {
      cancelled = reason;
      controller.abort(new TtaiError('cancelled', `the effect was ${reason}`));
    };
    const attempt = running.attempts + running.unreachable + 1;
    const observed = observeAttempt(this.#telemetry, this.#log, row, attempt);
    running.trace = observed.trace;
    const over = setTimeout(
      () =>
        controller.abort(
          new TtaiError('timeout', `no answer within ${declared.timeoutMs} ms`, { retryable: true }),
        ),
      declared.timeoutMs,
    );
    try {
      const { signal } = controller;
      const now = () => new Date(this.#clock.now());
      const given = { signal, attempt, now, ...this.#calls };
      const output = await observed.run(() => runOnce(declared, row, given));
      const isWanted = cancelled === undefined || cancelled === 'draining';
      observed.ended(isWanted ? 'done' : 'cancelled');
      if (isWanted) this.#finish(running, { output });
    } catch (error) {
      if (cancelled !== undefined) observed.ended('cancelled');
      else this.#failed(running, error, observed, controller.signal.aborted);
    } finally {
      clearTimeout(over);
    }
  }

  /** It counts as running here until its outcome is committed, so that nobody starts it again meanwhile. */
  #finish(running: Running, outcome: Outcome): void {
    if (!this.#running.has(running.row.effectId)) return;
    // The step that takes the outcome ends the effect: nothing is left to abort.
    running.cancel = () => {};
    const { row, trace } = running;
    const committed = this.#onOutcome(row, outcome, trace).catch((error: unknown) => {
      this.#log.error({ err: error, ...row }, 'the outcome of an effect was lost');
      return true;
    });
    void committed.then((taken) => {
      this.#forget(running);
      if (!taken) this.#onUnwanted(row);
    });
  }

  #forget(running: Running): void {
    if (this.#running.get(running.row.effectId) === running) this.#running.delete(running.row.effectId);
  }

  #failed(running: Running, error: unknown, observed: ObservedAttempt, timedOut: boolean): void {
    const { row, declared } = running;
    const plain = toPlainError(error);
    const away = isAway(error);
    if (away) running.unreachable++;
    else running.attempts++;
    const leftMs = row.deadlineAt.getTime() - this.#clock.now();
    const delayMs = delayToNext(error, away, running, declared, leftMs);
    const outcome = delayMs === null ? 'failed' : 'retried';
    observed.ended(timedOut ? 'timed_out' : away ? 'away' : outcome, {
      code: plain.code,
      gaveUp: delayMs === null,
    });
    if (delayMs === null) {
      this.#finish(running, { error: plain });
      return;
    }
    const dueAt = this.#clock.now() + delayMs;
    this.#log.info(
      { effect: declared.name, address: row.address, code: plain.code, delayMs },
      'an effect failed and is tried again',
    );
    const noted = { attempt: running.attempts, dueAt: new Date(dueAt), lastError: plain };
    const noting = noteAttempt(this.#database, this.#processIds(), row.effectId, noted)
      .then((isOurs) => {
        // It has been taken over, or its state was left: there is nothing more to do for it here.
        if (!isOurs && this.#running.get(row.effectId) === running) this.#abort(running);
      })
      .catch((noteError: unknown) => this.#log.debug({ err: noteError }, 'a failed attempt was not noted'))
      .finally(() => {
        this.#noting.delete(noting);
        this.#tellIdle();
      });
    this.#noting.add(noting);
    if (!this.#stopped && this.#running.has(row.effectId)) this.#schedule(running, delayMs);
  }
}
