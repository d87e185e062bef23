/** Which addresses and URLs a webhook may reach. The property is checked against an arithmetic of its own. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPublicAddress } from './addresses.ts';
import { addressesOf, checkDestination, ForbiddenDestinationError } from './destination.ts';

const NOT_PUBLIC = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '192.0.0.8',
  '198.18.0.1',
  '198.19.255.255',
  '192.0.2.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:10.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '64:ff9b::a00:1',
  '64:ff9b:1::7f00:1',
  '2002:7f00:1::',
  '2001:0:1::1',
  '2001:db8::1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'fc00::1',
  'fd12:3456::1',
  'ff02::1',
  '100::1',
  '3fff::1',
  '5f00::1',
  '2606:4700::1%1',
  '',
  'localhost',
  '1.2.3',
  '0x7f000001',
  '2130706433',
  '127.1',
];
const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.0.1',
  '172.32.0.0',
  '2606:4700:4700::1111',
  '2a00:1450::1',
];

/** Inclusive, as numbers: private, loopback, link-local, shared, this network, multicast and beyond. */
const INSIDE: [number, number][] = [
  [0, 2 ** 24 - 1],
  [10 * 2 ** 24, 11 * 2 ** 24 - 1],
  [100 * 2 ** 24 + 64 * 2 ** 16, 100 * 2 ** 24 + 128 * 2 ** 16 - 1],
  [127 * 2 ** 24, 128 * 2 ** 24 - 1],
  [169 * 2 ** 24 + 254 * 2 ** 16, 169 * 2 ** 24 + 255 * 2 ** 16 - 1],
  [172 * 2 ** 24 + 16 * 2 ** 16, 172 * 2 ** 24 + 32 * 2 ** 16 - 1],
  [192 * 2 ** 24 + 168 * 2 ** 16, 192 * 2 ** 24 + 169 * 2 ** 16 - 1],
  [224 * 2 ** 24, 2 ** 32 - 1],
];
const inside = fc.constantFrom(...INSIDE).chain(([from, to]) => fc.integer({ min: from, max: to }));
const dotted = (n: number) => [24, 16, 8, 0].map((bits) => Math.floor(n / 2 ** bits) % 256).join('.');
const hex = (n: number) => `${Math.floor(n / 65_536).toString(16)}:${(n % 65_536).toString(16)}`;

describe('addresses', () => {
  test.each(NOT_PUBLIC)('%s is not public', (address) => expect(isPublicAddress(address)).toBe(false));
  test.each(PUBLIC)('%s is public', (address) => expect(isPublicAddress(address)).toBe(true));

  test('no address of a private range is public, in whatever IPv6 it is wrapped', () => {
    fc.assert(
      fc.property(inside, (n) => {
        const wrapped = [
          `::ffff:${dotted(n)}`,
          `::ffff:${hex(n)}`,
          `::${hex(n)}`,
          `64:ff9b::${hex(n)}`,
          `64:ff9b:1::${hex(n)}`,
          `2002:${hex(n)}::`,
          `2001:0:${hex(n)}::`,
        ];
        for (const address of [dotted(n), ...wrapped]) expect(isPublicAddress(address), address).toBe(false);
        // However the URL spells it.
        for (const host of [
          dotted(n),
          String(n),
          `0x${n.toString(16)}`,
          ...wrapped.map((one) => `[${one}]`),
        ]) {
          expect(() => checkDestination(`https://${host}/`, []), host).toThrow(ForbiddenDestinationError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('of IPv6 nothing outside of 2000::/3 is public', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.tuple(group, group, group, group, group, group, group, group), (groups) => {
        const address = groups.map((one) => one.toString(16)).join(':');
        if (isPublicAddress(address)) expect(groups[0] >> 13).toBe(1);
      }),
    );
  });
});

describe('URLs', () => {
  test.each([
    'http://example.com/',
    'ftp://example.com/',
    'https://user:pw@example.com/',
    'https://example.com:25/',
    'https://example.com:80/',
    'https://localhost/',
    'https://printer/',
    'https://printer.local/',
    'https://a.internal./',
    'https://metadata.google.internal/',
    'https://127.1/',
    'https://[::1]/',
    'not a url',
    `https://example.com/${'a'.repeat(2_000)}`,
  ])('%s is refused', (url) => expect(() => checkDestination(url, [])).toThrow(ForbiddenDestinationError));

  test.each(['https://hooks.slack.com/services/T/B/x', 'https://example.com:8443/a?b=c', 'https://1.1.1.1/'])(
    '%s is taken',
    (url) => expect(checkDestination(url, []).href).toBe(url),
  );

  test('the configuration allows hosts, with or without their ports, and no others', () => {
    const allowed = ['localhost', '192.168.1.5:8080', '[::1]:9000'];
    for (const url of [
      'http://localhost:3000/',
      'http://LOCALHOST/',
      'http://192.168.1.5:8080/',
      'http://[::1]:9000/',
    ]) {
      expect(() => checkDestination(url, allowed)).not.toThrow();
    }
    for (const url of [
      'http://192.168.1.5/',
      'http://192.168.1.6:8080/',
      'http://[::1]/',
      'http://localhost.evil.com/',
    ]) {
      expect(() => checkDestination(url, allowed)).toThrow(ForbiddenDestinationError);
    }
  });

  test('a name that leads inside leads nowhere, and of several addresses only public ones are used', async () => {
    const resolve = (addresses: string[]) => async () =>
      addresses.map((address) => ({ address, family: address.includes(':') ? (6 as const) : (4 as const) }));
    const url = new URL('https://hook.example.com/');
    await expect(addressesOf(url, [], resolve(['10.0.0.1', '::1']))).rejects.toThrow('not public');
    await expect(addressesOf(url, [], resolve([]))).rejects.toThrow('no address');
    expect(await addressesOf(url, [], resolve(['10.0.0.1', '1.1.1.1']))).toEqual([
      { address: '1.1.1.1', family: 4 },
    ]);
    expect(await addressesOf(url, ['hook.example.com'], resolve(['10.0.0.1']))).toHaveLength(1);
  });
});
