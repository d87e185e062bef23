/** Puts the page together: the address line says what is shown, the live stream keeps it current. */
import { createActorList } from './actor-list.js';
import { createActorView } from './actor-view.js';
import { followSteps, viewer } from './api.js';
import { h } from './dom.js';
import { agoText, leftText } from './format.js';
import { setUpTheme } from './theme.js';

const find = (selector) => document.querySelector(selector);
const main = find('#main');
const live = find('#live');

const list = createActorList({
  search: find('#search'),
  status: find('#status'),
  scopes: [...document.querySelectorAll('[data-scope]')],
  box: find('#list'),
  onError: showTrouble,
});
let view = null;
let started = false;

/** `#/actor/<machine>/<key>` and, looking back, `/<revision>`. */
function readPlace() {
  const [kind, machine, key, revision] = location.hash.replace(/^#\//, '').split('/').map(decodeURIComponent);
  if (kind !== 'actor' || !machine || !key) return null;
  return { address: `${machine}/${key}`, revision: /^\d+$/.test(revision ?? '') ? Number(revision) : null };
}

function show() {
  let place = null;
  try {
    place = readPlace();
  } catch {
    // A malformed escape in the address line: show the start.
  }
  document.body.classList.toggle('chosen', place !== null);
  list.select(place?.address ?? null);
  find('#stately').href = `/inspect/stately${place ? `#${encodeURIComponent(place.address)}` : ''}`;
  if (!place) {
    view?.close();
    view = null;
    main.replaceChildren(welcome());
    document.title = 'TTAI inspector';
    return;
  }
  if (view?.address === place.address) {
    void view.look(place.revision);
    return;
  }
  view?.close();
  view = createActorView({ address: place.address, box: main, announce, onError: showTrouble });
  void view.open(place.revision);
}

function welcome() {
  return h(
    'div',
    { class: 'welcome' },
    h('h1', {}, 'Every workflow, alert and session is a state machine.'),
    h(
      'p',
      {},
      'Choose an actor to see its statechart, where it is now, what it waits for and every step it took. All of it is read from what is committed, so actors that sleep can be seen as well as busy ones.',
    ),
    h(
      'p',
      { class: 'keys' },
      h('kbd', {}, '/'),
      ' search  ',
      h('kbd', {}, '←'),
      h('kbd', {}, '→'),
      ' step through the history  ',
      h('kbd', {}, 'Esc'),
      ' back to now',
    ),
  );
}

function announce(text) {
  find('#announcer').textContent = text;
}

function showTrouble(error) {
  find('.trouble')?.remove();
  const close = h('button', { type: 'button', class: 'button', onClick: () => bar.remove() }, 'Dismiss');
  const bar = h('div', { class: 'trouble', role: 'alert' }, h('span', {}, error.message), close);
  document.body.append(bar);
}

window.addEventListener('hashchange', show);
document.addEventListener('keydown', (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') {
    if (typing) event.target.blur();
    else view?.backToNow();
  }
  if (typing) return;
  if (event.key === '/') {
    event.preventDefault();
    find('#search').focus();
  }
  if (event.key === 'ArrowLeft') view?.move(-1);
  if (event.key === 'ArrowRight') view?.move(1);
});

setInterval(() => {
  for (const element of document.querySelectorAll('[data-due]'))
    element.textContent = leftText(element.dataset.due);
  for (const element of document.querySelectorAll('[data-ago]'))
    element.textContent = agoText(element.dataset.ago);
}, 1_000);

setUpTheme(find('#theme'));
// What serves all owners is for operators.
viewer().then(({ operator }) => {
  find('#scopes').hidden = !operator;
}, showTrouble);
followSteps({
  onState(state) {
    live.textContent = state;
    live.dataset.state = state;
    // Without a live stream the page still shows what is.
    if (state !== 'live' && !started) start();
  },
  onStep(step) {
    list.update(step);
    view?.take(step);
  },
  onStart: start,
});

/** Reads everything; the stream that just started brings what comes after. */
function start() {
  started = true;
  void list.load();
  view?.close();
  view = null;
  show();
}
