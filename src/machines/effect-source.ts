/**
 * How a machine names an effect: an actor source with types and without work, so that the machine stays pure.
 * What the effect does, and with what policy, is declared in `src/actors/effects` under the same name.
 */
import { fromPromise } from 'xstate';

/** A source for `setup({ actors })`. Started outside the runtime, it fails and says so. */
export function effectSource<Output, Input>() {
  return fromPromise<Output, Input>(() =>
    Promise.reject(
      new Error('effects run on the durable runtime; give the machine other actors to run it alone'),
    ),
  );
}

/** The error of an effect as the runtime hands it to a machine. */
export interface EffectError {
  name: string;
  message: string;
  code: string;
  retryable: boolean;
}

/** The error event's `error`, which XState types as unknown. */
export function effectError(event: { error: unknown }): EffectError {
  const { name, message, code, retryable } = event.error as EffectError;
  return { name, message, code, retryable };
}

/** The same, as the `params` of a guard or an action. */
export const failure = ({ event }: { event: { error: unknown } }) => effectError(event);

/** For `onError`: what was cut off with its process enters its state again, where the machine's `mayRestart` allows it. */
export const begunAnew = <State extends string>(state: State) =>
  ({
    guard: { type: 'mayRestart', params: failure },
    target: state,
    reenter: true,
    actions: 'countRestart',
  }) as const;

/** For a machine's `mayRestart`: it was cut off with its process, and not more often than so. */
export function isBegunAnew({ code }: EffectError, restarts: number, most: number): boolean {
  return code === 'interrupted' && restarts < most;
}
