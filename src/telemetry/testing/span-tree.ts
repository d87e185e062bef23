/** For tests of traces: spans as a tree that can be compared with one that a person has written down. */

/** What an exporter or a collector knows of a span. */
export interface SeenSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentId: string | undefined;
  /** The spans that it links to. */
  links: readonly string[];
}

/**
 * One line for each span of a trace, two spaces deeper than its parent, siblings by name. A span whose parent was not
 * seen is marked with a question mark: the process that had it may have been killed.
 */
export function treeOf(all: readonly SeenSpan[], traceId: string): string[] {
  const spans = all.filter((span) => span.traceId === traceId);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = (parentId: string, indent: string): string[] =>
    spans
      .filter((span) => span.parentId === parentId)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((span) => [`${indent}${span.name}`, ...below(span.spanId, `${indent}  `)]);
  return spans
    .filter(({ parentId }) => parentId === undefined || !ids.has(parentId))
    .flatMap(({ name, spanId, parentId }) => [
      parentId === undefined ? name : `? ${name}`,
      ...below(spanId, '  '),
    ]);
}
