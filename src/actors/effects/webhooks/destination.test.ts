/** Where a webhook may lead, by its URL alone; the addresses behind names: `send.test.ts`. */
import { describe, expect, test } from 'vitest';
import { checkDestination, type ForbiddenDestinationError } from './destination.ts';

const hintOf = (url: string, allowed: string[] = []): string => {
  try {
    checkDestination(url, allowed);
    return '';
  } catch (error) {
    return String((error as ForbiddenDestinationError).details?.hint);
  }
};

describe('what is refused says which setting would allow it', () => {
  test.each([
    ['http://127.0.0.1:8808/secret', '127.0.0.1:8808'],
    ['https://192.168.1.7/secret', '192.168.1.7:443'],
    ['https://[::1]:8443/secret', '[::1]:8443'],
    ['https://printer.local/secret', 'printer.local:443'],
    ['http://example.com/secret', 'example.com:80'],
    ['https://example.com:22/secret', 'example.com:22'],
  ])('%s', (url, allow) => {
    const hint = hintOf(url);
    // Added, since others may stand there.
    expect(hint).toContain(`by adding ${allow} to WEBHOOK_ALLOWED_HOSTS`);
    // The path is the secret of many services.
    expect(hint).not.toContain('secret');
    expect(hintOf(url, [allow])).toBe('');
  });

  test.each(['nonsense', 'ftp://example.com/', 'https://me:you@example.com/'])(
    '%s can not be allowed',
    (url) => {
      expect(hintOf(url)).not.toContain('by adding');
    },
  );
});
