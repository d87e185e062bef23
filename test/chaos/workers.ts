/**
 * Worker processes of the chaos commands, and asking them over IPC: many questions at a time. Both sides. Not for what
 * they do, nor for when they are killed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PlainError, TtaiError, toPlainError } from '../../src/actors/runtime/errors.ts';
import { undoAtExit } from '../undo-at-exit.ts';

/** The worker ended before it answered; whether it did what was asked is not known. */
export class WorkerEnded extends Error {}

const COMPILE_CACHE = join(tmpdir(), `ttai-chaos-compiled-${process.version}`);

interface Waiting {
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
}

type Message =
  | { kind: 'ready' }
  | { kind: 'answer'; id: number; answer: unknown }
  | { kind: 'error'; id: number; error: PlainError };

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A worker, seen from the parent. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  /** Resolves when it serves; false when it ended before. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<Ended>;
  #asked = 0;
  #hasEnded = false;

  /** Starts a file of this folder. It is told `settings` as JSON in its arguments. */
  constructor(file: string, settings: object) {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(settings)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Hundreds are started, and each would compile the same files.
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
    });
    this.#child = child;
    // One that is frozen does not see that its parent is gone.
    const forget = undoAtExit(() => child.kill('SIGKILL'));
    const ready = Promise.withResolvers<boolean>();
    const ended = Promise.withResolvers<Ended>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    // A message to one that was killed meanwhile.
    child.on('error', () => {});
    child.on('message', (message) => this.#receive(message as Message, ready.resolve));
    child.once('exit', (code, signal) => {
      this.#hasEnded = true;
      forget();
      ready.resolve(false);
      for (const { reject } of this.#waiting.values()) reject(new WorkerEnded('the worker ended'));
      this.#waiting.clear();
      ended.resolve({ code, signal });
    });
  }

  get isAlive(): boolean {
    return !this.#hasEnded;
  }

  /** Rejects with WorkerEnded, or with the TtaiError that it answers. */
  ask<Answer>(question: object): Promise<Answer> {
    if (this.#hasEnded) return Promise.reject(new WorkerEnded('the worker has ended'));
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
      this.#child.send({ id, question });
    });
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#child.kill(signal);
  }

  /** Asks it to go, and waits. */
  async end(): Promise<Ended> {
    if (!this.#hasEnded && this.#child.connected) this.#child.disconnect();
    return this.ended;
  }

  #receive(message: Message, onReady: (served: boolean) => void): void {
    if (message.kind === 'ready') {
      onReady(true);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'answer') waiting?.resolve(message.answer);
    else waiting?.reject(toError(message.error));
  }
}

function toError({ code, message, retryable, details }: PlainError): TtaiError {
  return new TtaiError(code, message, { retryable, ...(details && { details }) });
}

/** The worker's side, at its very start: until it serves, it ends at once when its parent is gone. */
export function endWithParent(): void {
  process.once('disconnect', endAtOnce);
}

function endAtOnce(): void {
  process.exit(1);
}

/** The worker's side: says that it serves, answers each question, and calls `end` when its parent is gone. */
export function serveParent<Question>(
  answer: (question: Question) => Promise<unknown>,
  end: () => Promise<void>,
): void {
  const say = (message: Message) => process.connected && process.send?.(message);
  process.on('message', (asked) => {
    const { id, question } = asked as { id: number; question: Question };
    answer(question).then(
      (answered) => say({ kind: 'answer', id, answer: answered ?? null }),
      (error: unknown) => say({ kind: 'error', id, error: toPlainError(error) }),
    );
  });
  process.off('disconnect', endAtOnce);
  process.once('disconnect', () => {
    void end().finally(() => process.exit());
  });
  say({ kind: 'ready' });
}
