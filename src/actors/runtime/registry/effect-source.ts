/** How a machine names an effect: an actor source with types and without work, so that the machine stays pure. */
import { fromPromise } from 'xstate';

/**
 * A source for `setup({ actors })`. What it does, and with what policy, is declared by `effect` under the same name.
 * Started under `createActor` it fails, and says so.
 */
export function effectSource<Output, Input>() {
  return fromPromise<Output, Input>(() =>
    Promise.reject(
      new Error(
        'effects run on the durable runtime; give the machine other actors to run it under createActor',
      ),
    ),
  );
}
