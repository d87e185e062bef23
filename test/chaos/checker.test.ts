/** The checker itself: it finds nothing in a history as it must be, and each kind of fault in one that was spoilt. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { EffectDescriptor } from '../../src/actors/runtime/index.ts';
import { AT_REST, GAVE_UP } from './actors-machines.ts';
import { check } from './checker.ts';
import type { ActorAtEnd, History, Sent, Step } from './history.ts';
import { PLANTS } from './plants.ts';

const START = Date.parse('2026-01-05T15:00:00.000Z');
const SUBJECT = 'subject/1';
const HELPER = 'helper/1:4.0';
const EFFECT = `${SUBJECT}#3.0`;
const TICK = 'xstate.after.300.subject.clock.ticking';

type Mutable = {
  sent: Sent[];
  steps: Step[];
  actors: ActorAtEnd[];
  emitted: History['emitted'][number][];
  jobs: History['jobs'][number][];
  messages: History['messages'][number][];
  effects: History['effects'][number][];
  called: Set<string>;
  crashes: string[];
  readAt: number;
  settled: boolean;
};

/** A timer that was set `ms` after the start. */
const tickSet = (ms: number): EffectDescriptor => ({
  type: '@xstate.raise',
  id: TICK,
  event: { type: TICK },
  delay: 300,
  due: new Date(START + ms + 300).toISOString(),
});

/** An actor that is sent numbered events, ticks twice, has an effect and a child, and comes to rest. */
function good(): Mutable {
  const steps: Step[] = [];
  let context: Record<string, unknown> = { last: {}, count: 0, ticks: 0, results: 0, pongs: 0, helped: 0 };
  let revision = 0;
  const step = (
    ms: number,
    event: Step['event'],
    source: string | null,
    change: Record<string, unknown>,
    effects: EffectDescriptor[] = [],
  ) => {
    context = { ...context, ...change };
    const kind = revision === 0 ? ('spawn' as const) : ('step' as const);
    const at = START + ms;
    steps.push({
      address: SUBJECT,
      revision: ++revision,
      at,
      kind,
      event,
      source,
      status: 'active',
      context,
      effects,
    });
  };
  const told = (n: number, type = 'ADD') => ({ type, from: 'a', n });
  const helperStep = (at: number, event: Step['event'], pings: number, more: Partial<Step> = {}) => {
    const own = steps.filter(({ address }) => address === HELPER).length;
    const kind = own === 0 ? ('spawn' as const) : ('step' as const);
    steps.push({
      address: HELPER,
      revision: own + 1,
      at: START + at,
      kind,
      event,
      source: SUBJECT,
      status: 'active',
      context: { pings },
      effects: [],
      ...more,
    });
  };
  const sendTo = (to: string, type: string, k?: number): EffectDescriptor => ({
    type: '@xstate.sendTo',
    to,
    event: { type, ...(k !== undefined && { k }) },
  });
  step(0, { type: 'xstate.init' }, null, {}, [tickSet(0)]);
  step(10, told(1), 'a', { count: 1, last: { a: 1 } });
  step(20, told(2, 'WORK'), 'a', { count: 2, last: { a: 2 } }, [
    { type: '@xstate.start', id: 'work', src: 'work', effectId: EFFECT, input: { n: 2 } },
  ]);
  step(30, told(3, 'ASK'), 'a', { count: 3, last: { a: 3 } }, [
    { type: '@xstate.spawn', id: 'helper', src: 'helper', address: HELPER, input: {} },
  ]);
  helperStep(40, { type: 'xstate.init' }, 0, { effects: [sendTo(SUBJECT, 'HELLO')] });
  step(50, { type: 'HELLO' }, HELPER, {}, [sendTo(HELPER, 'PING', 1), sendTo(HELPER, 'PING', 2)]);
  helperStep(60, { type: 'PING', k: 1 }, 1, { effects: [sendTo(SUBJECT, 'PONG', 1)] });
  helperStep(61, { type: 'PING', k: 2 }, 2, { effects: [sendTo(SUBJECT, 'PONG', 2)] });
  step(70, { type: 'PONG', k: 1 }, HELPER, { pongs: 1 });
  step(71, { type: 'PONG', k: 2 }, HELPER, { pongs: 2 }, [sendTo(HELPER, 'FINISH')]);
  helperStep(80, { type: 'FINISH' }, 2, { status: 'done' });
  step(90, { type: 'xstate.done.actor.helper' }, HELPER, { helped: 1 }, [
    { type: '@xstate.emit', event: { type: 'helped' } },
  ]);
  step(120, { type: 'xstate.done.actor.work' }, EFFECT, { results: 1 });
  step(301, { type: TICK }, SUBJECT, { ticks: 1 }, [tickSet(301)]);
  step(602, { type: TICK }, SUBJECT, { ticks: 2 }, [tickSet(602)]);
  step(700, { type: 'REST' }, 'settle', {}, [{ type: '@xstate.cancel', id: TICK }]);
  const nothing = { timers: {}, effects: {}, children: {} };
  return {
    sent: [1, 2, 3].map((n) => ({
      address: SUBJECT,
      source: 'a',
      n,
      answer: { revision: n + 1, changed: true },
    })),
    steps,
    actors: [
      {
        address: SUBJECT,
        machine: 'subject',
        status: 'active',
        revision,
        value: AT_REST,
        context,
        pending: nothing,
      },
      {
        address: HELPER,
        machine: 'helper',
        status: 'done',
        revision: 4,
        value: 'finished',
        context: { pings: 2 },
        pending: nothing,
      },
    ],
    emitted: [{ address: SUBJECT, revision: 8, index: 0 }],
    jobs: [],
    messages: [],
    effects: [],
    called: new Set([EFFECT]),
    crashes: [],
    readAt: START + 1_000,
    settled: true,
  };
}

const at = (history: Mutable, type: string, times = 1): number => {
  let seen = 0;
  return history.steps.findIndex(({ event }) => event.type === type && ++seen === times);
};
const remove = (history: Mutable, type: string, times = 1) =>
  history.steps.splice(at(history, type, times), 1)[0];
const swap = <T>(list: T[], one: number, other: number) => {
  [list[one], list[other]] = [list[other] as T, list[one] as T];
};
const subjectOf = ({ actors }: Mutable) => actors[0] as ActorAtEnd;

const SPOILT: { what: string; rule: RegExp; spoil: (history: Mutable) => unknown }[] = [
  {
    what: 'an acknowledged event is lost',
    rule: /^acknowledged/,
    spoil: (history) => remove(history, 'ADD'),
  },
  {
    what: 'an event is applied twice',
    rule: /^acknowledged/,
    spoil: (history) => history.steps.push({ ...(history.steps[1] as Step), revision: 13 }),
  },
  {
    what: 'an event was acknowledged at another revision',
    rule: /^acknowledged/,
    spoil: ({ sent }) => Object.assign(sent[0] as Sent, { answer: { revision: 7, changed: true } }),
  },
  {
    what: 'an event was refused',
    rule: /^acknowledged/,
    spoil: ({ sent }) => Object.assign(sent[0] as Sent, { answer: { refused: 'step_failed' } }),
  },
  {
    what: 'an event that was to change nothing was applied',
    rule: /^acknowledged/,
    spoil: ({ sent }) => Object.assign(sent[0] as Sent, { answer: { revision: 2, changed: false } }),
  },
  {
    what: 'an event was applied that was said not to be',
    rule: /^acknowledged/,
    spoil: ({ sent }) => {
      const { answer: _, ...unanswered } = sent[0] as Sent;
      sent[0] = { ...unanswered, notApplied: true };
    },
  },
  {
    what: 'a key was answered in two ways',
    rule: /^the same key/,
    spoil: ({ sent }) => Object.assign(sent[0] as Sent, { again: [{ revision: 9, changed: true }] }),
  },
  { what: 'an event was never sent', rule: /^nothing that nobody/, spoil: ({ sent }) => sent.pop() },
  {
    what: 'events of a source changed places',
    rule: /^in order/,
    spoil: ({ steps }) => swap(steps, 1, 2),
  },
  { what: 'a revision is missing', rule: /^revisions/, spoil: (history) => remove(history, 'HELLO') },
  {
    what: 'two steps have one revision',
    rule: /^revisions/,
    spoil: ({ steps }) => Object.assign(steps[2] as Step, { revision: 2 }),
  },
  {
    what: 'the row is behind its journal',
    rule: /^revisions/,
    spoil: (history) => Object.assign(subjectOf(history), { revision: 11 }),
  },
  {
    what: 'the row holds another context',
    rule: /^the snapshot/,
    spoil: (history) => Object.assign(subjectOf(history), { context: { ticks: 9 } }),
  },
  {
    what: 'a step made another context than its event does',
    rule: /^the snapshot/,
    spoil: ({ steps }) => Object.assign(steps[1] as Step, { context: { count: 2 } }),
  },
  {
    what: 'a timer fired twice',
    rule: /^timers/,
    spoil: (history) => Object.assign(history.steps[at(history, TICK)] as Step, { effects: [] }),
  },
  {
    what: 'a timer fired too early',
    rule: /^timers/,
    spoil: (history) => Object.assign(history.steps[at(history, TICK)] as Step, { at: START + 299 }),
  },
  {
    what: 'a timer fired for ever too late',
    rule: /^timers/,
    spoil: (history) => Object.assign(history.steps[at(history, TICK, 2)] as Step, { at: START + 60_000 }),
  },
  {
    what: 'a timer is lost',
    rule: /^timers/,
    spoil: (history) => Object.assign(history.steps[at(history, 'REST')] as Step, { effects: [] }),
  },
  {
    what: 'a timer has no job',
    rule: /^timers/,
    spoil: (history) => {
      const due = new Date(START + 902).toISOString();
      subjectOf(history).pending.timers[TICK] = { job: 'gone', due };
      Object.assign(history.steps[at(history, 'REST')] as Step, { effects: [] });
    },
  },
  {
    what: 'an effect has two results',
    rule: /^each result/,
    spoil: ({ steps }) => {
      const result = steps.find(({ source }) => source === EFFECT) as Step;
      steps.push({ ...result, revision: 13 });
    },
  },
  {
    what: 'an effect that nobody started was called',
    rule: /^each result/,
    spoil: ({ called }) => called.add('x#1.0'),
  },
  { what: 'an effect was never called', rule: /^each result/, spoil: ({ called }) => called.clear() },
  {
    what: 'an effect is orphaned',
    rule: /^each result/,
    spoil: ({ effects }) => effects.push({ effectId: 'x#1.0', address: SUBJECT }),
  },
  {
    what: 'an effect has no result, and nobody waits for it',
    rule: /^each result/,
    spoil: (history) => remove(history, 'xstate.done.actor.work'),
  },
  {
    what: 'a message between actors is lost',
    rule: /^messages between/,
    spoil: (history) => remove(history, 'PONG'),
  },
  {
    what: 'a message between actors came twice',
    rule: /^messages between/,
    spoil: (history) => history.steps.push(history.steps[at(history, 'PONG')] as Step),
  },
  {
    what: 'messages between actors changed places',
    rule: /^messages between/,
    spoil: (history) => swap(history.steps, at(history, 'PING'), at(history, 'PING', 2)),
  },
  {
    what: "a child's end did not reach its parent",
    rule: /^messages between/,
    spoil: (history) => remove(history, 'xstate.done.actor.helper'),
  },
  {
    what: 'what was emitted is there twice',
    rule: /^emitted/,
    spoil: ({ emitted }) => emitted.push({ address: SUBJECT, revision: 8, index: 0 }),
  },
  { what: 'what was emitted is not there', rule: /^emitted/, spoil: ({ emitted }) => emitted.pop() },
  {
    what: 'an effect was waited for in vain',
    rule: /^nothing stuck/,
    spoil: ({ steps }) => Object.assign(steps[2] as Step, { event: { type: GAVE_UP } }),
  },
  {
    what: 'a message was not taken',
    rule: /^nothing stuck/,
    spoil: ({ messages }) => messages.push({ from: SUBJECT, to: HELPER, kind: 'stop' }),
  },
  {
    what: 'a job that is due was not taken',
    rule: /^nothing stuck/,
    spoil: ({ jobs }) => jobs.push({ id: 'left', address: SUBJECT, due: START - 60_000 }),
  },
  {
    what: 'an actor is under way',
    rule: /^nothing stuck/,
    spoil: (history) => Object.assign(subjectOf(history), { value: { ...AT_REST, work: 'working' } }),
  },
  {
    what: 'a process fell',
    rule: /^no process/,
    spoil: ({ crashes }) => crashes.push('the process 1 ended'),
  },
];

test.each(Object.entries(PLANTS))('the plant %s meets a statement of the runtime', (_name, { find }) => {
  const folder = new URL('../../src/persistence/actors/', import.meta.url);
  const sources = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
  expect(sources.some((source) => source.search(find) >= 0)).toBe(true);
});

describe('the checker', () => {
  test('finds nothing where nothing is wrong', () => {
    expect(check(good())).toEqual([]);
  });

  test('does not hold against a history that is not at its end what is under way', () => {
    const history = good();
    history.settled = false;
    history.messages.push({ from: SUBJECT, to: HELPER, kind: 'event' });
    (history.steps.at(-1) as Step).effects.push({
      type: '@xstate.sendTo',
      to: HELPER,
      event: { type: 'PING' },
    });
    history.sent.push({ address: SUBJECT, source: 'a', n: 4 });
    expect(check(history)).toEqual([]);
  });

  test.each(SPOILT)('finds that $what', ({ rule, spoil }) => {
    const history = good();
    spoil(history);
    expect(check(history)).toContainEqual({ rule: expect.stringMatching(rule), words: expect.any(String) });
  });
});
