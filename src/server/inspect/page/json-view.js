/** A collapsible view of a JSON value. Parts are built when they are opened, and stay open across refreshes. */
import { h } from './dom.js';

const longText = 160;

/**
 * @param value any JSON value
 * @param options.open paths that are open; kept up to date as the person opens and closes
 * @param options.before the value one revision earlier; what differs is marked
 */
export function jsonView(value, { open, before, hasBefore = false }) {
  return h('div', { class: 'json' }, body(value, { open, path: '', before, compare: hasBefore }));
}

function body(value, place) {
  if (typeof value !== 'object' || value === null) return scalar(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return h('span', { class: 'muted' }, Array.isArray(value) ? '[ ]' : '{ }');
  return h(
    'ul',
    {},
    entries.map(([key, inner]) => h('li', {}, field(key, inner, place))),
  );
}

function field(key, value, { open, path, before, compare }) {
  const inner = `${path}/${key}`;
  const earlier = typeof before === 'object' && before !== null ? before[key] : undefined;
  const changed = compare && JSON.stringify(earlier) !== JSON.stringify(value);
  const name = h(
    'span',
    { class: changed ? 'key changed' : 'key', title: changed ? 'Changed in this step' : null },
    key,
  );
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    return h('div', { class: 'field' }, name, body(value, {}));
  }
  const details = h('details', { open: open.has(inner) }, h('summary', {}, name, ' ', summary(value)));
  const build = () => details.append(body(value, { open, path: inner, before: earlier, compare }));
  if (details.open) build();
  details.addEventListener('toggle', () => {
    if (details.open) open.add(inner);
    else open.delete(inner);
    if (details.open && details.children.length === 1) build();
  });
  return details;
}

function summary(value) {
  const count = Object.keys(value).length;
  const text = Array.isArray(value)
    ? `[${count}]`
    : `{${Object.keys(value).slice(0, 4).join(', ')}${count > 4 ? ', …' : ''}}`;
  return h('span', { class: 'muted' }, text);
}

function scalar(value) {
  if (typeof value !== 'string')
    return h('span', { class: value === null ? 'null' : typeof value }, String(value));
  if (value.length <= longText) return h('span', { class: 'string' }, value);
  const more = h(
    'button',
    { type: 'button', class: 'more', onClick: () => text.replaceChildren(value) },
    '… all',
  );
  const text = h('span', { class: 'string' }, value.slice(0, longText), more);
  return text;
}
