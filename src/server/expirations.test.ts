import { expect, it } from 'vitest';
import { expirationFault } from './expirations.ts';

it.each([
  ['2026-12-18', null],
  ['2026-12-19', 'no option expires on 2026-12-19, a Saturday'],
  ['2026-12-20', 'no option expires on 2026-12-20, a Sunday'],
  ['2015-02-21', null],
  ['2015-02-28', 'no option expires on 2015-02-28, a Saturday'],
  ['1989-12-15', 'must be of the years 1990 to 2040'],
  ['1990-01-20', null],
  ['2040-12-21', null],
  ['2041-01-18', 'must be of the years 1990 to 2040'],
])('%s as an expiration: %s', (day, fault) => {
  expect(expirationFault(day)).toBe(fault);
});
