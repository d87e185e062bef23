/** What is said of wrong input, whatever it is, at whichever operation. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TtaiError } from '../actors/runtime/errors.ts';
import { checkInput } from './checked-input.ts';
import { operations } from './operations/index.ts';
import { clientFrame } from './sessions/protocol.ts';

function refusal(schema: z.ZodType, input: unknown): TtaiError | undefined {
  try {
    checkInput(schema, input);
    return undefined;
  } catch (error) {
    if (error instanceof TtaiError) return error;
    throw error;
  }
}

const shape = z.strictObject({
  name: z.string().min(1).max(3).optional(),
  size: z.int().min(2).max(5).optional(),
  price: z.number().positive().lt(9).optional(),
  on: z.boolean().optional(),
  kind: z.enum(['a', 'b']).optional(),
  only: z.literal('x').optional(),
  list: z
    .array(z.object({ id: z.uuid() }))
    .min(1)
    .max(2)
    .optional(),
  day: z.iso.date().optional(),
  own: z
    .string()
    .refine((value) => value === 'good', 'must be good')
    .optional(),
});

describe('wrong input, in words', () => {
  it.each<[object, string]>([
    [{ name: '' }, 'name: must not be empty'],
    [{ name: 'long' }, 'name: must have at most 3 characters'],
    [{ name: 7 }, 'name: must be text, not 7'],
    [{ size: 1.5 }, 'size: must be a whole number, not 1.5'],
    [{ size: 1 }, 'size: must be at least 2'],
    [{ size: 6 }, 'size: must be at most 5'],
    [{ size: null }, 'size: must be a number, not null'],
    [{ price: 0 }, 'price: must be more than 0'],
    [{ price: 9 }, 'price: must be less than 9'],
    [{ price: Number.POSITIVE_INFINITY }, 'price: must be a number, not a number without end'],
    [{ on: 'yes' }, 'on: must be true or false, not text'],
    [{ kind: 'c' }, 'kind: must be one of a, b'],
    [{ only: 'y' }, 'only: must be x'],
    [{ list: {} }, 'list: must be a list, not an object'],
    [{ list: [] }, 'list: must have at least 1 item'],
    [{ list: [{}] }, 'list, item 1, id: is missing'],
    [{ list: [{ id: 'x' }] }, 'list, item 1, id: must be an id such as 3f2b8c1e-8d5a-4c55-9c0e-2f6f5f1f7a10'],
    [{ day: 'today' }, 'day: must be a date such as 2026-12-18'],
    [{ own: 'bad' }, 'own: must be good'],
  ])('%j', (input, words) => {
    expect(refusal(shape, input)?.message).toBe(`The input does not fit. ${words}`);
  });

  it('what is wrong with the whole is a sentence of its own', () => {
    expect(refusal(shape, { nmae: 'x' })?.message).toBe(
      'Unknown field "nmae"; there are name, size, price, on, kind, only, list, day, own.',
    );
    const other = z.object({}).refine(() => false, 'nothing to change: give a name');
    expect(refusal(other, {})?.message).toBe('Nothing to change: give a name.');
    expect(refusal(shape, { nmae: 'x', size: 6 })?.message).toMatch(
      /^The input does not fit\. size: must be at most 5; unknown field "nmae"/,
    );
  });

  it('names each wrong field, briefly, and says that there are more', () => {
    const keys = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`a${n}`, z.int()]));
    const error = refusal(z.strictObject(keys), { ['b'.repeat(5_000)]: 1 });
    expect(error?.details?.issues).toHaveLength(10);
    expect(error?.message).toContain('; and 21 more');
    expect(error?.message.length).toBeLessThan(900);
    expect(refusal(shape, 3)?.details?.issues).toEqual([
      { field: '(whole input)', message: 'must be an object, not 3' },
    ]);
  });
});

/** Words of the library that no user should have to read. */
const foreign =
  /Invalid (input|option|value|string)|expected|received|Too (small|big)|Unrecognized|\bNaN\b|undefined/;
const schemas: [string, z.ZodType, string[]][] = [
  ...operations.map(({ name, input }): [string, z.ZodType, string[]] => [
    name,
    input,
    Object.keys(input.shape),
  ]),
  ['a frame', clientFrame, ['type', 'topics', 'seq', 'lastSeq', 'sessionId', 'id']],
];

describe('no door speaks in the words of a library', () => {
  it.each(schemas)('%s', (_, schema, fields) => {
    const value = fc.anything({ maxDepth: 2, withNullPrototype: false });
    const input = fc.oneof(value, fc.dictionary(fc.constantFrom(...fields, 'nonsense'), value));
    fc.assert(
      fc.property(input, (one) => {
        const error = refusal(schema, one);
        if (!error) return;
        expect(error.code).toBe('invalid_input');
        // What was said comes back in no message but that of an unknown field.
        const issues = error.details?.issues as { message: string }[];
        const own = issues.filter(({ message }) => !message.startsWith('unknown field'));
        for (const { message } of own) expect(message).not.toMatch(foreign);
      }),
      { numRuns: 60 },
    );
  });
});
