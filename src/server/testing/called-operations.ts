/** Operations as a door calls them, over a made-up system that each test gets anew. */
import { beforeEach } from 'vitest';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { type OperationContext, operations } from '../operations/index.ts';
import { fakeRooms } from './fake-rooms.ts';
import type { FakeSystem } from './fake-system.ts';

export interface RunAnswer {
  run: {
    runId: string;
    status: string;
    result: { chart: { supportLevels: unknown[] } } | null;
    [key: string]: unknown;
  };
  alreadyRunning: boolean;
}

export class CalledOperations {
  system!: FakeSystem;
  context!: OperationContext;

  /** To be called once in a file: its tests begin with nothing. */
  static use(): CalledOperations {
    const called = new CalledOperations();
    beforeEach(() => {
      const rooms = fakeRooms();
      called.system = rooms.system;
      called.context = { ...rooms, owner: 'local', operator: false, source: 'test' };
    });
    return called;
  }

  /** The output of an operation, as the test expects it to be. */
  async call<Output>(name: string, input: unknown, as: Partial<OperationContext> = {}): Promise<Output> {
    return (await this.answerOf(name, input, as)).output as Output;
  }

  async answerOf(name: string, input: unknown, as: Partial<OperationContext> = {}) {
    const operation = operations.find((candidate) => candidate.name === name);
    if (!operation) throw new Error(`no operation ${name}`);
    return operation.call({ ...this.context, ...as }, input);
  }
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((thrown: unknown) => thrown);
  return error instanceof TtaiError ? error.code : `not a TtaiError: ${String(error)}`;
}

export function addressOf({ run }: RunAnswer): string {
  return run.runId.replace('.', '/');
}
