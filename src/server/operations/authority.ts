/** What a caller may do to actors, and under which name it stands in the journal. Who it is, auth.ts has found out. */
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { OperationContext } from './operation.ts';

type Caller = Pick<OperationContext, 'owner' | 'operator'>;

/** Whether the caller may see and touch what is this owner's. */
export function mayTouch({ owner: self, operator }: Caller, owner: string): boolean {
  return operator || owner === self;
}

/** Whose to list: undefined for all, null for nobody. Whether others have anything, or exist, is theirs to know. */
export function ownersToList(caller: Caller, asked: string | undefined): string | undefined | null {
  if (caller.operator) return asked;
  return asked === undefined || asked === caller.owner ? caller.owner : null;
}

/** Who did it, for the journal: an operator who reaches into what is another's is named there. */
export function sourceOf(
  { source, owner: self }: Caller & Pick<OperationContext, 'source'>,
  owner: string,
): string {
  return owner === self ? source : `${source} ${self}`;
}

/** Throws `operators_only`, with the reason. */
export function requireOperator({ operator }: Caller, reason = "This concerns everybody's actors"): void {
  if (operator) return;
  throw new TtaiError('operators_only', `${reason}: only an operator may do it.`, {
    details: { hint: "An operator's token is made with: npm run ttai -- token add NAME --operator" },
  });
}
