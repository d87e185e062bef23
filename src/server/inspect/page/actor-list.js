/** The list of actors: grouped by machine, filtered by what is typed, kept current by the live stream. */
import { listActors } from './api.js';
import { h } from './dom.js';
import { agoText, shortKey, stateText } from './format.js';

const pageSize = 100;

/**
 * @param elements search field, status choice, scope buttons and the list's box
 * @param onError told what went wrong
 */
export function createActorList({ search, status, scopes, box, onError }) {
  const state = {
    scope: 'own',
    actors: new Map(),
    next: null,
    selected: null,
    closed: new Set(),
    loading: true,
  };
  const lines = new Map();
  let asked = 0;

  async function load(cursor = null) {
    asked += 1;
    const mine = asked;
    try {
      const page = await listActors({ scope: state.scope, status: status.value, limit: pageSize, cursor });
      if (mine !== asked) return;
      if (cursor === null) state.actors.clear();
      for (const actor of page.actors) state.actors.set(actor.address, actor);
      state.next = page.next;
      state.loading = false;
      draw();
    } catch (error) {
      onError(error);
    }
  }

  function matches(actor) {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const text =
      `${actor.address} ${actor.subject ?? ''} ${stateText(actor.value)} ${actor.status}`.toLowerCase();
    return words.every((word) => text.includes(word));
  }

  function draw() {
    const focused = document.activeElement?.closest?.('.actor')?.dataset.address;
    const groups = new Map();
    for (const actor of [...state.actors.values()].filter(matches)) {
      groups.set(actor.machine, [...(groups.get(actor.machine) ?? []), actor]);
    }
    lines.clear();
    const sections = [...groups]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([machine, actors]) => group(machine, actors));
    box.replaceChildren(...sections, ...hints(sections.length === 0));
    if (focused) lines.get(focused)?.focus();
  }

  function group(machine, actors) {
    const active = actors.filter((actor) => actor.status === 'active').length;
    return h(
      'details',
      {
        class: 'group',
        open: !state.closed.has(machine),
        onToggle: (event) => (event.target.open ? state.closed.delete(machine) : state.closed.add(machine)),
      },
      h(
        'summary',
        {},
        h('b', {}, machine),
        h(
          'span',
          { class: 'count' },
          active > 0 ? `${active} active of ${actors.length}` : `${actors.length}`,
        ),
      ),
      h(
        'ul',
        {},
        actors.map((actor) => h('li', {}, line(actor))),
      ),
    );
  }

  function line(actor) {
    const element = h('a', {
      class: 'actor',
      href: `#/actor/${encode(actor.address)}`,
      'data-address': actor.address,
    });
    lines.set(actor.address, element);
    fillLine(element, actor);
    return element;
  }

  function fillLine(element, actor) {
    if (actor.address === state.selected) element.setAttribute('aria-current', 'page');
    else element.removeAttribute('aria-current');
    const end = endOf(actor);
    element.replaceChildren(
      h('span', {
        class: `status ${end}`,
        title: end,
        role: 'img',
        'aria-label': end,
      }),
      h(
        'span',
        { class: 'what' },
        h(
          'span',
          { class: 'name' },
          actor.subject ? h('b', {}, actor.subject) : null,
          h('code', { title: actor.key }, shortKey(actor.key)),
        ),
        h('span', { class: 'where' }, stateText(actor.value)),
      ),
      h(
        'span',
        { class: 'when' },
        h('time', { datetime: actor.updatedAt, 'data-ago': actor.updatedAt }, agoText(actor.updatedAt)),
        actor.simulated && h('span', { class: 'tiny', title: 'Simulated data' }, 'sim'),
      ),
    );
  }

  function hints(empty) {
    if (state.loading) return [h('p', { class: 'hint' }, 'Loading…')];
    return [
      empty &&
        h(
          'p',
          { class: 'hint' },
          search.value ? 'No actor here matches.' : 'No actors yet. They appear as they start.',
        ),
      state.next &&
        h(
          'button',
          { type: 'button', class: 'button wide', onClick: () => load(state.next) },
          'Show older ones',
        ),
    ].filter(Boolean);
  }

  function belongs(actor) {
    return (
      (state.scope === 'system') === (actor.owner === 'system') &&
      (!status.value || status.value === actor.status)
    );
  }

  search.addEventListener('input', draw);
  search.addEventListener('keydown', (event) => {
    const typed = search.value.trim();
    if (event.key !== 'Enter' || !typed.includes('/')) return;
    location.hash = `#/actor/${encode(typed)}`;
  });
  status.addEventListener('change', () => void load());
  for (const button of scopes) {
    button.addEventListener('click', () => {
      state.scope = button.dataset.scope;
      for (const other of scopes) other.setAttribute('aria-pressed', String(other === button));
      void load();
    });
  }
  box.addEventListener('keydown', (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!move) return;
    const all = [...box.querySelectorAll('.actor')].filter((element) => element.offsetParent);
    const next = all[all.indexOf(document.activeElement) + move];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });

  return {
    load: () => load(),
    select(address) {
      state.selected = address;
      for (const [shown, element] of lines) {
        if (shown === address) element.setAttribute('aria-current', 'page');
        else element.removeAttribute('aria-current');
      }
    },
    /** Takes in a step from the live stream. */
    update(step) {
      const known = state.actors.get(step.address);
      if (!belongs(step)) {
        if (known) {
          state.actors.delete(step.address);
          draw();
        }
        return;
      }
      const actor = { ...known, ...step };
      if (known) state.actors.set(step.address, actor);
      else state.actors = new Map([[step.address, actor], ...state.actors]);
      const element = lines.get(step.address);
      if (element && known.status === actor.status && matches(actor)) fillLine(element, actor);
      else draw();
      const shown = lines.get(step.address);
      shown?.classList.remove('stepped');
      // Reading a size makes the browser start the animation anew.
      void shown?.offsetWidth;
      shown?.classList.add('stepped');
    },
  };
}

/** Its status; of an actor that came to an orderly end without what it was for, how it ended. */
function endOf({ status, value }) {
  return status === 'done' && (value === 'failed' || value === 'cancelled') ? value : status;
}

function encode(address) {
  return address.split('/').map(encodeURIComponent).join('/');
}
