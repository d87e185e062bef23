/** The day of a piece, as gathering needs it. Not for what is gathered. */
import type { DailyPieceInput } from '../../../machines/daily-piece.ts';
import { timingOf } from '../../../machines/trading-day-plan.ts';
import { preferencesOf } from '../../../persistence/records/preferences.ts';
import type { EffectContext } from '../../runtime/index.ts';
import type { EffectRooms } from '../rooms.ts';

/** What gathering one piece needs to know besides the owner. */
export interface PieceDay extends DailyPieceInput {
  now: Date;
  timeZone: string;
  /** The session before. */
  previousDate: string;
  previousClose: Date;
  /** False: it will not be told, and leaves no trace for the next. */
  isOfUse: boolean;
}

/** Throws the analysis service's errors. */
export async function dayOf(
  { hours, database }: EffectRooms,
  input: DailyPieceInput,
  { now, owner }: EffectContext,
): Promise<PieceDay> {
  const [{ previous }, { timeZone }] = await Promise.all([
    hours.at(new Date(input.session.opensAt)),
    preferencesOf(database, owner),
  ]);
  const moment = now();
  return {
    ...input,
    now: moment,
    timeZone,
    previousDate: previous.date,
    previousClose: new Date(previous.closesAt),
    isOfUse: timingOf(input.piece, moment.toISOString()) !== 'too_late',
  };
}
