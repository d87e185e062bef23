/** What `webhook list` shows. What a webhook does is tried in `test/delivery.test.ts`. */
import { expect, test } from 'vitest';
import { shownUrl } from '../server/operations/webhook-view.ts';
import { localTime } from './terminal.ts';
import { webhookList } from './webhooks.ts';

const webhook = {
  webhookId: '5f0c6a52-6f0e-4a3c-9c55-0d7f4a1d2b11',
  url: 'https://example.com/…',
  format: 'json' as const,
  types: null,
  behind: 0,
  skipped: 0,
  lastSentAt: null,
  lastError: { at: '2026-03-02T15:00:00Z', status: 500, reason: 'it answered 500' },
  createdAt: '2026-03-01T15:00:00Z',
};

test.each([
  ['active', false],
  ['quiet', false],
  ['retrying', true],
  ['paused', true],
  ['disabled', true],
] as const)('of one that is %s, the last error is shown: %s', (status, isShown) => {
  expect(webhookList([{ ...webhook, status }])[1]?.includes('it answered 500')).toBe(isShown);
});

test.each([
  [
    'slack',
    'https://hooks.slack.com/services/T0001/B0001/abcdefghijklmnopqrstx7Qz',
    'https://hooks.slack.com/…x7Qz',
  ],
  [
    'discord',
    'https://discord.com/api/webhooks/1/abcdefghijklmnopqrstuvwxyz0123',
    'https://discord.com/…0123',
  ],
  // Too short for its end to say nothing.
  ['slack', 'https://chat.example.com/hooks/abcdefghijkl', 'https://chat.example.com/…'],
  ['json', 'https://example.com/abcdefghijklmnopqrstuvwxyz0123', 'https://example.com/…'],
  ['json', 'https://example.com/ttai?token=abcdefghijklmnopqrstuvwxyz', 'https://example.com/…'],
] as const)(
  'of the URL of a webhook for %s is shown what tells it from others, and no secret',
  (format, url, shown) => {
    expect(shownUrl({ format, url })).toBe(shown);
  },
);

test('two on one host are told apart by when they were added', () => {
  const [, first, second] = webhookList([
    { ...webhook, status: 'active' },
    { ...webhook, status: 'active', createdAt: '2026-03-05T15:00:00Z' },
  ]);
  expect(first).toContain(localTime('2026-03-01T15:00:00Z'));
  expect(second).toContain(localTime('2026-03-05T15:00:00Z'));
});
