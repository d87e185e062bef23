/**
 * A process of its own that serves a test's database with the runtime, so that it can be killed, frozen and woken.
 * The program is `runtime-process.ts`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ActorEvent, SendAnswer, SpawnOptions } from '../index.ts';

export type Question =
  | { kind: 'spawn'; machine: string; key: string; options: SpawnOptions }
  | { kind: 'send'; address: string; events: ActorEvent[]; idempotencyKeys?: string[] }
  /** Answered when an attempt at this job has begun there. */
  | { kind: 'began'; job: string }
  /** Ends the attempts at a job, those to come too. */
  | { kind: 'finish'; job: string; done: string };

export class RuntimeProcess {
  readonly child: ChildProcess;
  #asked = 0;

  private constructor(child: ChildProcess) {
    this.child = child;
    // One for each question that is open.
    child.setMaxListeners(0);
  }

  /** Starts one, and waits until it serves. */
  static async start(connectionString: string): Promise<RuntimeProcess> {
    const program = fileURLToPath(new URL('runtime-process.ts', import.meta.url));
    const child = fork(program, [connectionString], { execArgv: [], stdio: ['ignore', 2, 2, 'ipc'] });
    await once(child, 'message');
    return new RuntimeProcess(child);
  }

  spawn(machine: string, key: string, options: SpawnOptions): Promise<string> {
    return this.#ask({ kind: 'spawn', machine, key, options });
  }

  /** Sends events without waiting for one before the next is sent. */
  send(address: string, events: ActorEvent[], idempotencyKeys?: string[]): Promise<SendAnswer[]> {
    return this.#ask({ kind: 'send', address, events, ...(idempotencyKeys && { idempotencyKeys }) });
  }

  began(job: string): Promise<void> {
    return this.#ask({ kind: 'began', job });
  }

  /** Not answered: it may be frozen. */
  finish(job: string, done: string): void {
    this.child.send({ id: 0, question: { kind: 'finish', job, done } satisfies Question });
  }

  /** `SIGKILL`: as the plug is pulled. `SIGSTOP` and `SIGCONT`: frozen and woken. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal);
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  #ask<Answer>(question: Question): Promise<Answer> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.child.off('message', onMessage);
        this.child.off('exit', onEnd);
      };
      const onEnd = () => {
        stop();
        reject(new Error(`the process ended before it answered ${JSON.stringify(question)}`));
      };
      const onMessage = (message: unknown) => {
        const answer = message as { id: number; answer?: Answer; error?: string };
        if (answer.id !== id) return;
        stop();
        if (answer.error === undefined) resolve(answer.answer as Answer);
        else reject(new Error(answer.error));
      };
      this.child.on('message', onMessage);
      this.child.once('exit', onEnd);
      this.child.send({ id, question });
    });
  }
}
