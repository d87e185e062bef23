/**
 * The bridge to Stately's visual inspector: hands the frames of /inspect/ws to its page, in a frame or a window.
 * Nothing of that page is loaded, and nothing sent, before the person asks for it. One actor at a time.
 */
import { listActors, statelyTarget, viewer } from './api.js';
import { h } from './dom.js';
import { shortKey, stateText } from './format.js';
import { setUpTheme } from './theme.js';

const find = (selector) => document.querySelector(selector);
const live = find('#live');
const choice = find('#actor');
let socket = null;
let listening = new AbortController();

/** Opens the inspector's page where `open` puts it and serves it from then on. */
function connect({ url, origin }, open) {
  const address = choice.value;
  let receiver = null;
  listening.abort();
  listening = new AbortController();
  // It says so when it is ready, and again after each reload: it forgot everything then, and gets all again.
  const onMessage = (message) => {
    if (message.origin !== origin || message.source !== receiver) return;
    if (message.data?.type === '@statelyai.connected')
      send(address, (frame) => receiver.postMessage(frame, origin));
  };
  window.addEventListener('message', onMessage, { signal: listening.signal });
  receiver = open(url);
  if (!receiver) return complain('The browser did not open the window.');
  say('waiting for the page', 'reconnecting');
}

/** Sends the actor from its announcement on; a new socket is told everything. */
function send(address, deliver) {
  socket?.close();
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const opened = new WebSocket(
    `${scheme}://${location.host}/inspect/ws?address=${encodeURIComponent(address)}`,
  );
  socket = opened;
  opened.addEventListener('open', () => say(`sending ${address}`, 'live'));
  opened.addEventListener('message', (message) => deliver(JSON.parse(message.data)));
  opened.addEventListener('close', () => {
    if (socket !== opened) return;
    say('reconnecting', 'reconnecting');
    setTimeout(() => socket === opened && send(address, deliver), 2_000);
  });
}

function openFrame(url) {
  const frame = h('iframe', {
    title: 'Stately’s inspector',
    src: url,
    sandbox: 'allow-scripts allow-same-origin allow-popups allow-forms',
    referrerpolicy: 'no-referrer',
  });
  find('#consent').hidden = true;
  find('#frame').hidden = false;
  find('#frame').replaceChildren(frame);
  return frame.contentWindow;
}

function say(text, state) {
  live.textContent = text;
  live.dataset.state = state;
}

function complain(text) {
  find('#trouble').textContent = text;
}

async function start() {
  const [target, { operator }, own] = await Promise.all([
    statelyTarget(),
    viewer(),
    listActors({ limit: 100 }),
  ]);
  // What serves all owners is for operators.
  const common = operator ? await listActors({ scope: 'system', limit: 20 }) : { actors: [] };
  find('#origin').textContent = target.origin;
  const asked = decodeURIComponent(location.hash.slice(1));
  const actors = [...own.actors, ...common.actors];
  const options = actors.map(({ address, machine, key, subject, value }) => ({
    address,
    text: `${machine} ${subject ?? ''} ${shortKey(key)} · ${stateText(value)}`,
  }));
  if (asked && !actors.some(({ address }) => address === asked))
    options.unshift({ address: asked, text: asked });
  choice.replaceChildren(
    ...options.map(({ address, text }) => h('option', { value: address, selected: address === asked }, text)),
  );
  find('#consent').addEventListener('submit', (event) => {
    event.preventDefault();
    connect(target, openFrame);
  });
  find('#popup').addEventListener('click', () =>
    connect(target, (url) => window.open(url, 'xstateinspector')),
  );
}

setUpTheme(find('#theme'));
start().catch((error) => complain(error.message));
