/**
 * What docs/runtime.md says is what there is: its links, the promises' tests, the metrics and the commands. And
 * docs/machines.md is what the machines say now.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { machinePage } from '../scripts/docs/machine-page.ts';
import { stateDiagram } from '../scripts/docs/state-diagram.ts';
import { machines } from '../src/machines/index.ts';
import { machineGraph } from '../src/server/inspect/machine-graph.ts';

const docs = fileURLToPath(new URL('../docs/', import.meta.url));
const page = readFileSync(`${docs}runtime.md`, 'utf8');

test('every file that it links to is there', () => {
  const links = [...page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path);
  expect(links.length).toBeGreaterThan(20);
  for (const path of links) expect(existsSync(`${docs}${path}`), path).toBe(true);
});

test('each promise has a test that is named after it', () => {
  for (let promise = 1; promise <= 16; promise++) {
    const row = page.split('\n').find((line) => line.startsWith(`| R${promise} |`)) ?? '';
    const files = [...row.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) =>
      readFileSync(`${docs}${path}`, 'utf8'),
    );
    expect(files.length, `R${promise}`).toBeGreaterThan(0);
    for (const text of files)
      expect(text).toMatch(new RegExp(`(?:test|describe)[^\\n]*\\(\\s*['\`]R${promise}: `));
  }
});

test('every metric that it names is one', () => {
  const source = ['runtime-metrics', 'metrics']
    .map((name) => fileURLToPath(new URL(`../src/telemetry/${name}.ts`, import.meta.url)))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const named = [...page.matchAll(/`(ttai_\w+)`/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(10);
  for (const name of named) expect(source, name).toContain(name);
});

test('docs/machines.md is what the machines say now; if not: npm run docs', () => {
  const committed = readFileSync(`${docs}machines.md`, 'utf8');
  expect(committed).toBe(`${machinePage()}\n`);
});

test.each(machines.map((machine) => [machine.id, machine] as const))(
  'the picture of %s has each state, and each transition is drawn or said',
  (_, machine) => {
    const graph = machineGraph(machine as Parameters<typeof machineGraph>[0]);
    const { mermaid, words } = stateDiagram(graph);
    const states = mermaid.filter((line) => /^ *state "/.test(line));
    const alike = /has (\d+) such regions/.exec(words.join('\n'))?.[1] ?? '1';
    const [first] = graph.nodes.filter(({ parent }) => parent === `${graph.id}.analyze`);
    const inRegion = graph.nodes.filter(({ id }) => id.startsWith(`${first?.id}`)).length;
    expect(states.length + (Number(alike) - 1) * inRegion).toBe(graph.nodes.length - 1);
    const said = [...mermaid.filter((line) => line.includes('-->')), ...words].join('\n');
    for (const { kind, label, guard } of graph.edges) {
      const what = kind === 'done' || kind === 'error' ? kind : label;
      expect(said).toContain(guard === null ? what : `${what} [${guard}]`);
    }
    // A name that Mermaid takes for something else breaks the whole picture.
    for (const line of mermaid) expect(line).not.toMatch(/[;#%]|\bend\b/);
  },
);
