/** The inspector's page and the bridge to Stately's inspector, in a real browser. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestDoor, type TestDoor } from '../src/server/inspect/testing/door.ts';
import { eventually } from '../src/server/inspect/testing/eventually.ts';
import { FakeSystem } from '../src/server/inspect/testing/fake-system.ts';
import { sampleAnalysis, sampleEverything } from '../src/server/inspect/testing/sample-machines.ts';
import { startBrowser } from './browser.ts';

const browser = await startBrowser();
const done = (id: string, output: unknown = {}) => ({ type: `xstate.done.actor.${id}`, output });

let fake: FakeSystem;
let door: TestDoor;
let page: Page;
let problems: string[];

beforeEach(async () => {
  fake = new FakeSystem([sampleAnalysis, sampleEverything]);
  fake.now = Date.now();
  door = await startTestDoor(fake.asSystem());
});
afterEach(async () => {
  await page?.context().close();
  await door.stop();
});
afterAll(() => browser?.close());

async function open(path: string, options: BrowserContextOptions = {}): Promise<void> {
  const context = await (browser as Browser).newContext({
    viewport: { width: 1440, height: 900 },
    ...options,
  });
  page = await context.newPage();
  problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(`${door.url}${path}`);
}

/** State nodes that the chart shows as active, without the machine itself. */
const activeStates = () =>
  page
    .locator('.state.active:not(.root)')
    .evaluateAll((states) => states.map((state) => state.getAttribute('data-state')));
const takenEdges = () =>
  page
    .locator('.label.taken')
    .evaluateAll((labels) => labels.map((label) => label.textContent?.split('\n').at(-1)));

describe.skipIf(browser === null)('the page', () => {
  test('offers what serves all owners to operators only', async () => {
    fake.start('analysis', 'common', { owner: 'system' });
    await open('/inspect');
    const system = page.getByRole('button', { name: 'System', exact: true });
    await eventually(() => page.locator('#live').textContent()).toBe('live');
    expect(await system.isVisible()).toBe(false);
    door.caller = { owner: 'local', operator: true };
    await page.reload();
    await system.click();
    await eventually(() => page.locator('.actor').count()).toBe(1);
  });

  test('lists actors by machine, finds them, and shows new ones as they come', async () => {
    const address = fake.start('analysis', 'aaaa');
    fake.start('everything', 'bbbb', { input: { start: 0 } });
    await open('/inspect');
    const actors = page.locator('.actor');
    await eventually(() => actors.count()).toBe(2);
    expect(await page.locator('.group summary b').allTextContents()).toEqual(['analysis', 'everything']);
    await page.getByLabel('Search actors').fill('aapl fetch');
    await eventually(() => actors.count()).toBe(1);
    await page.getByLabel('Search actors').fill('');
    fake.start('analysis', 'cccc');
    await eventually(() => actors.count()).toBe(3);
    fake.step(address, { type: 'CANCEL' });
    await eventually(() => page.locator('.actor', { hasText: 'aaaa' }).textContent()).toContain('cancelled');
    expect(await page.locator('#live').textContent()).toBe('live');
    expect(problems).toEqual([]);
  });

  test('draws the chart, and moves the active state as steps are committed', async () => {
    const address = fake.start('analysis', 'aaaa');
    await open('/inspect');
    await page.locator('.actor').click();
    await eventually(activeStates).toEqual(['analysis.fetchMarketData']);
    expect(await page.locator('.chart .state').count()).toBe(18);
    fake.step(address, done('marketData'), { source: 'effect' });
    await eventually(activeStates).toEqual(['analysis.chart']);
    expect((await takenEdges()).join()).toContain('done: marketData');
    fake.step(address, done('chart'));
    await eventually(activeStates).toEqual([
      'analysis.analyze',
      'analysis.analyze.options',
      'analysis.analyze.options.running',
      'analysis.analyze.research',
      'analysis.analyze.research.running',
    ]);
    expect(await page.locator('.chart').getAttribute('aria-label')).toContain(
      'analysis.analyze.research.running',
    );
    expect(await page.locator('.badge.simulated').textContent()).toBe('Simulated data');
    expect(problems).toEqual([]);
  });

  test('shows the history; choosing a step goes back in time, and Escape comes back', async () => {
    const address = fake.start('analysis', 'aaaa');
    fake.set(address, { context: { symbol: 'AAPL', progress: 1 } });
    fake.step(address, done('marketData', { bars: 250 }), { source: 'effect' });
    fake.set(address, { context: { symbol: 'AAPL', progress: 2 } });
    fake.step(address, { type: 'CANCEL' }, { source: 'mcp' });
    await open('/inspect#/actor/analysis/aaaa');
    const steps = page.locator('.step');
    await eventually(() => steps.locator('.event').allTextContents()).toEqual([
      'CANCEL',
      'done: marketData',
      'started',
    ]);
    expect(await steps.first().textContent()).toContain('from mcp');

    await steps.nth(1).click();
    await eventually(() => page.locator('.banner').textContent()).toContain('revision 2 of 3');
    await eventually(activeStates).toEqual(['analysis.chart']);
    expect(await page.locator('[aria-label="Context"]').textContent()).toContain('progress1');
    expect(page.url()).toMatch(/#\/actor\/analysis\/aaaa\/2$/);

    await page.keyboard.press('ArrowLeft');
    await eventually(activeStates).toEqual(['analysis.fetchMarketData']);
    await page.keyboard.press('Escape');
    await eventually(activeStates).toEqual(['analysis.cancelled']);
    expect(await page.locator('.banner').isVisible()).toBe(false);
    expect(problems).toEqual([]);
  });

  test('while it looks back, new steps join the history and the chart stays', async () => {
    const address = fake.start('analysis', 'aaaa');
    fake.step(address, done('marketData'));
    await open('/inspect#/actor/analysis/aaaa/1');
    await eventually(activeStates).toEqual(['analysis.fetchMarketData']);
    fake.step(address, { type: 'CANCEL' });
    await eventually(() => page.locator('.banner').textContent()).toContain('revision 1 of 3');
    expect(await page.locator('.step').count()).toBe(3);
    expect(await activeStates()).toEqual(['analysis.fetchMarketData']);
  });

  test('says what an actor waits for: effects, timers with the time left, events', async () => {
    const address = fake.start('analysis', 'aaaa');
    fake.set(address, {
      effects: [{ id: 'marketData', src: 'fetchMarketData', effectId: 'e' }],
      timers: [
        {
          id: 'xstate.after.x',
          due: new Date(Date.now() + 90_000),
          event: { type: 'xstate.after.90000.analysis' },
        },
      ],
    });
    await open('/inspect#/actor/analysis/aaaa');
    const waits = page.locator('[aria-label="Waits for"]');
    await eventually(() => waits.textContent()).toContain('fetchMarketData');
    expect(await waits.textContent()).toMatch(/after 1 min 30 s.*in 1 min (30|2\d) s/s);
    expect(await waits.locator('.chip').allTextContents()).toEqual(['CANCEL']);
  });

  test('what someone wrote into a context is text, never markup', async () => {
    const address = fake.start('analysis', 'aaaa');
    fake.set(address, {
      context: { symbol: '<img src=x onerror=alert(1)>', note: '<script>alert(1)</script>' },
    });
    await open('/inspect#/actor/analysis/aaaa');
    await eventually(() => page.locator('.actor-head').textContent()).toContain('<img');
    expect(await page.locator('main img').count()).toBe(0);
    expect(problems).toEqual([]);
  });

  test('an actor that does not exist is said so', async () => {
    await open('/inspect#/actor/analysis/nobody');
    await eventually(() => page.locator('main').textContent()).toContain('No such actor');
  });

  test('comes back by itself when the server was away, with what happened meanwhile', async () => {
    const address = fake.start('analysis', 'aaaa');
    await open('/inspect#/actor/analysis/aaaa');
    await eventually(activeStates).toEqual(['analysis.fetchMarketData']);
    const port = Number(new URL(door.url).port);
    await door.stop();
    await eventually(() => page.locator('#live').textContent()).toBe('reconnecting');
    fake.step(address, { type: 'CANCEL' });
    door = await startTestDoor(fake.asSystem(), {}, port);
    await eventually(activeStates).toEqual(['analysis.cancelled']);
    expect(await page.locator('.step').count()).toBe(2);
  });

  test('asks nobody but its own server', async () => {
    fake.start('analysis', 'aaaa');
    const hosts = new Set<string>();
    await open('/inspect');
    page.on('request', (request) => hosts.add(new URL(request.url()).origin));
    await page.reload();
    await page.locator('.actor').click();
    await eventually(activeStates).toEqual(['analysis.fetchMarketData']);
    expect([...hosts]).toEqual([door.url]);
  });
});

/** A page that stands in for Stately's: its own receiver, writing down what it hears. */
async function startStandIn(): Promise<{ url: string; server: Server }> {
  const bundle = await build({
    stdin: {
      contents: `
        import { createBrowserReceiver } from '@statelyai/inspect';
        window.heard = [];
        createBrowserReceiver().subscribe((event) => window.heard.push(event));
      `,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: 'iife',
  });
  const script = bundle.outputFiles[0]?.text ?? '';
  const server = createServer((request, response) => {
    const isScript = request.url === '/script.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html><script src="/script.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/inspect`, server };
}

describe.skipIf(browser === null)('the bridge to Stately', () => {
  let standIn: { url: string; server: Server };
  beforeAll(async () => {
    standIn = await startStandIn();
  });
  afterAll(() => {
    standIn.server.closeAllConnections();
    standIn.server.close();
  });
  beforeEach(async () => {
    await door.stop();
    door = await startTestDoor(fake.asSystem(), { statelyUrl: standIn.url });
  });

  type Heard = { type: string; name?: string; definition?: string; snapshot?: { value?: unknown } };
  const frame = () => page.frames().find((candidate) => candidate.url() === standIn.url);
  /** What the receiver heard since its page was loaded; nothing while it loads. */
  const heard = async (): Promise<Heard[]> => {
    try {
      return (await frame()?.evaluate(() => (globalThis as unknown as { heard?: Heard[] }).heard)) ?? [];
    } catch {
      return [];
    }
  };
  const types = async () => (await heard()).map(({ type }) => type.replace('@xstate.', ''));

  test('loads nothing before the person agrees', async () => {
    fake.start('analysis', 'aaaa');
    const asked: string[] = [];
    await open('/inspect');
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    await page.goto(`${door.url}/inspect/stately`);
    await eventually(() => page.locator('#actor option').count()).toBe(1);
    expect(await page.locator('#origin').textContent()).toBe(new URL(standIn.url).origin);
    expect(new Set(asked)).toEqual(new Set([door.url]));
    expect(await page.locator('iframe').count()).toBe(0);
  });

  test('hands Stately’s own receiver the actor, its past, and each step; all again when it reloads', async () => {
    const address = fake.start('analysis', 'aaaa');
    fake.start('analysis', 'bbbb');
    await open(`/inspect/stately#${encodeURIComponent(address)}`);
    await page.getByRole('button', { name: 'Load it here and send' }).click();
    await eventually(types).toEqual(['actor', 'event', 'snapshot']);
    fake.step(address, done('marketData'));
    await eventually(types).toEqual(['actor', 'event', 'snapshot', 'event', 'snapshot']);
    const [actor] = await heard();
    expect(actor).toMatchObject({ name: address });
    expect(JSON.parse(actor?.definition ?? '')).toMatchObject({ id: 'analysis' });
    expect((await heard()).at(-1)?.snapshot?.value).toBe('chart');

    await frame()?.evaluate(() => {
      const there = globalThis as unknown as { heard: Heard[]; location: { reload(): void } };
      there.heard = [];
      there.location.reload();
    });
    await eventually(types).toEqual(['actor', 'event', 'snapshot', 'event', 'snapshot']);
    expect((await heard())[0]?.snapshot?.value).toBe('chart');
    expect(problems).toEqual([]);
  });
});
