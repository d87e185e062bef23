/** Shows how far a run is until it has ended. The run goes on without its watcher. */
import type { z } from 'zod';
import { TtaiError } from '../actors/runtime/errors.ts';
import { type Run, type RunHead, waitingInWords } from '../server/operations/run-view.ts';
import { waitRun } from '../server/operations/runs.ts';
import type { started } from '../server/operations/started-run.ts';
import type { Client } from './client.ts';
import { printable } from './printable.ts';
import { localTimes, type Terminal } from './terminal.ts';

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;
/** Short: only at its end is it said why a step does not go on. */
const waitSeconds = 4;
const barWidth = 24;

/** Answers the run when it has ended. Progress goes to the terminal, beside the answer. */
export async function watchRun(
  client: Client,
  { run: begun, alreadyRunning }: z.output<typeof started>,
  terminal: Terminal,
): Promise<Run> {
  terminal.note(
    `${alreadyRunning ? 'Already running: ' : ''}${printable(begun.runId)}  (Ctrl-C leaves it running)`,
  );
  const progress = new ProgressLine(terminal);
  try {
    progress.show(begun);
    for (let revision = begun.revision; ; ) {
      const input = { runId: begun.runId, afterRevision: revision, maxWaitSeconds: waitSeconds };
      const { run } = await client.call(waitRun, input).catch((error: unknown) => {
        throw leftRunning(error, begun.runId);
      });
      progress.show(run);
      if (run.status !== 'running') return run;
      revision = run.revision;
    }
  } finally {
    progress.end();
  }
}

/** The error of a server that is away: the run goes on without it, and without who watched it. */
function leftRunning(error: unknown, runId: string): unknown {
  if (!(error instanceof TtaiError && (error.retryable || error.code === 'server_unreachable'))) return error;
  const { code, message, retryable, details } = error;
  const hint = `The run ${runId} goes on when the server is back: "npm run ttai -- run ${runId} --wait" shows it.`;
  return new TtaiError(code, message, { retryable, details: { ...details, hint }, cause: error });
}

/** Steps as they are taken: one line that turns on a terminal, plain lines elsewhere. */
class ProgressLine {
  readonly #terminal: Terminal;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #step = '';
  #text = '';
  #bar = '';
  #waiting = '';
  #frame = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    if (terminal.status) this.#timer = setInterval(() => this.#draw(), frameMs);
  }

  show({ step, progress, status, waiting = [] }: RunHead & Partial<Pick<Run, 'waiting'>>): void {
    const isWhole = status === 'completed' || status === 'rejected';
    const words = isWhole ? 'Done' : status === 'running' ? step : null;
    if (!words) return;
    const text = `${progress ? `${progress.done}/${progress.total}  ` : ''}${printable(words)}`;
    if (text !== this.#text) {
      if (words !== this.#step) this.#finishStep();
      this.#step = words;
      this.#text = text;
      this.#bar = progress ? `${barOf(progress)} ` : '';
      if (!this.#terminal.status) this.#terminal.note(text);
    }
    this.#showWaiting(printable(waitingInWords({ waiting }).join(' ')));
  }

  #showWaiting(words: string): void {
    if (words !== '' && words !== this.#waiting) {
      this.#terminal.status?.('');
      this.#terminal.note(`  ${this.#terminal.style('yellow', localTimes(words))}`);
    }
    this.#waiting = words;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#finishStep();
    this.#terminal.status?.('');
  }

  #finishStep(): void {
    if (!this.#terminal.status || this.#text === '') return;
    this.#terminal.status('');
    this.#terminal.note(`✓ ${this.#text}`);
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % spinner.length;
    const seconds = Math.floor((performance.now() - this.#startedAt) / 1_000);
    this.#terminal.status?.(`${spinner[this.#frame]} ${this.#bar}${this.#text}  ${seconds} s`);
  }
}

function barOf({ done, total }: { done: number; total: number }): string {
  const filled = Math.round((barWidth * Math.min(done, total)) / total);
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
}
