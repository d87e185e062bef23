/**
 * A notification as the body of a request, in the words of who receives it: JSON for programs, one text for Slack and
 * Discord. What users have written in it stays text: it mentions nobody, hides no link behind words and formats nothing.
 *
 * Sources: Slack's "Formatting text for app surfaces" and Discord's "Execute Webhook" and "Allowed Mentions".
 */
import { clockOf, timesBy } from '../../../machines/clock-text.ts';
import { notificationText } from '../../../machines/notification-text.ts';

export type WebhookFormat = 'json' | 'slack' | 'discord';

export interface Message {
  /** Null for a test. */
  seq: number | null;
  id: string;
  type: string;
  at: Date;
  /** The actor that tells. */
  source: string;
  data: Record<string, unknown>;
}

/** How whoever reads it wants to be told. */
export interface Reader {
  format: WebhookFormat;
  /** The owner's (IANA): texts have its clock, fields UTC. */
  timeZone: string;
}

/** Slack cuts at 40,000 characters and shows 4,000 well. */
const MAX_SLACK_CHARS = 3_000;
/** Discord refuses more. */
const MAX_DISCORD_CHARS = 2_000;
/** Discord shows no previews of links. */
const SUPPRESS_EMBEDS = 4;

/** The body to send. */
export function bodyOf({ format, timeZone }: Reader, message: Message): string {
  const { seq, id, type, at, source, data } = message;
  const text = timesBy(clockOf(timeZone), notificationText(type, data));
  if (format === 'slack') {
    return JSON.stringify({
      text: escaped(text, escapeForSlack, MAX_SLACK_CHARS),
      mrkdwn: false,
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
    });
  }
  if (format === 'discord') {
    return JSON.stringify({
      content: escaped(text, escapeForDiscord, MAX_DISCORD_CHARS),
      allowed_mentions: { parse: [] },
      flags: SUPPRESS_EMBEDS,
    });
  }
  return JSON.stringify({ id, seq, type, at: at.toISOString(), source, text, data });
}

function escapeForSlack(character: string): string {
  return { '&': '&amp;', '<': '&lt;', '>': '&gt;' }[character] ?? character;
}

/** Discord's Markdown takes a backslash before each of its signs. */
function escapeForDiscord(character: string): string {
  return /[\\*_~`|<>#[\]()@-]/.test(character) ? `\\${character}` : character;
}

/** Each character escaped, cut so that the whole is no longer than `max` UTF-16 units. */
function escaped(text: string, escapeOne: (character: string) => string, max: number): string {
  let result = '';
  for (const character of text) {
    const next = escapeOne(character);
    if (result.length + next.length > max - 1) return `${result}…`;
    result += next;
  }
  return result;
}
