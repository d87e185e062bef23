/** `position`: what can be typed for what is held. What it does is done by the operations. */
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { importPositions } from '../server/operations/import-positions.ts';
import { positionInWords } from '../server/operations/position-view.ts';
import { addPosition, closePosition, deletePosition, listPositions } from '../server/operations/positions.ts';
import { syncInWords, syncPositions } from '../server/operations/sync-positions.ts';
import type { ActorCommandsOptions } from './actors.ts';
import { more, numberOf, type PageOptions, quoted } from './arguments.ts';
import { UsageError } from './errors.ts';
import { importReport, positionList, positionReport } from './position-report.ts';
import { simulatedNotice } from './run-report.ts';
import { localTimes, sayBeside } from './terminal.ts';

type Leg = z.input<typeof addPosition.input>['legs'][number];

const legForm =
  /^(buy|long|sell|short) (\d+\.?\d*) (?:shares?|(call|put) (\d+\.?\d*) (\d{4}-\d\d-\d\d)) (?:at|@) ?(\d+\.?\d*|\.\d+)$/i;
const examples = `
Examples:
  npm run ttai -- position add AAPL "sell 1 put 150 2030-12-20 at 2.35"
  npm run ttai -- position add AAPL "sell 1 put 150 2030-12-20 at 2.35" "buy 1 put 140 2030-12-20 at 1.10"
  npm run ttai -- position add KO "buy 100 shares at 60.25" "sell 1 call 65 2030-12-20 at 0.80"
  npm run ttai -- position import positions.csv --dry-run

It records what you hold, and places no order.`;

interface Json {
  json?: boolean;
}

export function addPositionCommands(
  program: Command,
  { client, terminal, show, exitWith }: ActorCommandsOptions,
): void {
  const position = program
    .command('position')
    .description('what you hold: add, list, close, delete, import, sync')
    .addHelpText('after', examples);
  position
    .command('add')
    .description('record a trade')
    .argument('<symbol>', 'the underlying, for example AAPL')
    .argument(
      '<legs...>',
      '"sell 1 put 150 2030-12-20 at 2.35" or "buy 100 shares at 50", each in quotes',
      legsOf,
    )
    .option('--portfolio <name>', 'where it belongs', 'main')
    .option('--opened <time>', 'when, for example 2026-01-31T21:00:00Z (default: now)')
    .option('--note <text>', 'kept with it')
    .option('--id <uuid>', 'of your own: the same id again adds nothing')
    .option('--json', 'as JSON')
    .action(
      async (
        symbol: string,
        legs: Leg[],
        options: Json & { portfolio: string; opened?: string; note?: string; id?: string },
      ) => {
        const { portfolio, opened, note, id, json } = options;
        const answer = await client().call(addPosition, {
          symbol,
          legs,
          portfolio,
          ...(opened !== undefined && { openedAt: opened }),
          ...(note !== undefined && { note }),
          ...(id !== undefined && { positionId: id }),
        });
        show(answer.position, json, (added) => positionReport(added, terminal));
        sayBeside(terminal, answer.warnings);
      },
    );
  position
    .command('list')
    .description('positions, the last opened first')
    .addOption(new Option('--status <status>', 'which').choices(['open', 'closed', 'all']).default('open'))
    .option('--portfolio <name>', 'only of this one')
    .option('--values', 'what open ones are worth now')
    .option('--limit <count>', 'at most 100', numberOf, 20)
    .option('--cursor <cursor>', 'the page that begins there')
    .option('--json', 'as JSON')
    .action(async ({ json, status, portfolio, values, limit, cursor }: ListOptions) => {
      const answer = await client().call(listPositions, {
        status,
        limit,
        values: values ?? false,
        ...(portfolio !== undefined && { portfolio }),
        ...(cursor !== undefined && { cursor }),
      });
      const source = answer.positions.find(({ value }) => value)?.value?.source ?? null;
      show(answer, json, ({ positions }) => [
        ...simulatedNotice(source, terminal),
        ...positionList(positions),
        ...more(answer.nextCursor),
      ]);
    });
  position
    .command('close')
    .description('record that a position is closed')
    .argument('<positionId>', 'as "position list" shows it')
    .argument('[prices...]', 'per share, one for each leg in their order; 0: expired worthless', numbersOf)
    .option('--pnl <amount>', 'instead of prices: what was made of it, for example 120.50 or -35')
    .option('--closed <time>', 'when (default: now)')
    .option('--json', 'as JSON')
    .action(async (positionId: string, prices: number[] | undefined, options: CloseOptions) => {
      const { pnl, closed, json } = options;
      const answer = await client().call(closePosition, {
        positionId,
        // Neither or both: the server says what is wrong with that.
        ...(prices !== undefined && prices.length > 0 && { closePrices: prices }),
        ...(pnl !== undefined && { realizedPnl: pnl }),
        ...(closed !== undefined && { closedAt: closed }),
      });
      show(answer.position, json, (found) => positionReport(found, terminal));
    });
  position
    .command('delete')
    .description('forget a position that was recorded by mistake')
    .argument('<positionId>', 'as "position list" shows it')
    .option('--json', 'as JSON')
    .action(async (positionId: string, { json }: Json) => {
      const answer = await client().call(deletePosition, { positionId });
      show(answer.position, json, (deleted) => [`Deleted: ${positionInWords(deleted)}.`]);
    });
  position
    .command('import')
    .description("add the positions of a broker's CSV export; again adds only what is new")
    .argument('<file>', 'the file, or - for standard input')
    .addOption(
      new Option('--format <format>', 'whose')
        .choices(importPositions.input.shape.format.unwrap().options)
        .default('auto'),
    )
    .option('--portfolio <name>', 'where they belong', 'main')
    .option('--dry-run', 'only show what would be added')
    .option('--json', 'as JSON')
    .action(async (file: string, { format, portfolio, dryRun, json }: ImportOptions) => {
      const csv = await textOf(file);
      const answer = await client().call(importPositions, {
        csv,
        format,
        portfolio,
        dryRun: dryRun ?? false,
      });
      show(answer, json, importReport);
      sayBeside(terminal, answer.warnings);
      if (answer.refusedLines > 0) exitWith(1);
    });

  position
    .command('sync')
    .description('bring positions in line with your tastytrade accounts (MARKET_DATA=tastytrade)')
    .option('--portfolio <name>', 'where new ones belong (default: main)')
    .option('--dry-run', 'only show what would change')
    .addOption(
      new Option('--keep', 'and each 15 minutes while the exchange is open').conflicts(['stop', 'dryRun']),
    )
    .addOption(new Option('--stop', 'do not keep them in line any more').conflicts(['dryRun', 'portfolio']))
    .option('--json', 'as JSON')
    .action(async ({ portfolio, dryRun, keep, stop, json }: SyncOptions) => {
      const answer = await client().call(syncPositions, {
        dryRun: dryRun ?? false,
        ...(portfolio !== undefined && { portfolio }),
        ...(keep && { keep: true }),
        ...(stop && { keep: false }),
      });
      show(answer, json, (done) => syncInWords(done, localTimes));
    });
}

interface SyncOptions extends Json {
  portfolio?: string;
  dryRun?: boolean;
  keep?: boolean;
  stop?: boolean;
}
interface ListOptions extends PageOptions {
  status: 'open' | 'closed' | 'all';
  portfolio?: string;
  values?: boolean;
}
interface CloseOptions extends Json {
  pnl?: string;
  closed?: string;
}
interface ImportOptions extends Json {
  format: z.input<typeof importPositions.input>['format'];
  portfolio: string;
  dryRun?: boolean;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    throw new UsageError(`${quoted(file)} can't be read: ${(error as Error).message}.`);
  }
}

function legsOf(text: string, before: Leg[] | undefined): Leg[] {
  const [, side = '', count = '', right, strike, expiration, price = ''] =
    legForm.exec(text.trim().replaceAll(/\s+/g, ' ')) ?? [];
  if (side === '') {
    throw new InvalidArgumentError(
      `${quoted(text)} is no leg. Write each in quotes: "sell 1 put 150 2030-12-20 at 2.35", "buy 100 shares at 50.25".`,
    );
  }
  const quantity = Number(count) * (/^(sell|short)$/i.test(side) ? -1 : 1);
  const leg: Leg =
    right === undefined || strike === undefined || expiration === undefined
      ? { kind: 'stock', quantity, openPrice: Number(price) }
      : {
          kind: 'option',
          right: right.toLowerCase() === 'call' ? 'call' : 'put',
          strike: Number(strike),
          expiration,
          quantity,
          openPrice: Number(price),
        };
  return [...(before ?? []), leg];
}

function numbersOf(text: string, before: number[] | undefined): number[] {
  return [...(before ?? []), numberOf(text)];
}
