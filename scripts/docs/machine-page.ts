/** docs/machines.md: each machine with the rules of its docstring and a picture of its states, made from the machine. */
import { readFileSync } from 'node:fs';
import type { DurableMachine } from '../../src/actors/runtime/index.ts';
import { machines } from '../../src/machines/index.ts';
import { machineGraph } from '../../src/server/inspect/machine-graph.ts';
import { stateDiagram } from './state-diagram.ts';

const HEAD = `# The machines

<!-- Made by \`npm run docs\` from src/machines. What you change here is overwritten; a test compares. -->

Everything that lasts in TTAI is one of these ${machines.length} machines. Each is one file of pure XState, which says what should happen; [the durable runtime](runtime.md) makes it happen. The rules are those of the files' heads. In the pictures, a name in round brackets is the effect that runs in a state, \`done\` and \`error\` are how it has ended, \`always\` is taken at once, and a condition stands in square brackets, the first that is met counting. Below each picture stands what it cannot show; \`stays\` is a transition that changes no state. The same machines, with where an actor is now, are in the inspector.
`;

/** The whole page. Throws when a machine's file has no head. */
export function machinePage(): string {
  const list = machines.map(({ id }) => `- [${id}](#${id.toLowerCase()})`).join('\n');
  return [HEAD, list, ...machines.map((machine) => section(machine as DurableMachine))].join('\n');
}

function section(machine: DurableMachine): string {
  const { id, version } = machine;
  const file = `src/machines/${id.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.ts`;
  const { mermaid, words } = stateDiagram(machineGraph(machine));
  return [
    `\n## ${id}\n`,
    `[${file}](../${file}), version ${version}\n`,
    rulesOf(file),
    `\n\`\`\`mermaid\n${mermaid.join('\n')}\n\`\`\``,
    ...(words.length > 0 ? [`\n${words.map((line) => `- ${line}`).join('\n')}`] : []),
  ].join('\n');
}

/** The file's head, with each paragraph on one line. */
function rulesOf(file: string): string {
  const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  const head = /^\/\*\*([\s\S]*?)\*\//.exec(source)?.[1];
  if (head === undefined)
    throw new Error(`${file} does not begin with what the machine is: write a docstring.`);
  return head
    .split('\n')
    .map((line) => line.replace(/^ \*? ?/, '').trimEnd())
    .join('\n')
    .trim()
    .replaceAll(/\n(?!\n|- )(?<!\n\n)/g, ' ');
}
