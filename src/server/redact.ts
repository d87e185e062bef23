/**
 * Takes out of an actor's present context what its machine keeps out of the journal. The journal's own records are
 * redacted when they are written; the snapshot is not, as the machine needs it whole.
 */
import type { ActorSystem, ActorView } from '../actors/runtime/index.ts';

/** The actor as it may be shown. Of a machine that is not registered at all, the context stays hidden. */
export function redactedActor(system: Pick<ActorSystem, 'machines'>, actor: ActorView): ActorView {
  const versions = system.machines().filter(({ id }) => id === actor.machine);
  if (versions.length === 0) {
    return {
      ...actor,
      context: { hidden: 'Its machine is not registered here, so what must stay secret is unknown.' },
    };
  }
  const paths = versions.flatMap(({ journal }) => journal?.redact ?? []);
  if (paths.length === 0) return actor;
  const { context, output } = paths.reduce<{ context: unknown; output?: unknown }>(
    (shown, path) => without(shown, path.split('.')) as { context: unknown; output?: unknown },
    { context: actor.context, output: actor.output },
  );
  return { ...actor, context: context as Record<string, unknown>, ...(output !== undefined && { output }) };
}

/** A copy in which the value at the path, if there is one, is replaced by a mark. */
function without(value: unknown, [field, ...rest]: string[]): unknown {
  if (field === undefined || typeof value !== 'object' || value === null || !(field in value)) return value;
  const inner = (value as Record<string, unknown>)[field];
  if (inner === null || inner === undefined) return value;
  return { ...value, [field]: rest.length === 0 ? { redacted: true } : without(inner, rest) };
}
