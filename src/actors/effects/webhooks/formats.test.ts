/** What Slack and Discord are sent: text that mentions nobody, hides no links and fits. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { notificationText } from '../../../machines/notification-text.ts';
import { bodyOf, type Message } from './formats.ts';

const types = [
  'analysis_complete',
  'screener_complete',
  'position_alert',
  'price_alert_triggered',
  'morning_briefing',
  'eod_summary',
  'daily_report',
  'monitor_health',
  'test',
  'of_tomorrow',
  'constructor',
];
const alert = (note: string): Message => ({
  seq: 1,
  id: 'a',
  type: 'price_alert_triggered',
  at: new Date(0),
  source: 'priceAlert/1',
  data: { symbol: 'AAPL', price: 201, condition: 'above', threshold: 200, note },
});
const slack = (note: string) =>
  JSON.parse(bodyOf({ format: 'slack', timeZone: 'UTC' }, alert(note))) as { text: string };
const discord = (note: string) =>
  JSON.parse(bodyOf({ format: 'discord', timeZone: 'UTC' }, alert(note))) as {
    content: string;
    allowed_mentions: unknown;
  };

describe('texts', () => {
  test.each(types)('%s has one, whatever its data', (type) => {
    expect(notificationText(type, {})).not.toBe('');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string({ unit: 'binary' }), (data, text) => {
        const words = notificationText(type, { ...data, symbol: text, note: text, text });
        expect(words.length).toBeGreaterThan(0);
        expect(words.length).toBeLessThanOrEqual(4_000);
        // Only of line breaks there may be some.
        expect(words.replaceAll('\n', ' ')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
        expect(words.isWellFormed()).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('what speaks against a pick stands before what speaks for it', () => {
    const data = { symbol: 'AAPL', recommendation: 'select', cautions: ['the news say no'], reasons: ['up'] };
    expect(notificationText('analysis_complete', data)).toBe(
      'Analysis of AAPL: select – the news say no – up',
    );
  });

  test('a briefing keeps its lines', () => {
    const text = 'Morning briefing for Friday\nNo open positions.';
    expect(notificationText('morning_briefing', { text })).toBe(text);
    const { content } = JSON.parse(
      bodyOf({ format: 'discord', timeZone: 'UTC' }, { ...alert(''), type: 'eod_summary', data: { text } }),
    ) as {
      content: string;
    };
    expect(content).toBe(text);
  });

  test('simulated values say so, and market values say when', () => {
    const { data } = alert('look');
    expect(
      notificationText('price_alert_triggered', {
        ...data,
        asOf: '2026-01-05T15:00:00Z',
        source: 'simulated',
      }),
    ).toBe('SIMULATED. AAPL is at 201.00: above 200.00 – "look" (as of 2026-01-05T15:00:00Z)');
  });
});

test.each(['json', 'slack', 'discord'] as const)(
  "the times of %s are by the owner's clock, its fields are not",
  (format) => {
    const asOf = '2026-01-05T15:00:00Z';
    const message = { ...alert('look'), data: { ...alert('look').data, asOf } };
    const told = (timeZone: string) =>
      JSON.parse(bodyOf({ format, timeZone }, message)) as Record<string, unknown>;
    const textOf = ({ text, content }: Record<string, unknown>) =>
      String(text ?? content).replaceAll('\\', '');
    expect(textOf(told('Europe/Berlin'))).toContain('(as of 2026-01-05 16:00:00 CET)');
    expect(textOf(told('UTC'))).toContain('(as of 2026-01-05 15:00:00 UTC)');
    if (format === 'json') {
      expect(told('Europe/Berlin')).toMatchObject({ at: '1970-01-01T00:00:00.000Z', data: { asOf } });
    }
  },
);

describe('Slack', () => {
  test("a user's mentions and links are text", () => {
    const { text } = slack('<!channel> <https://evil.example|here> & <@U1>');
    expect(text).toContain('&lt;!channel&gt; &lt;https://evil.example|here&gt; &amp; &lt;@U1&gt;');
    expect(JSON.parse(bodyOf({ format: 'slack', timeZone: 'UTC' }, alert('')))).toMatchObject({
      mrkdwn: false,
      link_names: false,
      unfurl_links: false,
    });
  });

  test('never has an angle bracket, and never more than 3,000 characters', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000 }), (note) => {
        const { text } = slack(note + '<&'.repeat(600));
        expect(text).not.toMatch(/[<>]/);
        expect(text.length).toBeLessThanOrEqual(3_000);
      }),
    );
  });
});

describe('Discord', () => {
  test("a user's mentions, links and Markdown are text, and nobody is pinged", () => {
    const { content, allowed_mentions } = discord('@everyone <@1> [a](https://evil.example) **b** ||c|| `d`');
    expect(content).toContain(
      '\\@everyone \\<\\@1\\> \\[a\\]\\(https://evil.example\\) \\*\\*b\\*\\* \\|\\|c\\|\\| \\`d\\`',
    );
    expect(allowed_mentions).toEqual({ parse: [] });
  });

  test('never more than 2,000 characters, cut at a whole one', () => {
    const long = { ...alert(''), type: 'monitor_health', data: { message: '**'.repeat(5_000) } };
    const { content } = JSON.parse(bodyOf({ format: 'discord', timeZone: 'UTC' }, long)) as {
      content: string;
    };
    expect(content.length).toBeLessThanOrEqual(2_000);
    expect(content).toMatch(/^(?:\\\*)+…$/);
  });
});
