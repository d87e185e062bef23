/** Words for values: states, times, events. */

/** A state value in one line: `analyze (options: running, research: done)`. */
export function stateText(value) {
  if (typeof value === 'string') return value;
  const parts = Object.entries(value ?? {});
  const [first] = parts;
  if (!first) return '—';
  if (parts.length === 1) {
    const inner = stateText(first[1]);
    if (inner === '—') return first[0];
    return isRegions(first[1]) ? `${first[0]} (${inner})` : `${first[0]} › ${inner}`;
  }
  return parts.map(([region, inner]) => `${region}: ${stateText(inner)}`).join(', ');
}

function isRegions(value) {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 1;
}

/** The clock time of an ISO time, to the millisecond; with the date when it was not today. */
export function timeText(iso) {
  const at = new Date(iso);
  const clock = `${at.toLocaleTimeString([], { hour12: false })}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  if (at.toDateString() === new Date().toDateString()) return clock;
  return `${at.toLocaleDateString([], { month: 'short', day: 'numeric' })} ${clock}`;
}

/** How long ago, shortly: `now`, `12 s`, `5 min`, `3 h`, `4 d`. */
export function agoText(iso) {
  return spanText(Date.now() - new Date(iso).getTime());
}

/** Time left until then: `in 12 s`, or `due`. */
export function leftText(iso) {
  const left = new Date(iso).getTime() - Date.now();
  return left <= 0 ? 'due' : `in ${spanText(left, true)}`;
}

function spanText(ms, precise = false) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 2 && !precise) return 'now';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) {
    const rest = seconds % 60;
    return precise && rest > 0
      ? `${Math.floor(seconds / 60)} min ${rest} s`
      : `${Math.floor(seconds / 60)} min`;
  }
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** An event's type in words; XState's own types are long. */
export function eventText(type) {
  if (type === 'xstate.init') return 'started';
  if (type === 'xstate.stop') return 'stopped';
  const actor = type.match(/^xstate\.(done|error)\.actor\.(.+)$/);
  if (actor) return `${actor[1]}: ${actor[2]}`;
  const done = type.match(/^xstate\.done\.state\.(.+)$/);
  if (done) return `done: ${done[1]}`;
  const after = type.match(/^xstate\.after\.([^.]+)\./);
  if (after) return `after ${/^\d+$/.test(after[1]) ? spanText(Number(after[1]), true) : after[1]}`;
  return type;
}

/** Text with the last part of a long key left out. */
export function shortKey(key) {
  return key.length <= 14 ? key : `${key.slice(0, 8)}…`;
}

/** Who sent an event, for a step of this address. An effect's result comes from the actor's own effect. */
export function sourceText(source, address) {
  if (source.startsWith(`${address}#`)) return 'its effect';
  const [machine, key] = source.split('/');
  return key === undefined ? source : `${machine}/${shortKey(key)}`;
}
