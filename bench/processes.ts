/** Child processes of a bench, that are asked over IPC. Not for what they do. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { undoAtExit } from '../test/undo-at-exit.ts';

export interface BenchProcess {
  readonly child: ChildProcess;
  /** Sends a question and resolves with its answer; one at a time. Rejects when the process ends instead. */
  ask<Answer>(question: object): Promise<Answer>;
  /** Asks it to end, and waits. */
  end(): Promise<void>;
}

/** Starts a file of this folder with `--expose-gc`. It is told `settings` in `argv`, as JSON. */
export function startProcess(file: string, settings: object): BenchProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(settings)], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.once(
    'exit',
    undoAtExit(() => child.kill('SIGKILL')),
  );
  const ask = <Answer>(question: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const onEnd = () => reject(new Error(`${file} ended before it answered ${JSON.stringify(question)}`));
      child.once('exit', onEnd);
      child.once('message', (answer) => {
        child.off('exit', onEnd);
        resolve(answer as Answer);
      });
      child.send(question);
    });
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.disconnect();
    await ended;
  };
  return { child, ask, end };
}

/** The other side: answers each question, and calls `end` when nobody asks any more. */
export function answerQuestions<Question>(
  answer: (question: Question) => Promise<object>,
  end: () => Promise<void>,
): void {
  process.on('message', (question) => {
    answer(question as Question).then(
      (answered) => process.send?.(answered),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.once('disconnect', () => {
    void end().finally(() => process.exit());
  });
}
