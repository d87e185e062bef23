/** The inspector's routes as functions. Failures are thrown as Errors whose message a person can read. */

const base = '/inspect/api';

async function get(path) {
  const response = await fetch(base + path, { headers: { accept: 'application/json' } });
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const message = body?.error?.message ?? `The server answered ${response.status}.`;
  throw Object.assign(new Error(message), { code: body?.error?.code ?? 'unknown' });
}

/** The path of an address, `machine/key`. */
function pathOf(address) {
  return address.split('/').map(encodeURIComponent).join('/');
}

const charts = new Map();

/** A machine version's graph and layout; asked for once. */
export function machineChart(machine, version) {
  const name = `${machine}/${version}`;
  if (!charts.has(name)) {
    const asked = get(`/machines/${pathOf(name)}`);
    charts.set(name, asked);
    asked.catch(() => charts.delete(name));
  }
  return charts.get(name);
}

/** A page of actors, newest first: `{actors, next}`. */
export function listActors(query) {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== '' && value !== null,
  );
  return get(`/actors?${new URLSearchParams(given)}`);
}

export function actorDetail(address) {
  return get(`/actors/${pathOf(address)}`);
}

/** Steps, oldest first; the last ones, or from a revision on. */
export async function actorHistory(address, { from, limit = 100 } = {}) {
  const query = new URLSearchParams({ limit, ...(from !== undefined && { from }) });
  return (await get(`/actors/${pathOf(address)}/history?${query}`)).steps;
}

export function stepDetail(address, revision) {
  return get(`/actors/${pathOf(address)}/history/${revision}`);
}

/** Who looks: `{owner, operator}`. */
export function viewer() {
  return get('/viewer');
}

export function statelyTarget() {
  return get('/stately');
}

/**
 * Follows all steps that this person may see. The browser reconnects by itself and goes on where it was. When the
 * server refuses the stream, a new one is opened after a while; `onStart` tells that one starts, so that what was
 * missed before it can be read.
 */
export function followSteps({ onStep, onState, onStart }) {
  const open = () => {
    const source = new EventSource(`${base}/stream`);
    let started = false;
    source.addEventListener('ready', () => {
      onState('live');
      if (!started) onStart();
      started = true;
    });
    source.addEventListener('step', (message) => onStep(JSON.parse(message.data)));
    source.addEventListener('error', () => {
      onState('reconnecting');
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 3_000);
    });
  };
  open();
}
