/**
 * Plans of random small machines, and what is done to them: the arbitraries of the differential tests. The machines
 * themselves are built in `random-machines.ts`.
 */
import fc from 'fast-check';

/** From outside, raised, sent to itself, and delayed: told apart, so that a journal can be replayed. */
export const OUTSIDE = ['E0', 'E1', 'E2'] as const;
export const RAISED = ['R0', 'R1'] as const;
export const TO_SELF = ['S0', 'S1'] as const;
export const DELAYED = ['D0', 'D1'] as const;
/** What a child tells its parent. */
export const FROM_KID = ['K0', 'K1'] as const;
export const ALL_EVENTS = [...OUTSIDE, ...RAISED, ...TO_SELF, ...DELAYED, ...FROM_KID];

export type ActionPlan =
  | { kind: 'note' }
  | { kind: 'raise' | 'later' | 'laterUnnamed' | 'toSelf'; event: number; delay: number }
  | { kind: 'forget' | 'emit' | 'spawn' | 'stopSpawned' }
  | KinPlan;

/** What is done between parent and child: an actor that has no such kin notes it instead. */
export type KinPlan =
  | { kind: 'tellKid' | 'tellKidLater' | 'tellParent'; event: number; delay: number }
  | { kind: 'spawnKid' | 'stopKid' };

export interface TransitionPlan {
  target: number | null;
  guard: 'even' | 'odd' | null;
  reenter: boolean;
  actions: ActionPlan[];
}

export interface InvokePlan {
  what: 'effect' | 'kid';
  onDone: TransitionPlan | null;
  onError: TransitionPlan | null;
  onSnapshot: TransitionPlan | null;
}

export interface NodePlan {
  kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'shallow' | 'deep';
  children: NodePlan[];
  on: (TransitionPlan & { event: number })[];
  always: TransitionPlan[];
  after: (TransitionPlan & { delay: number })[];
  /** An effect, or a child. */
  invoke: InvokePlan | null;
  entry: ActionPlan[];
  exit: ActionPlan[];
}

const nothing = { children: [], on: [], always: [], after: [], invoke: null, entry: [], exit: [] };
const delay = fc.constantFrom(10, 20, 30);

const actionPlan: fc.Arbitrary<ActionPlan> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<ActionPlan>({ kind: 'note' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('raise' as const, 'later' as const, 'laterUnnamed' as const, 'toSelf' as const),
      event: fc.nat(1),
      delay,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('forget' as const, 'emit' as const, 'spawn' as const, 'stopSpawned' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('tellKid' as const, 'tellKidLater' as const, 'tellParent' as const),
      event: fc.nat(1),
      delay,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('spawnKid' as const, 'stopKid' as const) }),
  },
);
const actionPlans = fc.array(actionPlan, { maxLength: 2 });

const transitionPlan = fc.record({
  target: fc.option(fc.nat(20), { freq: 5 }),
  guard: fc.option(fc.constantFrom('even' as const, 'odd' as const), { freq: 2 }),
  reenter: fc.boolean(),
  actions: actionPlans,
});

/**
 * No history state inside a parallel one: where transitions of two of its regions target a history state and the
 * parallel state at once, XState loses track of its active states (and finds them again in a restored snapshot).
 */
function nodePlan(depth: number, inParallel = false): fc.Arbitrary<NodePlan> {
  const inner = {
    on: fc.array(
      fc
        .tuple(transitionPlan, fc.nat(ALL_EVENTS.length - 1))
        .map(([transition, event]) => ({ ...transition, event })),
      { maxLength: 4 },
    ),
    always: fc.array(transitionPlan, { maxLength: 1 }),
    after: fc.array(
      fc.tuple(transitionPlan, delay).map(([transition, ms]) => ({ ...transition, delay: ms })),
      { maxLength: 2 },
    ),
    invoke: fc.option(
      fc.record({
        what: fc.constantFrom('effect' as const, 'effect' as const, 'kid' as const),
        onSnapshot: fc.option(transitionPlan, { freq: 2 }),
        onDone: fc.option(transitionPlan, { freq: 4 }),
        onError: fc.option(transitionPlan, { freq: 4 }),
      }),
      { freq: 2 },
    ),
    entry: actionPlans,
    exit: actionPlans,
  };
  const atomic = fc.record({
    kind: fc.constant('atomic' as const),
    children: fc.constant<NodePlan[]>([]),
    ...inner,
  });
  if (depth === 0) return atomic;
  const leaf = fc
    .constantFrom('final' as const, ...(inParallel ? [] : ['shallow' as const, 'deep' as const]))
    .map((kind): NodePlan => ({ ...nothing, kind }));
  const compound = fc.record({
    kind: fc.constant('compound' as const),
    children: fc
      .tuple(
        nodePlan(depth - 1, inParallel),
        fc.array(fc.oneof(nodePlan(depth - 1, inParallel), leaf), { maxLength: 3 }),
      )
      .map(([first, rest]) => [first, ...rest]),
    ...inner,
  });
  const parallel = fc.record({
    kind: fc.constant('parallel' as const),
    children: fc.array(nodePlan(depth - 1, true), { minLength: 2, maxLength: 3 }),
    ...inner,
  });
  return fc.oneof(
    { weight: 2, arbitrary: atomic },
    { weight: 3, arbitrary: compound },
    { weight: 2, arbitrary: parallel },
  );
}

/** The plan of a machine: a root of two to four states. */
export const machinePlan: fc.Arbitrary<NodePlan> = fc.boolean().chain((parallel) =>
  fc
    .record({
      first: nodePlan(2, parallel),
      rest: fc.array(nodePlan(1, parallel), { minLength: 1, maxLength: 3 }),
    })
    .map(({ first, rest }) => ({
      ...nothing,
      kind: parallel ? ('parallel' as const) : ('compound' as const),
      children: [first, ...rest, ...(parallel ? [] : [{ ...nothing, kind: 'final' as const }])],
    })),
);

/** The plan of the children's machine, smaller, so that it ends now and then; null for one without children. */
export const kidPlan: fc.Arbitrary<NodePlan | null> = fc.option(
  fc.array(nodePlan(0), { minLength: 2, maxLength: 3 }).map((children) => ({
    ...nothing,
    kind: 'compound' as const,
    children: [...children, { ...nothing, kind: 'final' as const }],
  })),
  { freq: 3 },
);

/** What a test does to an actor. `pick` chooses among the effects that run. */
export type Operation =
  | { kind: 'event'; type: (typeof OUTSIDE)[number] }
  | { kind: 'time' }
  | { kind: 'done' | 'fail'; pick: number };

export const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('event' as const), type: fc.constantFrom(...OUTSIDE) }),
    },
    { weight: 2, arbitrary: fc.constant<Operation>({ kind: 'time' }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom('done' as const, 'fail' as const), pick: fc.nat(5) }),
    },
  ),
  { minLength: 1, maxLength: 25 },
);
