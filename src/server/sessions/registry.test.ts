import { expect, it } from 'vitest';
import { createRegistry } from './registry.ts';

const openedAt = '2026-01-05T15:00:00Z';

it('finds connections by owner, session and topic, through all their changes', () => {
  const registry = createRegistry();
  registry.trigger.opened({ connectionId: 'a', owner: 'ann', openedAt });
  registry.trigger.opened({ connectionId: 'b', owner: 'ann', openedAt });
  registry.trigger.joined({ connectionId: 'a', sessionId: 's', topics: ['runs'] });
  registry.trigger.joined({ connectionId: 'b', sessionId: 's', topics: [] });
  registry.trigger.topicsChanged({ connectionId: 'a', topics: ['runs', 'quotes:AAPL'] });
  expect([...registry.ofOwner('ann')]).toEqual(['a', 'b']);
  expect([...registry.ofSession('s')]).toEqual(['a', 'b']);
  expect([...registry.ofTopic('runs')]).toEqual(['a']);
  expect([...registry.topics()].sort()).toEqual(['quotes:AAPL', 'runs']);
  expect(registry.connection('a')).toEqual({
    connectionId: 'a',
    owner: 'ann',
    sessionId: 's',
    topics: ['runs', 'quotes:AAPL'],
    openedAt,
  });

  registry.trigger.topicsChanged({ connectionId: 'a', topics: ['quotes:AAPL'] });
  expect([...registry.ofTopic('runs')]).toEqual([]);
  registry.trigger.closed({ connectionId: 'a' });
  expect([...registry.topics()]).toEqual([]);
  expect([...registry.ofSession('s')]).toEqual(['b']);
  // What comes late from a connection that is gone leaves nothing behind.
  registry.trigger.topicsChanged({ connectionId: 'a', topics: ['runs'] });
  registry.trigger.closed({ connectionId: 'b' });
  registry.trigger.closed({ connectionId: 'b' });
  expect(registry.all()).toEqual([]);
  for (const ids of [registry.ofOwner('ann'), registry.ofSession('s'), registry.ofTopic('runs')]) {
    expect(ids.size).toBe(0);
  }
});
