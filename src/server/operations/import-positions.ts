/** Positions from a broker's file. How such files are read stands in `position-import/`. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { count } from '../../machines/daily-piece.ts';
import type { NewPosition } from '../../persistence/records/positions.ts';
import { formats, readPositions } from '../position-import/index.ts';
import { defineOperation } from './operation.ts';
import { legInWords, portfolio, positionView } from './position-view.ts';
import { warningsAbout } from './position-warnings.ts';

/** A request may have 1 MiB. */
const maxCsv = 900_000;
const maxShown = 100;

const imported = positionView
  .pick({ symbol: true, legs: true })
  .extend({ positionId: z.string().nullable(), isNew: z.boolean(), lines: z.array(z.int()) });

export const importPositions = defineOperation({
  name: 'import_positions',
  title: 'Import positions',
  description:
    "Add the open positions of a broker's CSV export. Legs become spreads; importing again adds only what is new.",
  input: z.strictObject({
    csv: z
      .string()
      .min(1)
      .max(maxCsv)
      .refine(
        (value) => value.isWellFormed() && !value.includes('\0'),
        'must be well-formed text without NUL',
      )
      .describe('The text of the file'),
    format: z.enum(['auto', ...formats]).default('auto'),
    portfolio: portfolio.default('main'),
    dryRun: z.boolean().default(false),
  }),
  output: z.object({
    format: z.string(),
    dryRun: z.boolean(),
    added: z.int(),
    alreadyKnown: z.int(),
    positions: z.array(imported).describe('The first 100'),
    refusedLines: z.int(),
    refused: z.array(z.object({ line: z.int(), reason: z.string() })).describe('The first 100'),
    ignoredLines: z.int().describe('Totals, cash, disclaimers'),
    warnings: z.array(z.string()),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/positions/import' },
  async run(context, { csv, format: wanted, portfolio: name, dryRun }) {
    const { records, owner } = context;
    const { format, positions, refused, ignored } = readPositions(csv, wanted);
    const now = new Date();
    const found: NewPosition[] = positions.map(({ lines: _, openedAt, ...rest }) => ({
      ...rest,
      id: randomUUID(),
      owner,
      portfolio: name,
      openedAt: openedAt ?? now,
      source: 'csv',
    }));
    const externalIds = found.map(({ externalId }) => externalId ?? '');
    const known = await records.knownExternalIds(owner, 'csv', externalIds);
    const added = dryRun ? [] : await records.addPositions(found);
    const newIds = new Map(added.map(({ externalId, id }) => [externalId, id]));
    const isNew = (externalId: string) => (dryRun ? !known.has(externalId) : newIds.has(externalId));
    const addedCount = externalIds.filter(isNew).length;
    return {
      ...{ format, dryRun, added: addedCount, alreadyKnown: found.length - addedCount },
      positions: positions.slice(0, maxShown).map(({ externalId, symbol, legs, lines }) => ({
        ...{ symbol, legs, lines },
        positionId: newIds.get(externalId) ?? null,
        isNew: isNew(externalId),
      })),
      refusedLines: refused.length,
      refused: refused.slice(0, maxShown),
      ignoredLines: ignored,
      warnings: [
        ...elsewhere(known, name),
        ...(await warningsAbout(
          context,
          found
            .filter(({ externalId }) => isNew(externalId ?? ''))
            .map((position) => ({ ...position, id: newIds.get(position.externalId) ?? position.id })),
        )),
      ],
    };
  },
  text: ({ format, dryRun, added, alreadyKnown, positions, refusedLines, refused, warnings }) =>
    [
      `${dryRun ? 'Would add' : 'Added'} ${count(added, 'position')} of ${format}'s file; known already ${alreadyKnown}; ${count(refusedLines, 'line')} refused.`,
      ...positions
        .filter(({ isNew }) => isNew)
        .map(({ symbol, legs }) => `  ${legs.map((leg) => legInWords(symbol, leg)).join(', ')}`),
      ...refused.map(({ line, reason }) => `  line ${line}: ${reason}`),
      ...warnings.map((warning) => `  ${warning}`),
    ].join('\n'),
});

/** That a file was imported before, and into another portfolio. */
function elsewhere(known: ReadonlyMap<string, string>, wanted: string): string[] {
  const others = new Set([...known.values()].filter((portfolio) => portfolio !== wanted));
  return [...others].map((portfolio) => `Some are known already in portfolio ${portfolio}, and stay there.`);
}
