/** An actor's history as rows, newest first. Choosing one looks back at that revision. */
import { actorHistory } from './api.js';
import { h } from './dom.js';
import { eventText, sourceText, stateText, timeText } from './format.js';

const olderCount = 100;

/**
 * @param address whose history
 * @param onChoose called with a step that the person wants to look at
 */
export function createHistory({ address, onChoose, onError, labelOf }) {
  let steps = [];
  let chosen = null;
  const rows = h('ol', { class: 'rows', 'aria-label': 'Steps, newest first' });
  const older = h(
    'button',
    { type: 'button', class: 'button wide', hidden: true, onClick: loadOlder },
    'Show older steps',
  );
  const element = h(
    'section',
    { class: 'history', 'aria-label': 'History' },
    h('h3', {}, 'History'),
    h('div', { class: 'scroll' }, rows, older),
  );

  function row(step) {
    const notes = { unchanged: 'no change', failed: 'failed', stop: 'stopped', migrate: 'migrated' }[
      step.kind
    ];
    const button = h(
      'button',
      {
        type: 'button',
        class: `step ${step.kind}`,
        'data-cursor': step.cursor,
        'data-revision': step.revision,
        onClick: () => onChoose(step),
      },
      h('span', { class: 'rev' }, String(step.revision)),
      h(
        'span',
        { class: 'event', title: step.eventType },
        labelOf(step) ?? eventText(step.eventType),
        notes && h('em', {}, notes),
      ),
      h('time', { datetime: step.at }, timeText(step.at)),
      h(
        'span',
        { class: 'after' },
        h('span', {}, `→ ${stateText(step.value)}`),
        step.source &&
          h('span', { class: 'from', title: step.source }, `from ${sourceText(step.source, address)}`),
      ),
    );
    return h('li', {}, button);
  }

  function mark() {
    for (const button of rows.querySelectorAll('button')) {
      const isChosen = button.dataset.cursor === chosen;
      button.setAttribute('aria-pressed', String(isChosen));
      button.tabIndex =
        isChosen || (chosen === null && button.parentElement === rows.firstElementChild) ? 0 : -1;
    }
  }

  async function loadOlder() {
    const oldest = steps[0]?.revision ?? 1;
    const from = Math.max(1, oldest - olderCount);
    try {
      const found = await actorHistory(address, { from, limit: olderCount });
      const earlier = found.filter((step) => step.revision < oldest);
      steps = [...earlier, ...steps];
      rows.append(...earlier.toReversed().map(row));
      older.hidden = earlier.length === 0 || earlier[0].revision <= 1;
      mark();
    } catch (error) {
      onError(error);
    }
  }

  rows.addEventListener('keydown', (event) => {
    const move = { ArrowDown: -1, ArrowUp: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const focused = document.activeElement?.dataset?.cursor;
    const next = steps[steps.findIndex(({ cursor }) => cursor === focused) + move];
    if (!next) return;
    onChoose(next);
    rows.querySelector(`[data-cursor="${CSS.escape(next.cursor)}"]`)?.focus();
  });

  return {
    element,
    /** All steps known, oldest first. */
    get steps() {
      return steps;
    },
    /** Shows these, and what the live stream brought while they were read. */
    set(found) {
      const read = new Set(found.map(({ cursor }) => cursor));
      steps = [...found, ...steps.filter(({ cursor }) => !read.has(cursor))];
      rows.replaceChildren(...steps.toReversed().map(row));
      older.hidden = (steps[0]?.revision ?? 1) <= 1;
      mark();
    },
    add(step) {
      if (steps.some(({ cursor }) => cursor === step.cursor)) return;
      steps.push(step);
      const line = row(step);
      line.classList.add('new');
      rows.prepend(line);
      mark();
    },
    /** Marks the step that is looked at; null for none. */
    choose(cursor) {
      chosen = cursor;
      mark();
      rows.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: 'nearest' });
    },
  };
}
