/** What starting a run answers, whatever its kind. */
import { z } from 'zod';
import type { Address } from '../../actors/runtime/types.ts';
import type { OperationSystem } from './operation.ts';
import { runHead, runHeadOf, runInWords } from './run-view.ts';

export const started = z.object({ run: runHead, alreadyRunning: z.boolean() });
type Started = z.output<typeof started>;

/** The run at the address that spawning answered; `asked`: the one that a new run would have got. */
export async function startedRun(
  system: Pick<OperationSystem, 'snapshot'>,
  address: Address,
  asked: Address,
): Promise<Started> {
  const actor = await system.snapshot(address);
  return { run: runHeadOf(actor), alreadyRunning: address !== asked && actor.status === 'active' };
}

export function startedInWords({ run, alreadyRunning }: Started): string {
  const next = run.status === 'running' ? ' Call wait_run.' : '';
  return `${alreadyRunning ? 'Already running: ' : ''}${runInWords(run)}${next}`;
}
