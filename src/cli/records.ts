/** `preferences`, `screener` and `catch-up`: what can be typed for them. What it does is done by the operations. */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { catchUp, catchUpLines } from '../server/operations/catch-up.ts';
import { getPreferences, updatePreferences } from '../server/operations/preferences.ts';
import { deleteScreener, listScreeners, saveScreener } from '../server/operations/saved-screeners.ts';
import type { ActorCommandsOptions } from './actors.ts';
import { numberOf, quoted } from './arguments.ts';
import { localTimes, pairs, sayBeside, table } from './terminal.ts';

type Needs = Pick<ActorCommandsOptions, 'client' | 'terminal' | 'show'>;
type Preferences = z.output<typeof getPreferences.output>['preferences'];
type Screener = z.output<typeof saveScreener.output>['screener'];

interface Json {
  json?: boolean;
}

export function addPreferencesCommands(program: Command, { client, show }: Needs): void {
  const preferences = program.command('preferences').description('how you want to be told: show, set');
  preferences
    .command('show', { isDefault: true })
    .description('how you are told')
    .option('--json', 'as JSON')
    .action(async ({ json }: Json) => {
      show((await client().call(getPreferences, {})).preferences, json, preferencesReport);
    });
  preferences
    .command('set')
    .description('change what is named')
    .option('--time-zone <name>', 'IANA name, for example Europe/Berlin')
    .option('--channels <names>', 'live, webhook, both with a comma, or none', channelsOf)
    .addOption(new Option('--morning <on|off>', 'a briefing when the market opens').choices(['on', 'off']))
    .option(
      '--quiet <from-until>',
      'webhooks wait meanwhile, for example 22:00-07:00; "off" for none',
      quietOf,
    )
    .option('--json', 'as JSON')
    .action(async ({ timeZone, channels, morning, quiet, json }: PreferenceOptions) => {
      const answer = await client().call(updatePreferences, {
        ...(timeZone !== undefined && { timeZone }),
        ...(channels !== undefined && { channels }),
        ...(morning !== undefined && { morningAlert: morning === 'on' }),
        ...quiet,
      });
      show(answer.preferences, json, preferencesReport);
    });
}

export function addScreenerCommands(program: Command, { client, terminal, show }: Needs): void {
  const screener = program.command('screener').description('saved screeners: save, list, delete');
  screener
    .command('save')
    .description(
      'keep criteria under a name, or change the one of this name: what is not said stays, null takes one away',
    )
    .argument('<name>', 'for example "cheap puts"')
    .argument('[criteria]', `as JSON, for example '{"minPrice":20,"maxPrice":60}'`, criteriaOf)
    .option('--max-symbols <count>', 'at most so many are analysed (50 unless said)', numberOf)
    .option('--auto-run', 'at each full hour of the session')
    .option('--no-auto-run', 'only when it is started')
    .option('--json', 'as JSON')
    .action(async (name: string, criteria: Record<string, unknown> | undefined, options: SaveOptions) => {
      const { maxSymbols, autoRun, json } = options;
      const answer = await client().call(saveScreener, {
        name,
        ...(criteria !== undefined && { criteria }),
        ...(maxSymbols !== undefined && { maxSymbols }),
        ...(autoRun !== undefined && { autoRun }),
      });
      show(answer.screener, json, (saved) => screenerList([saved]));
      sayBeside(
        terminal,
        answer.isNew ? [] : ['Changed the screener of this name; what was not said stays.'],
      );
    });
  screener
    .command('list')
    .description('saved screeners')
    .option('--json', 'as JSON')
    .action(async ({ json }: Json) => {
      show(await client().call(listScreeners, {}), json, ({ screeners }) => screenerList(screeners));
    });
  screener
    .command('delete')
    .description('forget one; its runs stay')
    .argument('<screener>', 'its name or id, as "screener list" shows it')
    .option('--json', 'as JSON')
    .action(async (savedScreenerId: string, { json }: Json) => {
      const answer = await client().call(deleteScreener, { savedScreenerId });
      show(answer.screener, json, ({ name, savedScreenerId: id }) => [
        `The screener ${JSON.stringify(name)} (${id}) is deleted; its runs stay.`,
      ]);
    });
}

export function addCatchUpCommand(program: Command, { client, show }: Needs): void {
  program
    .command('catch-up')
    .description('what happened while you were away')
    .option(
      '--since <time>',
      'for example 2026-01-31T21:00:00Z, or 2026-01-31 in your time zone (default: a day ago)',
    )
    .option('--after <seq>', 'instead: behind this notification', numberOf)
    .option('--json', 'as JSON')
    .action(async ({ since, after, json }: Json & { since?: string; after?: number }) => {
      const answer = await client().call(catchUp, {
        ...(since !== undefined && { since }),
        ...(after !== undefined && { afterSeq: after }),
      });
      show(answer, json, (told) => catchUpLines(told, localTimes));
    });
}

interface SaveOptions extends Json {
  maxSymbols?: number;
  autoRun?: boolean;
}

interface PreferenceOptions extends Json {
  timeZone?: string;
  channels?: ('live' | 'webhook')[];
  morning?: 'on' | 'off';
  quiet?: { quietFrom: string | null; quietUntil: string | null };
}

function preferencesReport({
  timeZone,
  channels,
  morningAlert,
  quietFrom,
  quietUntil,
}: Preferences): string[] {
  return pairs([
    ['Time zone', timeZone],
    ['Told over', channels.join(', ') || 'no channel: notifications are only kept'],
    ['Morning briefing', morningAlert ? 'on' : 'off'],
    ['Quiet hours', quietFrom === null ? 'none' : `${quietFrom} to ${quietUntil}`],
  ]);
}

function screenerList(screeners: readonly Screener[]): string[] {
  if (screeners.length === 0) {
    return [`No saved screeners. Save one: npm run ttai -- screener save "cheap puts" '{"maxPrice":60}'`];
  }
  const rows = screeners.map(({ name, criteria, maxSymbols, autoRun, savedScreenerId }) => [
    name,
    JSON.stringify(criteria),
    String(maxSymbols),
    autoRun ? 'each hour' : 'by hand',
    savedScreenerId,
  ]);
  return table([['NAME', 'CRITERIA', 'SYMBOLS', 'RUNS', 'SCREENER'], ...rows]);
}

function channelsOf(text: string): ('live' | 'webhook')[] {
  const names = text === 'none' ? [] : text.split(',').map((name) => name.trim());
  return names.map((name) => {
    if (name === 'live' || name === 'webhook') return name;
    throw new InvalidArgumentError(`Channels are live and webhook, or none; not ${quoted(name)}.`);
  });
}

function quietOf(text: string): { quietFrom: string | null; quietUntil: string | null } {
  if (text === 'off') return { quietFrom: null, quietUntil: null };
  const [, quietFrom, quietUntil] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? [];
  if (quietFrom !== undefined && quietUntil !== undefined) return { quietFrom, quietUntil };
  throw new InvalidArgumentError(`${quoted(text)} is no time such as 22:00-07:00, nor "off".`);
}

function criteriaOf(text: string): Record<string, unknown> {
  try {
    const criteria: unknown = JSON.parse(text);
    if (typeof criteria === 'object' && criteria !== null && !Array.isArray(criteria)) return { ...criteria };
  } catch {}
  throw new InvalidArgumentError(`${quoted(text)} is no JSON object such as {"maxPrice":60}.`);
}
