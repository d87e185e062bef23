/**
 * Whether a machine is declared at all: its fields are there, and of their kinds. TypeScript says so too, where it is
 * asked. Not for what the machine does (`check-machine.ts`), nor for what its versions are to each other
 * (`check-versions.ts`).
 */
import { StateMachine } from 'xstate';
import { faultsOfNames } from '../options.ts';
import type { DurableMachine } from '../types.ts';
import { isName, isSchema } from './faults.ts';

/** The parts of a record that can be redacted, and a field within. */
const REDACTED = /^(context|event|input|output|emitted)\../;

const DECLARED = ['id', 'version', 'machine', 'previous', 'input', 'events', 'journal', 'keepEnded'];
const RENAMED = ['states', 'timers', 'effects', 'children'];
const JOURNAL = ['keepLast', 'keepFor', 'unchanged', 'redact'];

/** What is missing, unknown or of the wrong kind, naming the fields. */
export function faultsOfDeclaration(definition: DurableMachine): string[] {
  const { id, version, machine, previous = [], input, events, journal = {} } = definition ?? {};
  const faults = [
    ...faultsOfNames(definition, DECLARED),
    ...faultsOfNames(journal, JOURNAL, 'journal'),
    ...faultsOfVersion({ version, machine, events }),
  ];
  if (!isName(id)) faults.push('its id is not a text of 1 to 200 characters');
  if (!isSchema(input)) faults.push('its input is not a zod schema');
  if (!Array.isArray(previous)) faults.push('its previous is not a list of goesOn and migration');
  else {
    for (const old of previous) {
      const kinds: unknown[] = ['goesOn', 'migration'];
      if (!kinds.includes(old?.kind)) faults.push('its previous holds what goesOn or migration has not made');
      else {
        const own = faultsOfVersion({ ...old, events: old.kind === 'goesOn' ? old.events : {} });
        if (old.kind === 'goesOn') own.push(...faultsOfNames(old, ['kind', 'version', 'machine', 'events']));
        else own.push(...faultsOfNames(old.renamed, RENAMED, 'renamed'));
        faults.push(...own.map((fault) => `version ${String(old.version)}: ${fault}`));
      }
    }
  }
  if (typeof journal !== 'object' || journal === null) return [...faults, 'its journal is not an object'];
  const { redact = [], unchanged = false } = journal;
  if (typeof unchanged !== 'boolean') faults.push('its journal.unchanged is not true or false');
  if (!Array.isArray(redact)) return [...faults, 'its journal.redact is not a list of paths'];
  for (const path of redact as unknown[]) {
    // A path that nothing has would redact nothing, and nobody would see it.
    if (typeof path !== 'string' || !REDACTED.test(path))
      faults.push(`its journal.redact names "${String(path)}", which is no path such as "context.token"`);
  }
  return faults;
}

function faultsOfVersion({
  version,
  machine,
  events,
}: Pick<DurableMachine, 'version' | 'machine' | 'events'>): string[] {
  const faults: string[] = [];
  if (!isName(version)) faults.push('its version is not a text of 1 to 200 characters');
  if (!(machine instanceof StateMachine)) faults.push("its machine is not one of XState's");
  if (typeof events !== 'object' || events === null) return [...faults, 'its events are missing'];
  for (const [type, schema] of Object.entries(events))
    if (!isSchema(schema)) faults.push(`its events.${type} is not a zod schema`);
  return faults;
}
