/** Positions in words and columns for a person. */
import type { z } from 'zod';
import { moneyText, priceText, roundMoney } from '../machines/money.ts';
import type { importPositions } from '../server/operations/import-positions.ts';
import {
  isModelled,
  legInWords,
  type PositionView,
  type valuedPosition,
} from '../server/operations/position-view.ts';
import { figure, localTime, localTimes, type Terminal, table } from './terminal.ts';

type Valued = z.output<typeof valuedPosition>;
type Imported = z.output<typeof importPositions.output>;

/** One position in a few lines. */
export function positionReport(position: PositionView, { style }: Pick<Terminal, 'style'>): string[] {
  const { positionId, portfolio, symbol, legs, status, openedAt, closedAt, realizedPnl, note } = position;
  const ended = closedAt === null ? '' : `, closed ${localTime(closedAt)}`;
  return [
    `${style('bold', symbol)}  ${status}  in ${portfolio}${realizedPnl === null ? '' : `  profit and loss ${moneyText(roundMoney(realizedPnl))}`}`,
    ...legs.map((leg) => `  ${legInWords(symbol, leg)}`),
    `Opened ${localTime(openedAt)}${ended}${note === null ? '' : `  "${note}"`}`,
    style('dim', positionId),
  ];
}

/** Positions as a table. What they are worth stands in it where it was asked for. */
export function positionList(positions: readonly Valued[]): string[] {
  if (positions.length === 0) {
    return ['No positions. Add one: npm run ttai -- position add AAPL "sell 1 put 150 2030-12-20 at 2.35"'];
  }
  const hasValues = positions.some(({ value, valueError }) => value ?? valueError);
  const rows = positions.map(
    ({ positionId, portfolio, symbol, legs, status, realizedPnl, value, valueError }) => [
      symbol,
      legs.map((leg) => shortLeg(leg)).join(', '),
      portfolio,
      status,
      ...(hasValues
        ? [
            `${value && isModelled(value) ? '~' : ''}${figure(value?.pnl) ?? '–'}`,
            figure(value?.profitCapturedPct, 0)?.concat('%') ?? '–',
            figure(value?.dte, 0) ?? '–',
            figure(value?.shortDelta) ?? '–',
            (valueError && localTimes(valueError.message)) ?? value?.manage.join(', ') ?? '',
          ]
        : [realizedPnl ?? '–']),
      positionId,
    ],
  );
  const values = hasValues ? ['P/L', 'CAPTURED', 'DTE', 'DELTA', 'MANAGE'] : ['REALIZED'];
  return [
    ...table([['SYMBOL', 'LEGS', 'PORTFOLIO', 'STATUS', ...values, 'POSITION'], ...rows]),
    ...(positions.some(({ value }) => value && isModelled(value))
      ? ['~ by a model: there are no quotes of one of its contracts.']
      : []),
  ];
}

/** What was taken from a file, and what was not and why. */
export function importReport(answer: Imported): string[] {
  const { format, dryRun, added, alreadyKnown, positions, refusedLines, refused, ignoredLines } = answer;
  const shown = positions.filter(({ isNew }) => isNew);
  return [
    `${dryRun ? 'Would add' : 'Added'} ${added}, known already ${alreadyKnown}, lines refused ${refusedLines}, left out as totals, cash or words ${ignoredLines} (format ${format}).`,
    ...shown.map(
      ({ symbol, legs, lines }) =>
        `  ${legs.map((leg) => legInWords(symbol, leg)).join(', ')}  (line ${lines.join(', ')})`,
    ),
    ...(added > shown.length ? [`  and ${added - shown.length} more`] : []),
    ...refused.map(({ line, reason }) => `  line ${line} refused: ${reason}`),
    ...(refusedLines > refused.length ? [`  and ${refusedLines - refused.length} more refused`] : []),
  ];
}

function shortLeg({
  kind,
  right,
  strike,
  expiration,
  quantity,
  openPrice,
}: PositionView['legs'][number]): string {
  const what = kind === 'stock' ? 'shares' : `${expiration} ${strike} ${right}`;
  return `${quantity > 0 ? '+' : ''}${quantity} ${what} @ ${priceText(openPrice)}`;
}
