/**
 * What comes in is checked here before it becomes an item: keys, inputs, events, results of effects. What passes can be
 * stored. Not for who may ask; that is the doors'.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { Outcome } from './effects/effect-runner.ts';
import { RuntimeError } from './errors.ts';
import {
  MAX_KEY_CHARS,
  MAX_SOURCE_CHARS,
  optionsOf,
  refuseText,
  refuseTextIfGiven,
  wrongOption,
} from './options.ts';
import type { Registry } from './registry/registry.ts';
import { faultOfText } from './steps/lossless.ts';
import type { Idempotency, Item } from './steps/work.ts';
import { isStorableText, messageOf, parseStorable, storableText } from './storable.ts';
import type { ActorEvent, Address, DurableMachine, SendOptions, SpawnOptions } from './types.ts';

/** Keys are the caller's own words; a NUL can't be stored, and an address is read by people. */
const KEY = /^[\w.:@-]{1,200}$/;
const SPAWN_OPTIONS = ['input', 'owner', 'idempotencyKey', 'singletonKey'] as const;

/** The item of a spawn. Throws `machine_not_found`, or `invalid_input` naming the field. */
export function spawnItem(registry: Registry, machine: string, key: string, options: SpawnOptions): Item {
  const { definition } = registry.machine(machine);
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw wrongOption('key', 'an actor key is 1 to 200 letters, digits or . _ : @ -');
  }
  const { owner, idempotencyKey, singletonKey } = optionsOf(options, SPAWN_OPTIONS);
  refuseText('owner', owner, MAX_KEY_CHARS);
  refuseTextIfGiven('singletonKey', singletonKey, MAX_KEY_CHARS);
  const input = parsed(definition.input, options.input, 'invalid_input', `the input of ${machine}`);
  return {
    kind: 'spawn',
    stepId: randomUUID(),
    address: `${machine}/${key}`,
    machine,
    key,
    owner,
    input,
    singletonKey: singletonKey ?? null,
    idempotency: idempotency(`spawn:${machine}:${owner}`, idempotencyKey, input),
  };
}

/**
 * The item of an event from outside. Throws `actor_not_found`, or `invalid_event` naming the field (R9). To an actor of
 * a machine that is not here nothing is applied: the item asks whether there is such an actor, and why it can't be.
 */
export function eventItem(
  registry: Registry,
  address: Address,
  event: ActorEvent,
  options: SendOptions,
): Item {
  refuseAddress(address);
  const { source, idempotencyKey } = optionsOf(options, ['source', 'idempotencyKey']);
  refuseTextIfGiven('source', source, MAX_SOURCE_CHARS);
  const checked = checkEvent(registry, address, event);
  const machine = machineOf(address);
  const item = {
    kind: 'event',
    stepId: randomUUID(),
    address,
    event: checked,
    source: source ?? null,
  } as const;
  // A key belongs to the event as its schema parses it, which is not here.
  if (!registry.find(machine)) return item;
  return {
    ...item,
    idempotency: idempotency(address, idempotencyKey, checked),
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
 * The event as its schema parses it: the current version's, or the first old one's that goes on and takes it; of a
 * machine that is not here, its type. Throws `invalid_event` naming the field.
 */
export function checkEvent(registry: Registry, address: Address, event: ActorEvent): ActorEvent {
  const [current, ...old] = steppedVersions(registry, machineOf(address));
  if (!current) return { type: typeOf(event) };
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
  const type = typeOf(event);
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
  const fields = parsed(schema, event, 'invalid_event', `the event ${type}`);
  return { ...(fields as object), type };
}

function typeOf(event: ActorEvent): string {
  const type: unknown = event?.type;
  if (typeof type === 'string') return type;
  throw new RuntimeError('invalid_event', 'an event needs a type', { details: { field: 'type' } });
}

/**
 * What a schema makes of a value, as it will be stored. Throws naming the fields that are wrong, or that JSON would
 * change on the way to the machine. What a schema throws by itself it has against the value.
 */
function parsed(
  schema: z.ZodType,
  value: unknown,
  code: 'invalid_event' | 'invalid_input',
  what: string,
): unknown {
  let result: ReturnType<typeof schema.safeParse>;
  try {
    result = schema.safeParse(value);
  } catch (error) {
    throw new RuntimeError(code, `${what} is wrong: its schema throws: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (!result.success) {
    const { issues } = result.error;
    throw new RuntimeError(code, `${what} is wrong: ${wrongFields(issues)}`, { details: { issues } });
  }
  const fault = faultOfText(result.data);
  if (fault) throw new RuntimeError(code, `${what} can't be stored: ${fault}`);
  return JSON.parse(JSON.stringify(result.data ?? null));
}

/** An address that can be asked for. Throws `invalid_input`, and `actor_not_found` for one that nothing can have. */
export function refuseAddress(address: Address): void {
  if (typeof address !== 'string') throw wrongOption('address', 'an address is text: machine/key');
  if (isStorableText(address)) return;
  throw new RuntimeError('actor_not_found', `there is no actor ${storableText(address)}`);
}

/** The machine's part of an address; empty where there is none. */
export function machineOf(address: Address): string {
  return address.slice(0, Math.max(0, address.indexOf('/')));
}

function idempotency(scope: string, key: string | undefined, payload: unknown): Idempotency | undefined {
  if (key === undefined) return undefined;
  refuseText('idempotencyKey', key, MAX_KEY_CHARS);
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

/** As it will be stored. What Postgres's JSON can't hold of a peer's texts is dropped or replaced. */
export function storableOutcome(outcome: Outcome): Outcome {
  return parseStorable(
    JSON.stringify('output' in outcome ? { output: outcome.output ?? null } : outcome),
  ) as Outcome;
}

function wrongFields(issues: readonly { path: PropertyKey[]; message: string }[]): string {
  return issues
    .map(({ path, message }) => `${path.map(String).join('.') || 'the whole'}: ${message}`)
    .join('; ');
}
