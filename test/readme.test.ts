/** What the README says is what there is: its settings, tools, commands and files. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createProgram } from '../src/cli/program.ts';
import { processTerminal } from '../src/cli/terminal.ts';
import { settingsAsMarkdown } from '../src/config.ts';
import { tools } from '../src/server/mcp/tools.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${project}README.md`, 'utf8');

test('the table of settings is that of src/config.ts', () => {
  expect(readme).toContain(settingsAsMarkdown());
});

test('it names every tool', () => {
  for (const { name } of tools) expect(readme).toContain(`\`${name}\``);
});

test('every command line that it shows exists', () => {
  const program = createProgram({ env: {}, terminal: processTerminal, exitWith: () => {} });
  const known = program.commands.map((command) => command.name());
  const shown = [...readme.matchAll(/ttai -- ([a-z-]+)/g)].map(([, name]) => name);
  expect(shown.length).toBeGreaterThan(5);
  for (const name of shown) expect(known).toContain(name);
});

test('its list of commands has every one, with what is below it', () => {
  const program = createProgram({ env: {}, terminal: processTerminal, exitWith: () => {} });
  const list = readme.slice(readme.indexOf('## The command line'), readme.indexOf('## For operators'));
  for (const command of program.commands) {
    const below = command.commands.map((one) => one.name());
    const shown = new RegExp(`\`${command.name()}(?: ([a-z|]+))?\``).exec(list);
    expect(shown, command.name()).not.toBeNull();
    // Those of operators have a section of their own.
    if (command.name() !== 'actors') expect(shown?.[1]?.split('|') ?? [], command.name()).toEqual(below);
  }
});

test('every file that it links to is there', () => {
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path);
  expect(links.length).toBeGreaterThan(3);
  for (const path of links) expect(existsSync(`${project}${path}`), path).toBe(true);
});
