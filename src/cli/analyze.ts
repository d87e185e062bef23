/** `analyze`: starts an analysis and shows how far it is until it has ended. The run goes on without its watcher. */
import type { z } from 'zod';
import { type Run, type RunHead, waitingInWords } from '../server/operations/run-view.ts';
import { startAnalysis, waitRun } from '../server/operations/runs.ts';
import type { Client } from './client.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;
/** Short: only at its end is it said why a step does not go on. */
const waitSeconds = 4;

export type AnalysisRequest = z.input<typeof startAnalysis.input>;

/** Answers the run when it has ended. Progress goes to the terminal, beside the answer. */
export async function startAndWatch(
  client: Client,
  request: AnalysisRequest,
  terminal: Terminal,
): Promise<Run> {
  const { run: started, alreadyRunning } = await client.call(startAnalysis, request);
  terminal.note(
    `${alreadyRunning ? 'Already running: ' : ''}${printable(started.runId)}  (Ctrl-C leaves it running)`,
  );
  const progress = new ProgressLine(terminal);
  try {
    progress.show(started);
    for (let revision = started.revision; ; ) {
      const input = { runId: started.runId, afterRevision: revision, maxWaitSeconds: waitSeconds };
      const { run } = await client.call(waitRun, input);
      progress.show(run);
      if (run.status !== 'running') return run;
      revision = run.revision;
    }
  } finally {
    progress.end();
  }
}

/** Steps as they are taken: one line that turns on a terminal, plain lines elsewhere. */
class ProgressLine {
  readonly #terminal: Terminal;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #step = '';
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
    if (text !== this.#step) {
      this.#finishStep();
      this.#step = text;
      if (!this.#terminal.status) this.#terminal.note(text);
    }
    this.#showWaiting(printable(waitingInWords({ waiting }).join(' ')));
  }

  #showWaiting(words: string): void {
    if (words !== '' && words !== this.#waiting) {
      this.#terminal.status?.('');
      this.#terminal.note(`  ${this.#terminal.style('yellow', words)}`);
    }
    this.#waiting = words;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#finishStep();
    this.#terminal.status?.('');
  }

  #finishStep(): void {
    if (!this.#terminal.status || this.#step === '') return;
    this.#terminal.status('');
    this.#terminal.note(`✓ ${this.#step}`);
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % spinner.length;
    const seconds = Math.floor((performance.now() - this.#startedAt) / 1_000);
    this.#terminal.status?.(`${spinner[this.#frame]} ${this.#step}  ${seconds} s`);
  }
}
