/**
 * What comes in is checked here before it becomes an item: keys, inputs, events, results of effects. What passes can be
 * stored. Not for who may ask; that is the doors'.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Outcome } from './effects/effect-runner.ts';
import { RuntimeError } from './errors.ts';
import type { Registry } from './registry/registry.ts';
import type { Idempotency, Item } from './steps/work.ts';
import type { ActorEvent, Address, DurableMachine, SendOptions, SpawnOptions } from './types.ts';

/** Keys are the caller's own words; a NUL can't be stored, and an address is read by people. */
const KEY = /^[\w.:@-]{1,200}$/;

/** The item of a spawn. Throws `machine_not_found`, or `invalid_input` naming the field. */
export function spawnItem(registry: Registry, machine: string, key: string, options: SpawnOptions): Item {
  const { definition } = registry.machine(machine);
  if (!KEY.test(key)) {
    throw new RuntimeError('invalid_input', 'an actor key is 1 to 200 letters, digits or . _ : @ -', {
      details: { field: 'key' },
    });
  }
  const parsed = definition.input.safeParse(options.input);
  if (!parsed.success) {
    throw new RuntimeError(
      'invalid_input',
      `the input of ${machine} is wrong: ${wrongFields(parsed.error)}`,
      {
        details: { issues: parsed.error.issues },
      },
    );
  }
  const input = storable(parsed.data, 'invalid_input');
  const { owner, idempotencyKey, singletonKey = null } = options;
  return {
    kind: 'spawn',
    stepId: randomUUID(),
    address: `${machine}/${key}`,
    machine,
    key,
    owner,
    input,
    singletonKey,
    idempotency: idempotency(`spawn:${machine}:${owner}`, idempotencyKey, input),
  };
}

/** The item of an event from outside. Throws `actor_not_found`, or `invalid_event` naming the field (R9). */
export function eventItem(
  registry: Registry,
  address: Address,
  event: ActorEvent,
  options: SendOptions,
): Item {
  const checked = checkEvent(registry, address, event);
  const machine = machineOf(address);
  return {
    kind: 'event',
    stepId: randomUUID(),
    address,
    event: checked,
    source: options.source ?? null,
    idempotency: idempotency(address, options.idempotencyKey, checked),
    // Of which version the actor is shows when it is loaded.
    ...(steppedVersions(registry, machine).length > 1 && {
      eventIn: (version: string) =>
        checkEventOf((registry.version(machine, version) ?? registry.machine(machine)).definition, event),
    }),
  };
}

function steppedVersions(registry: Registry, machine: string): DurableMachine[] {
  return registry
    .versions(machine)
    .filter(({ link }) => link === null)
    .map(({ definition }) => definition);
}

/**
 * The event as its schema parses it: the current version's, or the first old one's that goes on and takes it. Throws
 * `actor_not_found`, or `invalid_event` naming the field.
 */
export function checkEvent(registry: Registry, address: Address, event: ActorEvent): ActorEvent {
  const [current, ...old] = steppedVersions(registry, machineOf(address));
  if (!current) throw new RuntimeError('actor_not_found', `there is no actor ${address}`);
  try {
    return checkEventOf(current, event);
  } catch (error) {
    for (const definition of old) {
      try {
        return checkEventOf(definition, event);
      } catch {
        // What the current version has against it is the better answer.
      }
    }
    throw error;
  }
}

function checkEventOf({ id: machine, events }: DurableMachine, event: ActorEvent): ActorEvent {
  const type: unknown = event?.type;
  if (typeof type !== 'string') {
    throw new RuntimeError('invalid_event', 'an event needs a type', { details: { field: 'type' } });
  }
  const schema = Object.hasOwn(events, type) ? events[type] : undefined;
  if (!schema) {
    const known = Object.keys(events).join(', ');
    throw new RuntimeError(
      'invalid_event',
      `${machine} takes no event "${type.slice(0, 100)}" from outside; it takes ${known}`,
      {
        details: { field: 'type' },
      },
    );
  }
  const parsed = schema.safeParse(event);
  if (!parsed.success) {
    throw new RuntimeError('invalid_event', `the event ${type} is wrong: ${wrongFields(parsed.error)}`, {
      details: { issues: parsed.error.issues },
    });
  }
  return storable({ ...(parsed.data as object), type }, 'invalid_event');
}

/** The machine's part of an address; empty where there is none. */
export function machineOf(address: Address): string {
  return address.slice(0, Math.max(0, address.indexOf('/')));
}

function idempotency(scope: string, key: string | undefined, payload: unknown): Idempotency | undefined {
  if (key === undefined) return undefined;
  if (!key || key.length > 200 || key.includes('\0')) {
    throw new RuntimeError('invalid_input', 'an idempotency key is 1 to 200 characters', {
      details: { field: 'idempotencyKey' },
    });
  }
  return { scope, key, payloadHash: createHash('sha256').update(stableJson(payload)).digest('hex') };
}

/** JSON with sorted keys, so that the order in which a client writes its fields does not matter. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** As it will be stored. Refuses text that Postgres's JSON can't hold: NUL characters and halves of characters. */
function storable<T>(value: T, code: 'invalid_event' | 'invalid_input'): T {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'string' && (part.includes('\0') || !part.isWellFormed())) {
      throw new RuntimeError(code, 'text with a NUL character or half a character can not be stored');
    }
    return part;
  });
  return JSON.parse(text ?? 'null') as T;
}

/** As it will be stored. What Postgres's JSON can't hold of a peer's answer is dropped or replaced. */
export function storableOutcome(outcome: Outcome): Outcome {
  const text = JSON.stringify('output' in outcome ? { output: outcome.output ?? null } : outcome);
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value,
  ) as Outcome;
}

function wrongFields(error: { issues: { path: PropertyKey[]; message: string }[] }): string {
  return error.issues
    .map(({ path, message }) => `${path.map(String).join('.') || 'the whole'}: ${message}`)
    .join('; ');
}
