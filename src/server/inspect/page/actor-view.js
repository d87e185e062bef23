/** One actor: header, chart, history and details; now, or as it was at an earlier revision. */
import { actorDetail, actorHistory, machineChart, stepDetail } from './api.js';
import { createChart } from './chart.js';
import { detailsPanel } from './details.js';
import { h } from './dom.js';
import { eventText, shortKey, stateText } from './format.js';
import { createHistory } from './history.js';

export function createActorView({ address, box, announce, onError }) {
  const [machine = '', key = ''] = address.split('/');
  const place = `#/actor/${encodeURIComponent(machine)}/${encodeURIComponent(key)}`;
  const opened = new Map();
  const parts = {
    header: h('header', { class: 'actor-head' }),
    banner: h('div', { class: 'banner', hidden: true, role: 'status' }),
    stage: h('div', { class: 'stage' }, h('p', { class: 'hint' }, 'Loading…')),
    details: h('aside', { class: 'details', 'aria-label': 'Details' }),
  };
  const history = createHistory({
    address,
    onError,
    labelOf,
    onChoose: (step) => goTo(isLatest(step) ? null : step.revision),
  });
  /** What is shown: the actor now, and the revision looked back at. */
  const shown = {
    last: null,
    now: null,
    previous: null,
    chart: null,
    edges: new Map(),
    revision: null,
    past: null,
    before: null,
  };
  const resized = new ResizeObserver(() => shown.chart?.fit());
  let closed = false;
  let refreshing = false;
  let stale = false;

  async function open(revision) {
    box.replaceChildren(
      h(
        'div',
        { class: 'actor-view' },
        parts.header,
        parts.banner,
        parts.stage,
        h('div', { class: 'side' }, history.element, parts.details),
      ),
    );
    try {
      const [now, steps] = await Promise.all([actorDetail(address), actorHistory(address)]);
      if (closed) return;
      shown.now = now;
      shown.last = await lastStep(now);
      history.set(steps);
      await look(revision);
      await drawChart(now);
      // The labels of the rows come from the chart. The person may have chosen a step meanwhile.
      history.set(history.steps);
      draw();
    } catch (error) {
      if (closed) return;
      box.replaceChildren(
        h(
          'div',
          { class: 'welcome' },
          h('h1', {}, error.code === 'actor_not_found' ? 'No such actor' : 'This actor can’t be shown'),
          h('p', {}, error.message),
          h('p', {}, h('a', { href: '#/' }, 'Back to the start')),
        ),
      );
    }
  }

  /** The step that led to now, in full; rows of the history leave out what is big. */
  function lastStep(now) {
    return stepDetail(address, now.revision).catch(() => null);
  }

  async function drawChart(now) {
    try {
      const data = await machineChart(now.machine, now.version);
      if (closed) return;
      shown.edges = new Map(data.edges.map((edge) => [edge.id, edge]));
      shown.chart = createChart(data);
      parts.stage.replaceChildren(shown.chart.element);
      resized.observe(parts.stage);
      shown.chart.fit();
    } catch (error) {
      parts.stage.replaceChildren(h('p', { class: 'hint' }, `There is no chart: ${error.message}`));
    }
  }

  /** Looks at a revision; null for now. */
  async function look(revision) {
    shown.revision = revision;
    shown.past = null;
    shown.before = null;
    if (revision !== null) {
      const earlier = revision > 1 ? stepDetail(address, revision - 1).catch(() => null) : null;
      try {
        const [past, before] = await Promise.all([stepDetail(address, revision), earlier]);
        if (closed || shown.revision !== revision) return;
        shown.past = past;
        shown.before = before;
      } catch (error) {
        onError(error);
        shown.revision = null;
      }
    }
    draw();
  }

  function draw() {
    const { now, past, revision, chart } = shown;
    if (!now) return;
    const latest = history.steps.at(-1);
    const step = past ?? (shown.last?.cursor === latest?.cursor ? shown.last : latest);
    const subject = past ?? now;
    document.title = `${subject.subject ?? shortKey(key)} ${stateText(subject.value)} · TTAI inspector`;
    parts.header.replaceChildren(...headerParts(now, subject));
    parts.banner.hidden = !past;
    if (past) parts.banner.replaceChildren(...bannerParts(past, now));
    chart?.mark({ active: subject.active, taken: step?.taken ?? [], past: Boolean(past) });
    const chosen = past
      ? history.steps.find((known) => known.revision === revision && known.kind !== 'unchanged')
      : null;
    history.choose(chosen?.cursor ?? null);
    const before = past ? shown.before : shown.previous;
    parts.details.replaceChildren(...detailsPanel({ now, step, past, before, opened }));
  }

  function headerParts(now, subject) {
    return [
      h('a', { class: 'back', href: '#/' }, '← Actors'),
      h(
        'h1',
        {},
        subject.subject && h('b', {}, subject.subject),
        h('span', {}, now.machine),
        h('code', { title: address }, shortKey(key)),
      ),
      h('span', { class: `badge ${subject.status}` }, subject.status),
      subject.value !== subject.status &&
        h('span', { class: 'state-now', title: 'State' }, stateText(subject.value)),
      subject.simulated &&
        h(
          'span',
          { class: 'badge simulated', title: 'Its context or output has source "simulated"' },
          'Simulated data',
        ),
      h('span', { class: 'grow' }),
      h('span', { class: 'muted' }, `revision ${subject.revision}`),
    ].filter(Boolean);
  }

  function bannerParts(past, now) {
    return [
      h(
        'span',
        {},
        'Looking back at ',
        h('b', {}, `revision ${past.revision}`),
        ` of ${now.revision}: `,
        labelOf(past) ?? eventText(past.eventType),
      ),
      h('span', { class: 'grow' }),
      h(
        'button',
        { type: 'button', class: 'button', onClick: () => move(-1), 'aria-label': 'One step back' },
        '←',
      ),
      h(
        'button',
        { type: 'button', class: 'button', onClick: () => move(1), 'aria-label': 'One step forward' },
        '→',
      ),
      h('button', { type: 'button', class: 'button strong', onClick: backToNow }, 'Back to now'),
    ];
  }

  /** The event's words as in the chart, when the step took a transition of it. */
  function labelOf(step) {
    const edge = shown.edges.get(step.taken[0]);
    return edge?.eventType === step.eventType ? edge.label : null;
  }

  function isLatest(step) {
    return step.revision === history.steps.at(-1)?.revision;
  }

  function goTo(revision) {
    const hash = revision === null ? place : `${place}/${revision}`;
    if (location.hash !== hash) location.hash = hash;
  }

  function backToNow() {
    goTo(null);
  }

  /** One committed step back or forward from what is shown. */
  function move(by) {
    const revisions = [...new Set(history.steps.map(({ revision }) => revision))];
    const at = shown.revision === null ? revisions.length - 1 : revisions.indexOf(shown.revision);
    const next = revisions[at + by];
    if (next === undefined) return;
    goTo(next === revisions.at(-1) ? null : next);
  }

  /** Reads the actor again; while a read is under way, once more after it. */
  async function refresh() {
    stale = true;
    if (refreshing) return;
    refreshing = true;
    try {
      while (stale && !closed) {
        stale = false;
        const now = await actorDetail(address);
        const last = await lastStep(now);
        if (closed) return;
        shown.last = last;
        if (shown.now && now.revision !== shown.now.revision) shown.previous = shown.now;
        shown.now = now;
        draw();
      }
    } catch (error) {
      onError(error);
    } finally {
      refreshing = false;
    }
  }

  return {
    address,
    open,
    look,
    move,
    backToNow,
    /** Takes in a step from the live stream. */
    take(step) {
      if (step.address !== address) return;
      history.add(step);
      void refresh();
      if (shown.revision === null)
        announce(`${step.subject ?? step.machine} is now in ${stateText(step.value)}`);
    },
    close() {
      closed = true;
      resized.disconnect();
    },
  };
}
