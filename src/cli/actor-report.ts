/** Actors, their history and what they wait for, in words and columns for a person on a terminal of 80 columns. */
import type { z } from 'zod';
import type { actorDetail, actorHead, actorStep, plainError } from '../server/operations/actor-view.ts';
import type { getActorPending } from '../server/operations/actors.ts';
import type { deadLetter, retryDeadLetter } from '../server/operations/dead-letters.ts';
import type { migrateActors } from '../server/operations/migrate-actors.ts';
import { localTime, pairs, type Terminal, table } from './terminal.ts';

type ActorHead = z.output<typeof actorHead>;
type ActorStep = z.output<typeof actorStep>;
type PendingAnswer = z.output<typeof getActorPending.output>;
type DeadLetter = z.output<typeof deadLetter>;
type Migration = z.output<typeof migrateActors.output>;
type Styled = Pick<Terminal, 'style'>;

const width = 80;
const leastStateWidth = 8;
const indent = ' '.repeat(6);

/** Actors as a table, newest first. The owner stands there when there are several. */
export function actorList(actors: readonly ActorHead[], now = Date.now()): string[] {
  if (actors.length === 0) return ['No such actors.'];
  const several = new Set(actors.map(({ owner }) => owner)).size > 1;
  const row = (actor: ActorHead, state: string) => [
    actor.status,
    state,
    age(actor.updatedAt, now),
    ...(several ? [actor.owner] : []),
    actor.address,
  ];
  const head = ['STATUS', 'STATE', 'AGO', ...(several ? ['OWNER'] : []), 'ADDRESS'];
  const others = [head.with(1, ''), ...actors.map((actor) => row(actor, ''))];
  const taken = Math.max(...table(others).map((line) => line.length));
  const room = Math.max(leastStateWidth, width - taken);
  return table([head, ...actors.map((actor) => row(actor, cut(situation(actor), room)))]);
}

/** All about one actor. */
export function actorReport(actor: z.output<typeof actorDetail>, { style }: Styled): string[] {
  const { address, status, machine, version, owner, revision, parent, children, context, output } = actor;
  return [
    `${style('bold', address)}  ${style(status === 'active' || status === 'done' ? 'green' : 'red', status)}`,
    ...pairs([
      ['State', stateInWords(actor.value)],
      ['Error', actor.error && errorInWords(actor.error)],
      ['Machine', `${machine}, version ${version}`],
      ['Owner', owner],
      ['Revision', String(revision)],
      ['Created', localTime(actor.createdAt)],
      ['Updated', localTime(actor.updatedAt)],
      ['Parent', parent],
      ['Children', children.map((child) => child.address).join(', ') || null],
    ]),
    '',
    style('bold', 'Context'),
    ...json(context),
    ...(output === null ? [] : ['', style('bold', 'Output'), ...json(output)]),
  ];
}

/** One actor's status in a line. */
export function actorLine(actor: ActorHead): string {
  return `${actor.address}: ${actor.status}, in ${stateInWords(actor.value)}`;
}

/** Dead letters as a table, newest first. */
export function deadLetterList(letters: readonly DeadLetter[], now = Date.now()): string[] {
  if (letters.length === 0) return ['No dead letters.'];
  const rows = letters.map(({ id, at, event, error, address }) => [
    id,
    age(at, now),
    cut(event.type, 24),
    cut(error.code, 20),
    address,
  ]);
  return [
    ...table([['ID', 'AGO', 'EVENT', 'ERROR', 'ADDRESS'], ...rows]),
    'In full: actors dead-letters ID. Then: actors retry ID, or actors discard ID.',
  ];
}

/** All about one dead letter. */
export function deadLetterReport(letter: DeadLetter, { style }: Styled): string[] {
  return [
    style('bold', `Dead letter ${letter.id}`),
    ...pairs([
      ['Actor', letter.address],
      ['Owner', letter.owner],
      ['Revision', String(letter.revision)],
      ['At', localTime(letter.at)],
      ['From', letter.from],
      ['Error', errorInWords(letter.error)],
    ]),
    '',
    style('bold', 'Event'),
    ...json(letter.event),
  ];
}

/** What a retry has led to, in a line. */
export function retryLine({
  address,
  status,
  value,
  changed,
}: z.output<typeof retryDeadLetter.output>): string {
  const where = `${address}: ${status}, in ${stateInWords(value)}`;
  return changed ? `The event was taken. ${where}` : `The event was taken, but changed nothing. ${where}`;
}

/** Steps, oldest first: what happened, who sent it, where it led and what it started. */
export function historyReport(steps: readonly ActorStep[], { style }: Styled): string[] {
  if (steps.length === 0) return ['No steps are kept from there on.'];
  return steps.flatMap((step) => {
    const kind = step.kind === 'step' || step.kind === 'spawn' ? '' : `  (${step.kind})`;
    const before = step.valueBefore === null ? '' : stateInWords(step.valueBefore);
    const ended = step.status === 'active' ? '' : `, ${step.status}`;
    return [
      `${String(step.revision).padStart(4)}  ${style('dim', localTime(step.at))}  ${style('bold', step.event.type)}${kind}`,
      ...inOneLineOrTwo(before, `${stateInWords(step.value)}${ended}`),
      ...(step.from === null ? [] : [`${indent}from ${step.from}`]),
      ...(step.error === null ? [] : [style('red', `${indent}${errorInWords(step.error)}`)]),
      ...step.effects.map((effect) => `${indent}${effectInWords(effect)}`),
    ];
  });
}

function inOneLineOrTwo(before: string, after: string): string[] {
  if (before === '') return [`${indent}${after}`];
  const line = `${indent}${before} -> ${after}`;
  return line.length <= width ? [line] : [`${indent}${before}`, `${indent}-> ${after}`];
}

/** Why an actor does not move: what it waits for, and what is amiss with it. */
export function pendingReport(answer: PendingAnswer, { style }: Styled): string[] {
  const { actor, pending, deadLetters } = answer;
  const hasEnded = ['done', 'error', 'stopped'].includes(actor.status);
  return [
    actorLine(actor),
    ...(actor.error === null ? [] : [style('red', errorInWords(actor.error))]),
    ...(hasEnded ? ['It has ended, and waits for nothing.'] : waitingReport(pending, { style })),
    ...(actor.status === 'quarantined' ? ['What a migration would do: actors migrate --dry-run'] : []),
    ...(deadLetters === 0
      ? []
      : [
          style(
            'red',
            `Events whose step threw: ${deadLetters === 100 ? '100 or more' : deadLetters}. They are shown by`,
          ),
          style('red', `  actors dead-letters --address ${actor.address}`),
        ]),
  ];
}

function waitingReport(pending: PendingAnswer['pending'], { style }: Styled): string[] {
  const { timers, effects, children, unreadMessages } = pending;
  const now = Date.parse(pending.at);
  const section = (name: string, lines: string[]) =>
    lines.length === 0 ? [] : [style('bold', name), ...lines.map((line) => `  ${line}`)];
  const lines = [
    ...section(
      'Timers',
      timers.flatMap(({ id, due, lateMs }) => [
        id,
        lateMs > 0
          ? style('red', `  due ${localTime(due)}, late by ${duration(lateMs)}`)
          : `  due ${localTime(due)}, in ${duration(Date.parse(due) - now)}`,
      ]),
    ),
    ...section(
      'Effects',
      effects.flatMap((effect) => effectReport(effect, now, style)),
    ),
    ...section(
      'Children',
      children.flatMap(({ id, address, status }) => [`${id}: ${status ?? 'not there yet'}`, `  ${address}`]),
    ),
    ...(unreadMessages === 0
      ? []
      : [style('bold', 'Mailbox'), `  ${unreadMessages} unread message${unreadMessages === 1 ? '' : 's'}`]),
  ];
  return lines.length === 0
    ? ['It waits for nothing of its own: only an event from outside can move it.']
    : lines;
}

/** What became of the actors of each version, or would. */
export function migrationReport({ dryRun, versions, quarantined }: Migration, { style }: Styled): string[] {
  if (versions.length === 0) return ['No actors that have not ended.'];
  const head = ['MACHINE', 'VERSION', 'CURRENT', 'GOES ON', 'MIGRATED', 'QUARANTINED', 'UNKNOWN', 'LEFT'];
  const rows = versions.map((row) => [
    ...[row.machine, row.version],
    ...[row.current, row.goesOn, row.migrated, row.quarantined, row.unknown, row.left].map(String),
  ]);
  const left = versions.reduce((sum, row) => sum + row.left, 0);
  return [
    ...(dryRun ? [style('bold', 'A dry run: nothing was changed. It would be:')] : []),
    ...table([head, ...rows]),
    ...quarantined.flatMap(({ address, code, message }) => [
      '',
      style('red', address),
      `  ${message} (${code})`,
    ]),
    ...(left === 0
      ? []
      : ['', `${left} were left: ${dryRun ? 'raise --limit to see them' : 'run it again'}.`]),
  ];
}

function effectReport(
  effect: PendingAnswer['pending']['effects'][number],
  now: number,
  style: Terminal['style'],
): string[] {
  const { id, src, failedAttempts, nextAttemptAt, deadline, lastError, process } = effect;
  const wait = Date.parse(nextAttemptAt) - now;
  const next = wait > 0 ? `tried again in ${duration(wait)}` : 'running, or waiting for its turn';
  const by = process === null ? 'nobody' : `process ${process.id}`;
  return [
    `${src} (${id})`,
    `  ${next}; ${failuresInWords(failedAttempts, lastError !== null)}`,
    `  given up at ${localTime(deadline)}`,
    process?.alive ? `  run by ${by}` : style('red', `  run by ${by}${process ? ', which is gone' : ''}`),
    ...(lastError === null ? [] : [style('red', `  ${errorInWords(lastError)}`)]),
  ];
}

/** What is away is waited for, and its attempts do not count. */
function failuresInWords(counted: number, hasFailed: boolean): string {
  if (counted === 0 && hasFailed) return 'what it asks is away or asks it to wait';
  return counted === 0 ? 'has not failed' : `failed ${counted === 1 ? 'once' : `${counted} times`}`;
}

/** One of the journal's descriptors. Fields that it does not know, it does not show. */
function effectInWords({ type, ...fields }: ActorStep['effects'][number]): string {
  const of = (name: string) => String(fields[name]);
  const event = String((fields.event as { type?: unknown } | undefined)?.type);
  switch (type) {
    case '@xstate.start':
      return `starts ${of('src')} (${of('id')})`;
    case '@xstate.spawn':
      return `starts ${of('address')}`;
    case '@xstate.stop':
      return `stops ${of('id')}`;
    case '@xstate.sendTo':
      return `sends ${event} to ${of('to')}`;
    case '@xstate.raise':
      return `sets a timer for ${localTime(of('due'))}`;
    case '@xstate.cancel':
      return `cancels ${of('id')}`;
    case '@xstate.emit':
      return `tells ${event}`;
    case '@xstate.deadLetter':
      return `keeps ${event} as a dead letter`;
    default:
      return type;
  }
}

export function errorInWords({ message, code }: z.output<typeof plainError>): string {
  return `${message} (${code})`;
}

/** A state's name, or `a.b` for one inside another, or `a.(b, c)` for parallel ones. */
export function stateInWords(value: ActorHead['value']): string {
  if (typeof value === 'string') return value;
  const parts = Object.entries(value).map(([name, inner]) => {
    const inside = stateInWords(inner as ActorHead['value']);
    if (inside === '') return name;
    return `${name}.${inside.includes(', ') ? `(${inside})` : inside}`;
  });
  return parts.join(', ');
}

/** What a narrow column has room for: why it failed, or the outermost state. */
function situation({ error, value }: ActorHead): string {
  return error?.code ?? (typeof value === 'string' ? value : Object.keys(value).join(', '));
}

export function age(iso: string, now: number): string {
  return duration(Math.max(0, now - Date.parse(iso)));
}

export function json(value: unknown): string[] {
  return JSON.stringify(value, null, 2)
    .split('\n')
    .map((line) => `  ${line}`);
}

/** Milliseconds in the largest unit that fits. */
function duration(ms: number): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ];
  const [name, size] = units.find(([, unit]) => ms >= unit) ?? ['ms', 1];
  return `${Math.floor(ms / size)} ${name}`;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
