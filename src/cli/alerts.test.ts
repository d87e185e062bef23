/** `quote` and `alert`. */
import { expect, it } from 'vitest';
import { localTime } from './terminal.ts';
import { TypedCommands } from './testing/typed-commands.ts';

const typed = TypedCommands.use();

it('quotes, in columns and as JSON', async () => {
  const { code, out } = await typed.ttai(['quote', 'aapl', 'MSFT', 'NOPE']);
  expect(out).toMatch(/^AAPL +231.20 .* simulated$/m);
  expect(out).toContain('SIMULATED DATA');
  expect(out).toContain('Unknown: NOPE');
  expect(code).toBe(0);
  expect(JSON.parse((await typed.ttai(['quote', 'AAPL', '--json'])).out)).toMatchObject({
    quotes: [{ symbol: 'AAPL' }],
  });
});

it('adds, lists and deletes alerts', async () => {
  const args = [
    'alert',
    'add',
    'AAPL',
    'above',
    '200',
    '--repeat',
    '--note',
    'sell calls',
    '--expires',
    new Date(Date.now() + 86_400_000).toISOString(),
  ];
  const added = await typed.ttai([...args, '--json']);
  const { alertId } = JSON.parse(added.out) as { alertId: string };
  expect(JSON.parse(added.out)).toMatchObject({
    symbol: 'AAPL',
    threshold: 200,
    repeat: 'every_cross',
    note: 'sell calls',
  });
  expect((await typed.ttai(['alert', 'list'])).out).toContain(alertId);
  const deleted = await typed.ttai(['alert', 'delete', alertId]);
  expect(deleted.code).toBe(0);
  expect(deleted.out).toMatch(
    /^The alert AAPL above 200\.00 \(every time, until .+, "sell calls", .+\) is deleted\.$/,
  );
  const again = await typed.ttai(['alert', 'delete', alertId]);
  expect(again.out).toContain('had ended before (cancelled); nothing was changed.');
  expect((await typed.ttai(['alert', 'list'])).out).toContain('No alerts.');
  expect((await typed.ttai(['alert', 'list', '--all'])).out).toContain('cancelled');
});

it('says of one that was set under this key before no more than that', async () => {
  const add = ['alert', 'add', 'AAPL', 'above', '200', '--key', 'mine'];
  const { alertId } = JSON.parse((await typed.ttai([...add, '--json'])).out) as { alertId: string };
  await typed.ttai(['alert', 'delete', alertId]);
  const { out, notes } = await typed.ttai(add);
  expect(notes).toContain('nothing new was set');
  expect(out).toContain('cancelled');
  expect(out + notes).not.toMatch(/armed/i);
});

it('lists alerts in pages, and says what they wait for and where the next page is', async () => {
  for (const price of ['201', '202', '203']) await typed.ttai(['alert', 'add', 'AAPL', 'above', price]);
  const first = await typed.ttai(['alert', 'list', '--limit', '2']);
  expect(first.out).toContain('above 203');
  expect(first.out).toContain('a fresh price');
  const cursor = first.out.match(/--cursor (\S+),/)?.[1] ?? '';
  const second = await typed.ttai(['alert', 'list', '--limit', '2', '--cursor', cursor]);
  expect(second.out).toContain('above 201');
  expect(second.out).not.toMatch(/above 203|--cursor/);
  const [actor] = typed.server.system.actors.values();
  if (!actor) throw new Error('no alert');
  const blind = { ...actor.context, blindBecause: 'there is no fresh quote' };
  typed.server.system.move(actor.address, { context: blind });
  expect((await typed.ttai(['alert', 'list'])).out).toContain('a fresh price: there is no fresh quote');
});

it('tells alerts of one condition apart', async () => {
  const expiry = new Date(Date.now() + 86_400_000).toISOString();
  for (const special of [[], ['--note', 'sell calls'], ['--expires', expiry], ['--repeat']])
    await typed.ttai(['alert', 'add', 'AAPL', 'above', '500', ...special]);
  const { out } = await typed.ttai(['alert', 'list']);
  const rows = out.split('\n').slice(1);
  expect(rows.filter((row) => row.includes('"sell calls"'))).toHaveLength(1);
  expect(rows.filter((row) => /until \d{4}-/.test(row))).toHaveLength(1);
  expect(rows.filter((row) => row.includes('every time'))).toHaveLength(1);
  expect(rows).toHaveLength(4);
});

it('says beside an answer what it warns of, also with --json', async () => {
  const add = ['alert', 'add', 'AAPL', 'above', '200', '--json'];
  const { alertId } = JSON.parse((await typed.ttai(add)).out) as { alertId: string };
  const again = await typed.ttai(add);
  expect(JSON.parse(again.out)).toMatchObject({ alertId });
  expect(again.notes).toContain('nothing new was set');
  expect((await typed.ttai(['alert', 'delete', alertId, '--json'])).notes).toBe('');
  const deleted = await typed.ttai(['alert', 'delete', alertId, '--json']);
  expect(JSON.parse(deleted.out)).toMatchObject({ status: 'cancelled' });
  expect(deleted.notes).toBe('The alert had ended before; nothing was changed.');
});

it('shows times by the clock of the reader, and leaves notes as they were written', async () => {
  const note = 'since 2026-11-01T00:00:00Z';
  await typed.ttai(['alert', 'add', 'AAPL', 'above', '200', '--note', note]);
  await typed.ttai(['alert', 'add', 'AAPL', 'above', '201']);
  const at = '2026-03-02T15:00:00Z';
  for (const { address, context } of typed.server.system.actors.values())
    typed.server.system.move(address, { context: { ...context, blindBecause: `closed until ${at}` } });
  const { out } = await typed.ttai(['alert', 'list']);
  expect(out).toContain(`"${note}"`);
  expect(out).toContain(`closed until ${localTime(at)}`);
  const [head = '', ...rows] = out.split('\n');
  for (const row of rows) expect(row.indexOf('a fresh price')).toBe(head.indexOf('WAITS FOR'));
  const ids = rows.map((row) => row.search(/[0-9a-f-]{36}$/));
  expect(ids).toEqual(rows.map(() => head.indexOf('ALERT')));
});
