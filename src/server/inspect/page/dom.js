/** Small helpers that make elements. Text is always set as text, never as markup. */

const svgNamespace = 'http://www.w3.org/2000/svg';

/**
 * An HTML element. Properties: `class`, `on<Event>` listeners, `data-*`, `aria-*` and attributes; null, undefined
 * and false are left out. Children: nodes, text, arrays of them.
 */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2).toLowerCase(), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
