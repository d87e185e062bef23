/**
 * What is wrong with the versions that a machine declares. Not for the machines of those versions themselves
 * (`check-machine.ts`).
 */
import type { AnyStateMachine } from 'xstate';
import type { DurableMachine } from '../types.ts';
import { nodesOf } from '../versions/expected.ts';
import type { Migration } from './versions.ts';

/** A version twice, and chains of migrations that do not end in a version that steps. */
export function faultsOfVersions({ version, machine, previous = [] }: DurableMachine): string[] {
  const faults: string[] = [];
  const known = new Map<string, { machine: AnyStateMachine; to?: string }>([[version, { machine }]]);
  for (const old of previous) {
    if (known.has(old.version)) faults.push(`version ${old.version} is declared twice`);
    known.set(old.version, {
      machine: old.machine,
      ...(old.kind === 'migration' && { to: old.to.version }),
    });
  }
  for (const old of previous) {
    if (old.kind === 'goesOn') continue;
    const target = known.get(old.to.version);
    if (!target) faults.push(`version ${old.version} migrates to ${old.to.version}, which is not declared`);
    else if (target.machine !== old.to.machine)
      faults.push(`version ${old.version} migrates to a machine that is not the one of ${old.to.version}`);
    faults.push(...faultsOfRenaming(old));
    const seen = new Set<string>();
    for (let at: string | undefined = old.version; at !== undefined; at = known.get(at)?.to) {
      if (seen.has(at)) {
        faults.push(`the migrations from version ${old.version} go round in a circle`);
        break;
      }
      seen.add(at);
    }
  }
  return faults;
}

/** A renaming names what there is, on both sides. */
function faultsOfRenaming({ version, machine, to, renamed }: Migration): string[] {
  const faults: string[] = [];
  const [old, next] = [nodesOf(machine.root), nodesOf(to.machine.root)];
  for (const [from, into] of Object.entries(renamed.states ?? {})) {
    if (!old.has(from)) faults.push(`version ${version} renames the state "${from}", which it does not have`);
    if (into !== null && !next.has(into))
      faults.push(`version ${version} renames a state to "${into}", which ${to.version} does not have`);
  }
  for (const [what, names] of Object.entries(renamed)) {
    const targets = Object.values(names as Record<string, string>);
    // Two states may become one; of two timers one would be lost.
    if (what !== 'states' && new Set(targets).size < targets.length)
      faults.push(`version ${version} renames two ${what} to one`);
  }
  return faults;
}
