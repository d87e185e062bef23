/**
 * What follows from commits, of this process and of others: effects are started and aborted, timers armed, mailboxes
 * opened, other processes and listeners told. What was not told of is looked for in the database. Not for committing.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { waitingMailboxes } from '../../persistence/actors/messages.ts';
import { freeEffect, ownEffects } from '../../persistence/actors/processes.ts';
import type { EffectRow } from '../../persistence/actors/rows.ts';
import type { CommittedBatch } from './commits/batch.ts';
import type { Committer } from './commits/committer.ts';
import type { EffectRunner, Outcome } from './effects/effect-runner.ts';
import { machineOf, storableOutcome } from './incoming.ts';
import type { Peers } from './peers/peers.ts';
import type { Registry } from './registry/registry.ts';
import type { Work } from './steps/work.ts';
import type { TraceContext } from './telemetry.ts';
import type { Timers } from './timers/timers.ts';
import type { Address, CommitNotice, RuntimeLog } from './types.ts';
import type { Retention } from './upkeep/retention.ts';

/** A look that failed is tried again after this, of the wall clock: what it is for would be lost with it. */
const RETRY_MS = 300;

/** The parts of the system that a commit has something to do for. */
export interface FollowUpParts {
  pool: Pool;
  registry: Registry;
  log: RuntimeLog;
  committer: Committer;
  timers: Timers;
  runner: EffectRunner;
  peers: Peers;
  retention: Retention;
}

type HandOver = (address: Address) => void;

interface Opening {
  handOver: HandOver | undefined;
  /** Asked for since it began. */
  again: boolean;
}

export class FollowUp {
  readonly #parts: FollowUpParts;
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  readonly #stopped = new AbortController();
  /** Asked for since the last look began. */
  #mustLook = false;
  #looking: Promise<void> | undefined;
  /** The mailboxes that are being opened: each waits for its commit once. */
  readonly #opening = new Map<Address, Opening>();

  constructor(parts: FollowUpParts) {
    this.#parts = parts;
  }

  /** Resolves when nothing is being looked for; undefined when nothing is. */
  get looking(): Promise<void> | undefined {
    return this.#looking;
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts no more effects and looks for nothing more; resolves when a look under way has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#looking;
  }

  /** This process has committed. */
  committed(committed: CommittedBatch): void {
    const { committer, retention, runner, timers, peers } = this.#parts;
    const { works, effectsStarted, effectsCancelled, timersSet, jobsCancelled } = committed;
    for (const work of works) if (work.row) committer.known.learn(work.row);
    retention.note(works);
    runner.cancel(effectsCancelled);
    this.startEffects(effectsStarted);
    const due = timersSet.reduce(
      (least, timer) => Math.min(least, timer.due.getTime()),
      Number.POSITIVE_INFINITY,
    );
    timers.set(timersSet);
    timers.discard(jobsCancelled);
    this.deliver(new Set(works.flatMap((work) => mailboxesToOpen(work))), (address) =>
      peers.telling.mail(address),
    );
    if (works.some(isReleased)) peers.takeOrphans();
    const addresses = works.map(({ address }) => address);
    peers.telling.commit(addresses, effectsCancelled, due < Number.POSITIVE_INFINITY ? due : undefined);
    this.tell({ addresses });
  }

  /** Another process has committed; or notices of that were missed. */
  heard(notice: CommitNotice): void {
    this.#parts.committer.known.forget(notice.addresses);
    this.tell(notice);
  }

  /** Has actors look into their mailboxes. `handOver` is told of those whose mail this process can't take. */
  deliver(addresses: Iterable<Address>, handOver?: HandOver): void {
    for (const address of addresses) {
      const opening = this.#opening.get(address);
      if (!this.#parts.registry.find(machineOf(address))) handOver?.(address);
      else if (!opening) this.#open(address, handOver);
      else {
        // It may have been read already: it is opened once more, however often that is asked for meanwhile.
        opening.again = true;
        opening.handOver = handOver ?? opening.handOver;
      }
    }
  }

  #open(address: Address, handOver: HandOver | undefined): void {
    const { committer, log } = this.#parts;
    const opening: Opening = { handOver, again: false };
    this.#opening.set(address, opening);
    const opened = () => {
      this.#opening.delete(address);
      if (opening.again) this.#open(address, opening.handOver);
    };
    committer.submitInternal({ kind: 'mail', stepId: randomUUID(), address }).then(
      ({ answer }) => {
        opened();
        if (answer === null) opening.handOver?.(address);
      },
      (error: unknown) => {
        opened();
        log.error({ err: error, address }, 'messages were not taken');
      },
    );
  }

  startEffects(rows: readonly EffectRow[]): void {
    if (this.#stopped.signal.aborted) return;
    for (const row of rows) this.#parts.runner.start(row);
    if (rows.length > 0) this.#parts.peers.hasten();
  }

  /** Commits what became of an effect. Answers whether its actor took it. */
  async effectEnded(row: EffectRow, outcome: Outcome, trace: TraceContext | undefined): Promise<boolean> {
    const { committer, log } = this.#parts;
    const { address, effectId } = row;
    const stepId = randomUUID();
    try {
      const { answer } = await committer.submitInternal({
        kind: 'effect',
        stepId,
        address,
        effectId,
        outcome: storableOutcome(outcome),
        trace,
      });
      return answer !== null;
    } catch (error) {
      // The step threw, or could not be stored: the actor went on without it, and the event is a dead letter.
      log.warn({ err: error, address, effectId }, 'the result of an effect was a dead letter');
      return true;
    }
  }

  /** Mostly it was late, and its row is gone; or its actor can't be told from here, or not now. */
  freeEffect({ effectId }: EffectRow): void {
    const { pool, peers, log } = this.#parts;
    freeEffect(pool, peers.id, effectId).catch((error: unknown) => {
      log.warn({ err: error, effectId }, 'an effect could not be handed on');
      // Nobody else will run it while its row is this process's.
      this.look();
    });
  }

  /**
   * Brings this process in line with what is committed: notices were missed, or a commit happened of which we were not
   * told. Effects that are ours are started, those that are not are aborted; timers, mail and listeners look again.
   */
  look(): void {
    if (this.#stopped.signal.aborted) return;
    // What is asked for while a look is under way may be what that has passed already: another one follows.
    this.#mustLook = true;
    this.#looking ??= this.#lookUntilDone().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookUntilDone(): Promise<void> {
    const { signal } = this.#stopped;
    while (this.#mustLook && !signal.aborted) {
      this.#mustLook = false;
      try {
        await this.#lookOnce();
      } catch (error) {
        this.#parts.log.warn({ err: error }, 'could not look what was committed; trying again');
        this.#mustLook = true;
        await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #lookOnce(): Promise<void> {
    const { pool, timers, runner, peers } = this.#parts;
    timers.refresh();
    this.tell({ addresses: null });
    await runner.releaseLost(peers.ids);
    this.startEffects(await ownEffects(pool, peers.id));
    this.deliver(await waitingMailboxes(pool));
  }

  tell(notice: CommitNotice): void {
    for (const listener of this.#listeners) {
      try {
        listener(notice);
      } catch (error) {
        this.#parts.log.error({ err: error }, 'a listener for commits threw');
      }
    }
  }
}

/** Of a committed step: who has been sent something, and itself when it could not take all of its mail at once. */
function mailboxesToOpen(work: Work): Address[] {
  const { address, sent, taken, mailboxFull } = work;
  const more = (mailboxFull && taken.length > 0) || isReleased(work) ? [address] : [];
  return [...sent.map(({ to }) => to), ...more];
}

/** Out of quarantine: its mail and its effects have waited. */
function isReleased({ before, row }: Work): boolean {
  return before?.status === 'quarantined' && row?.status === 'active';
}
