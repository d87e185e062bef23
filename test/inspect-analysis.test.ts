/** The inspector against the real runtime, database and analysis service, while an analysis runs. */
import { randomUUID } from 'node:crypto';
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnyStateNode, createMachine } from 'xstate';
import { AnalysisClient, allEffects, effectRooms, writeEmitted } from '../src/actors/effects/index.ts';
import { type ActorSystem, createActorSystem, type Effect } from '../src/actors/runtime/index.ts';
import { machines } from '../src/machines/index.ts';
import { createCharts } from '../src/server/inspect/layout.ts';
import { startTestDoor, type TestDoor } from '../src/server/inspect/testing/door.ts';
import { eventually } from '../src/server/inspect/testing/eventually.ts';
import { startAnalysisService, type TestAnalysisService } from './analysis-service.ts';
import { startBrowser } from './browser.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

const browser = await startBrowser();
let database: TestDatabase;
let service: TestAnalysisService;
let system: ActorSystem;
let door: TestDoor;
/** Lets the chart analysis go on, so that the test can look while it runs. */
let openGate: () => void;

beforeAll(async () => {
  [database, service] = await Promise.all([createTestDatabase(), startAnalysisService()]);
  const { pool, connectionString } = database;
  const gate = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  const effects = allEffects(effectRooms(new AnalysisClient(() => service.url), pool)).map(
    (effect): Effect => {
      if (effect.name !== 'analyzeChart') return effect;
      return { ...effect, run: (input, context) => gate.then(() => effect.run(input, context)) };
    },
  );
  system = await createActorSystem({ pool, connectionString, machines, effects, onEmitted: writeEmitted });
  await system.spawn('marketWatch', 'main', { input: {}, owner: 'system' });
  door = await startTestDoor(system);
});

afterAll(async () => {
  await browser?.close();
  await door?.stop();
  await system?.drain();
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

describe.each(machines)('the machine $id $version', ({ id, version, machine }) => {
  const charts = createCharts(() => machines);

  test('rebuilds from its definition with the same states', () => {
    const ids = (node: AnyStateNode): string[] => [
      node.id,
      ...Object.values<AnyStateNode>(node.states).flatMap(ids),
    ];
    const rebuilt = createMachine(JSON.parse(charts.graph(id, version)?.definition ?? ''));
    expect(ids(rebuilt.root)).toEqual(ids(machine.root));
  });

  test('has a chart with all its states', async () => {
    const layout = await charts.layout(id, version);
    expect(layout.nodes.map((node) => node.id).toSorted()).toEqual(
      charts
        .graph(id, version)
        ?.nodes.map((node) => node.id)
        .toSorted(),
    );
  });
});

test('an analysis is watched from its start to its end: on the page and by Stately’s receiver', async () => {
  const received: StatelyInspectionEvent[] = [];
  const address = await system.spawn('analysis', randomUUID(), {
    input: { type: 'full_analysis', symbol: 'MSFT' },
    owner: 'local',
  });
  const server = `${door.url.replace('http', 'ws')}/inspect/ws?address=${address}`;
  createWebSocketReceiver({ server }).subscribe((event) => received.push(event));

  const page = await browser?.newPage();
  const active = () =>
    page
      ?.locator('.state.active')
      .evaluateAll((nodes) => nodes.map((node) => node.getAttribute('data-state')));
  await page?.goto(`${door.url}/inspect#/actor/${address}`);
  if (page) {
    await eventually(active).toContain('analysis.chart');
    await eventually(() => page.locator('[aria-label="Waits for"]').textContent()).toContain('analyzeChart');
  }
  openGate();
  const ended = await system.waitFor(address, 'done', { timeoutMs: 20_000 });
  if (page) {
    await eventually(active).toContain(`analysis.${ended.value}`);
    await eventually(() => page.locator('.step').count()).toBe(ended.revision);
    expect(await page.locator('.badge.simulated').count()).toBe(1);
    expect(await page.locator('[aria-label="Output"]').textContent()).toContain('MSFT');
  }

  await eventually(() => received.at(-1)).toMatchObject({
    type: '@xstate.snapshot',
    snapshot: { status: 'done', value: ended.value },
  });
  expect(received[0]).toMatchObject({ type: '@xstate.actor', name: address });
  expect(received.filter(({ type }) => type === '@xstate.event')).toHaveLength(ended.revision);
  expect(received.filter(({ type }) => type === '@xstate.snapshot')).toHaveLength(ended.revision);
});

test('an alert that sleeps shows its timer and can be looked at, by its owner only', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const address = await system.spawn('priceAlert', randomUUID(), {
    input: { symbol: 'AAPL', condition: 'above', threshold: 10_000, expiresAt },
    owner: 'local',
  });
  const read = async () => (await fetch(`${door.url}/inspect/api/actors/${address}`)).json();
  await eventually(read).toMatchObject({
    subject: 'AAPL',
    timers: [{ event: { type: 'EXPIRE' }, due: expect.stringMatching(/^\d{4}-.*Z$/) }],
  });
  door.caller = { owner: 'somebody', operator: false };
  expect(await read()).toMatchObject({ error: { code: 'actor_not_found' } });
  door.caller = { owner: 'local', operator: false };
});
