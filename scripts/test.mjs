/**
 * `npm test`: type check, lint and the tests of both languages, with one summary.
 * `npm test -- <path or words>` runs just the vitest files that match; `npm test -- python/...` just those of pytest.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'ttai-counts-'));
const bin = (name) => join(project, 'node_modules', '.bin', name);
const python = join(project, '.venv', 'bin', 'python');
const filters = process.argv.slice(2);

/** Quick, and silent unless they fail. */
const checks = [
  { name: 'type check', command: bin('tsc'), args: ['--noEmit'] },
  { name: 'lint and format', command: bin('biome'), args: ['ci', '--colors=off', '.'] },
  ...pythonChecks(),
];

function pythonChecks() {
  const settings = join(project, 'python', 'pyproject.toml');
  const text = existsSync(settings) ? readFileSync(settings, 'utf8') : '';
  const cwd = join(project, 'python');
  const found = [];
  if (text.includes('[tool.ruff')) {
    found.push({ name: 'ruff', command: python, args: ['-m', 'ruff', 'check', '.'], cwd });
    found.push({ name: 'ruff format', command: python, args: ['-m', 'ruff', 'format', '--check', '.'], cwd });
  }
  if (text.includes('[tool.mypy')) found.push({ name: 'mypy', command: python, args: ['-m', 'mypy'], cwd });
  return found;
}

function vitest(words) {
  const counts = join(scratch, 'vitest.json');
  const reporters = ['--reporter=default', `--reporter=${join(project, 'scripts', 'vitest-counts.mjs')}`];
  return {
    name: 'vitest',
    command: process.execPath,
    args: [join(project, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...reporters, ...words],
    env: { TTAI_TEST_COUNTS: counts },
    live: true,
    counts: () => (existsSync(counts) ? JSON.parse(readFileSync(counts, 'utf8')) : null),
  };
}

function pytest(words) {
  const report = join(scratch, 'pytest.xml');
  const paths = words.length > 0 ? words : ['python/tests'];
  return {
    name: 'pytest',
    command: python,
    args: ['-m', 'pytest', '-q', '-rs', `--junitxml=${report}`, ...paths],
    counts: () => (existsSync(report) ? readJunit(readFileSync(report, 'utf8')) : null),
  };
}

function readJunit(xml) {
  const sum = (attribute) =>
    [...xml.matchAll(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`, 'g'))].reduce(
      (n, found) => n + Number(found[1]),
      0,
    );
  const skipped = [
    ...xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"[^>]*><skipped[^>]*message="([^"]*)"/g),
  ];
  const failed = sum('failures') + sum('errors');
  return {
    passed: sum('tests') - failed - sum('skipped'),
    failed,
    skipped: skipped.map(([, file, name, reason]) => ({ name: `${file} > ${name}`, reason })),
  };
}

/** Ctrl-C reaches vitest by itself, which then stops its Postgres; SIGTERM to npm reaches only us. */
const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const child of running) child.kill('SIGINT');
  });
}

/** Runs one step; the output of those that are not live is shown when they fail, or at their end when they count. */
function run(step) {
  const startedAt = Date.now();
  console.log(`... ${step.name}`);
  return new Promise((resolve) => {
    const child = spawn(step.command, step.args, {
      cwd: step.cwd ?? project,
      env: {
        ...process.env,
        ...step.env,
        PATH: `${join(project, 'node_modules', '.bin')}:${process.env.PATH}`,
      },
      stdio: step.live ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', (error) => {
      output += error.message;
    });
    child.on('close', (exitCode) => {
      running.delete(child);
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      if (!step.live && (exitCode !== 0 || step.counts))
        console.log(`\n=== ${step.name}\n${output.trim()}\n`);
      resolve({ ...step, ok: exitCode === 0, seconds });
    });
  });
}

function summarize(results) {
  const total = { passed: 0, failed: 0, skipped: [] };
  console.log('');
  for (const { name, ok, seconds, counts } of results) {
    console.log(`${ok ? 'passed' : 'FAILED'}  ${name} (${seconds} s)`);
    const found = counts?.() ?? { passed: 0, failed: 0, skipped: [] };
    total.passed += found.passed;
    // A step that failed without a failed test counts as one, so that the sum never hides it.
    total.failed += found.failed || (ok ? 0 : 1);
    total.skipped.push(...found.skipped);
  }
  if (total.skipped.length > 0) console.log(`\nLeft out (${total.skipped.length}):`);
  for (const { name, reason } of total.skipped) console.log(`  ${name}${reason ? `: ${reason}` : ''}`);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
  return total.failed === 0;
}

async function main() {
  if (filters.length > 0) {
    const forPython = filters.every((filter) => filter.startsWith('python/'));
    return [await run(forPython ? pytest(filters) : vitest(filters))];
  }
  // The checks first: they are quick, and their errors explain many a failed test.
  const checked = await Promise.all(checks.map(run));
  return [...checked, ...(await Promise.all([run(pytest([])), run(vitest([]))]))];
}

try {
  process.exitCode = summarize(await main()) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
