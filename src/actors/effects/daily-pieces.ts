/** The effect of the daily pieces: gathers what a briefing, a summary or a report has to tell its owner. */
import { z } from 'zod';
import { gatheredBriefing } from '../../machines/briefing.ts';
import { dailyPieceInput } from '../../machines/daily-piece.ts';
import { gatheredReport } from '../../machines/report.ts';
import { gatheredSummary } from '../../machines/summary.ts';
import { DoNotRetryError, type Effect, effect } from '../runtime/index.ts';
import { gatherBriefing } from './daily/briefing.ts';
import { dayOf } from './daily/day.ts';
import { gatherReport } from './daily/report.ts';
import { gatherSummary } from './daily/summary.ts';
import type { EffectRooms } from './rooms.ts';

export function dailyPieceEffects(rooms: EffectRooms): Effect[] {
  return [
    effect(
      'gatherPiece',
      {
        input: dailyPieceInput,
        output: z.union([gatheredBriefing, gatheredSummary, gatheredReport]),
        // Of 10,000 positions, twenty requests one after the other.
        timeout: '2 min',
        // A service that is away longer costs the piece; what is then of no use any more is judged by the machine.
        deadline: '12 h',
        retries: { limit: 3, delay: '1 s', backoff: 'exponential', maxDelay: '8 s' },
        // All owners' pieces come at once, and are to leave the service room for others.
        concurrency: 8,
      },
      async (input, context) => {
        const day = await dayOf(rooms, input, context);
        switch (input.piece.kind) {
          case 'briefing':
            return gatherBriefing(rooms, day, context);
          case 'summary':
            return gatherSummary(rooms, day, context);
          case 'report':
            return gatherReport(rooms, day, context);
          default:
            throw new DoNotRetryError('invalid_input', `a ${input.piece.kind} has nothing to gather`);
        }
      },
    ),
  ];
}
