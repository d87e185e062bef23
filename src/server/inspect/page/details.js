/** The panel beside the chart: what the actor waits for, its step, its context, output and error. */
import { h } from './dom.js';
import { eventText, leftText, sourceText, timeText } from './format.js';
import { jsonView } from './json-view.js';

/**
 * The panel of an actor as it is now, or (with `step` and `past`) as a step left it.
 * @param opened remembers which parts of values are open: a Set for each section
 */
export function detailsPanel({ now, step, past, before, opened }) {
  const shown = past ?? now;
  const open = (section) => {
    if (!opened.has(section)) opened.set(section, new Set());
    return opened.get(section);
  };
  return [
    shown.error && errorSection(shown.error),
    past ? null : waitingSection(now),
    step && stepSection(step, open('event')),
    section(
      'Context',
      jsonView(shown.context, { open: open('context'), before: before?.context, hasBefore: Boolean(before) }),
    ),
    shown.output !== null && section('Output', jsonView(shown.output, { open: open('output') })),
    factsSection(now, past),
  ].filter(Boolean);
}

function section(title, ...content) {
  return h('section', { class: 'part', 'aria-label': title }, h('h3', {}, title), content);
}

function errorSection({ code, message, retryable, name }) {
  return h(
    'section',
    { class: 'part error', 'aria-label': 'Error' },
    h('h3', {}, 'Error'),
    h('p', {}, message),
    h('p', { class: 'muted' }, h('code', {}, code ?? name), retryable ? ' may be tried again' : ''),
  );
}

function waitingSection({ status, timers, effects, enabled }) {
  if (status !== 'active') return null;
  const outside = enabled.filter(({ kind }) => kind === 'event');
  const nothing = timers.length === 0 && effects.length === 0 && outside.length === 0;
  return section(
    'Waits for',
    nothing && h('p', { class: 'muted' }, 'nothing'),
    effects.map(({ id, src }) =>
      h(
        'div',
        { class: 'wait effect' },
        h('span', { class: 'spinner', 'aria-hidden': 'true' }),
        h('b', {}, src),
        id !== src && h('code', {}, id),
        h('span', { class: 'grow' }),
        h('span', { class: 'muted' }, 'running'),
      ),
    ),
    timers.map(({ id, due, event }) =>
      h(
        'div',
        { class: 'wait timer', title: id },
        h('span', { 'aria-hidden': 'true' }, '◷'),
        h('b', {}, eventText(event.type)),
        h('span', { class: 'grow' }),
        h('time', { datetime: due, 'data-due': due, title: timeText(due) }, leftText(due)),
      ),
    ),
    outside.length > 0 &&
      h(
        'div',
        { class: 'chips', 'aria-label': 'Events it would take' },
        outside.map(({ label, guards }) =>
          h(
            'span',
            { class: 'chip', title: guards.length > 0 ? `if ${guards.join(' or ')}` : null },
            label,
            guards.length > 0 && h('i', {}, ' [if]'),
          ),
        ),
      ),
  );
}

function stepSection(step, open) {
  return section(
    `Step ${step.revision}`,
    h(
      'p',
      { class: 'what' },
      h('b', {}, eventText(step.eventType)),
      h(
        'span',
        { class: 'muted' },
        ` at ${timeText(step.at)}`,
        step.source ? ` from ${sourceText(step.source, step.address)}` : '',
      ),
    ),
    step.microsteps.length > 0 &&
      h(
        'ul',
        { class: 'moves' },
        step.microsteps.map(({ source, targets }) =>
          h(
            'li',
            {},
            h('code', {}, local(source)),
            ' → ',
            h('code', {}, targets.map(local).join(', ') || 'stays'),
          ),
        ),
      ),
    step.effects.length > 0 &&
      h(
        'ul',
        { class: 'moves' },
        step.effects.map((effect) => h('li', {}, effectText(effect))),
      ),
    Object.keys(step.event).length > 1 && jsonView(step.event, { open }),
  );
}

function factsSection(now, past) {
  const facts = [
    ['Address', now.address],
    ['Version', now.version],
    ['Owner', now.owner],
    ['Created', timeText(now.createdAt)],
    [past ? 'Latest step' : 'Last step', timeText(now.updatedAt)],
  ];
  return section(
    'Actor',
    h(
      'dl',
      { class: 'facts' },
      facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
    ),
  );
}

function effectText(effect) {
  switch (effect.type) {
    case '@xstate.start':
      return [h('span', { class: 'tag go' }, 'start'), effect.src];
    case '@xstate.stop':
      return [h('span', { class: 'tag' }, 'stop'), effect.id];
    case '@xstate.raise':
      return [
        h('span', { class: 'tag go' }, 'timer'),
        `${eventText(effect.event.type)}, due ${timeText(effect.due)}`,
      ];
    case '@xstate.cancel':
      return [h('span', { class: 'tag' }, 'cancel'), eventText(effect.id)];
    case '@xstate.emit':
      return [h('span', { class: 'tag go' }, 'emit'), effect.event.type];
    case '@xstate.deadLetter':
      return [
        h('span', { class: 'tag bad' }, 'dead letter'),
        `${effect.event.type}: ${effect.error.message}`,
      ];
    default:
      return [effect.type];
  }
}

/** A state node's id without the machine's. */
function local(id) {
  return id.includes('.') ? id.slice(id.indexOf('.') + 1) : id;
}
