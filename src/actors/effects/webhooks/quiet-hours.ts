/** When an owner does not want to be woken: between two times of day on the clock of their time zone. */

export interface QuietHours {
  /** An IANA name, such as Europe/Berlin. */
  timeZone: string;
  /** `HH:MM`; both or neither. From after until is over midnight; the two the same is never. */
  quietFrom: string | null;
  quietUntil: string | null;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

/**
 * The end of the quiet hours that it is now: the first minute at which the owner's clock shows none of them. Null when it
 * is not quiet. Where the clock jumps over the end, quiet ends with the jump; where it goes back, the hour that comes
 * twice is quiet twice, and quiet ends where that is before its beginning.
 */
export function quietUntil(now: Date, { timeZone, quietFrom, quietUntil: until }: QuietHours): Date | null {
  if (quietFrom === null || until === null) return null;
  const [from, to] = [minutesOf(quietFrom), minutesOf(until)];
  const clock = clockOf(timeZone);
  const isQuiet = (time: number): boolean => {
    const minute = clock(time);
    return from < to ? minute >= from && minute < to : from > to && (minute >= from || minute < to);
  };
  if (!isQuiet(now.getTime())) return null;
  const left = (to - clock(now.getTime()) + DAY_MINUTES) % DAY_MINUTES;
  const thisMinute = Math.floor(now.getTime() / MINUTE_MS);
  const usual = (thisMinute + left) * MINUTE_MS;
  if (clock(usual) === to) return new Date(usual);
  // The clock jumps before: a time of day may be there twice, or not at all.
  let minute = thisMinute + 1;
  while (isQuiet(minute * MINUTE_MS)) minute++;
  return new Date(minute * MINUTE_MS);
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}

/** Minutes since midnight that the zone's clock shows at a time. */
function clockOf(timeZone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (time) => minutesOf(format.format(time));
}
