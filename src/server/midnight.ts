/** When a day begins somewhere. Not for days of the exchange; the analysis service knows those. */

/** The time at which this date (2026-11-28) begins by the clocks of a zone (Europe/Berlin); where they jump over midnight, within the hour. */
export function midnightOf(date: string, timeZone: string): Date {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  /** How far the zone's clocks are ahead of UTC. */
  const ahead = (time: number): number => Date.parse(`${format.format(time).replace(' ', 'T')}Z`) - time;
  // Looked at twice: between midnight in UTC and midnight there, the clocks may have been turned.
  return new Date(midnight - ahead(midnight - ahead(midnight)));
}
