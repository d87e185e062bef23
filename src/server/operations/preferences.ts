/** How an owner wants to be told: time zone, channels, the morning's briefing, quiet hours. */
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { Preferences } from '../../persistence/records/preferences.ts';
import { defineOperation } from './operation.ts';
import { updateDeliveries } from './webhooks.ts';

/** A name of the time zone database. Offsets such as +01:00 know no daylight saving time. */
const zoneName = /^[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*$/;
const timeZone = z
  .string()
  .max(100)
  .refine(isTimeZone, 'must be an IANA name such as Europe/Berlin')
  .transform(properCase)
  .describe('IANA name, e.g. Europe/Berlin');
const hour = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 22:00')
  .nullable();

const preferencesView = z.object({
  timeZone: z.string(),
  channels: z.array(z.string()).describe('Where notifications are pushed; all are kept'),
  morningAlert: z.boolean().describe('A briefing when the market opens'),
  quietFrom: z.string().nullable().describe("HH:MM in the time zone; webhooks wait until quietUntil's"),
  quietUntil: z.string().nullable(),
});

export const getPreferences = defineOperation({
  name: 'get_preferences',
  title: 'Read preferences',
  description: 'Time zone, channels, morning briefing and quiet hours.',
  input: z.strictObject({}),
  output: z.object({ preferences: preferencesView }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/preferences' },
  async run({ records, owner }) {
    return { preferences: await records.preferences(owner) };
  },
  text: ({ preferences }) => inWords(preferences),
});

export const updatePreferences = defineOperation({
  name: 'update_preferences',
  title: 'Change preferences',
  description: 'Change what is given. Quiet hours: both or both null.',
  input: z
    .strictObject({
      timeZone: timeZone.optional(),
      channels: z
        .array(z.enum(['live', 'webhook']))
        .max(2)
        .optional(),
      morningAlert: z.boolean().optional().describe('A briefing when the market opens'),
      quietFrom: hour.optional().describe('HH:MM'),
      quietUntil: hour.optional(),
    })
    .superRefine(({ quietFrom, quietUntil }, context) => {
      const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['quietUntil'], message });
      const given = [quietFrom, quietUntil].map((one) =>
        one === undefined ? 'no' : one === null ? 'null' : 'a time',
      );
      if (given[0] !== given[1]) refuse('give quietFrom and quietUntil both as times, or both as null');
      else if (quietFrom && quietFrom === quietUntil) refuse('must not be the same as quietFrom');
    }),
  output: z.object({ preferences: preferencesView }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/preferences' },
  async run(context, { channels, ...rest }) {
    const { records, owner } = context;
    const given = Object.entries({ ...rest, channels: channels && [...new Set(channels)] }).filter(
      ([, value]) => value !== undefined,
    );
    if (given.length === 0) {
      throw new TtaiError(
        'invalid_input',
        'Nothing to change: give a time zone, channels, whether you want a morning briefing, or quiet hours.',
      );
    }
    const changes = Object.fromEntries(given) as Partial<Preferences>;
    const preferences = await records.changePreferences(owner, changes);
    await updateDeliveries(context);
    return { preferences };
  },
  text: ({ preferences }) => inWords(preferences),
});

function isTimeZone(name: string): boolean {
  return zoneName.test(name) && resolved(name) !== undefined;
}

/** As the database of time zones writes it: `europe/berlin` is known too. */
function properCase(name: string): string {
  const known = resolved(name);
  return known?.toLowerCase() === name.toLowerCase() ? known : name;
}

function resolved(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

function inWords(preferences: z.output<typeof preferencesView>): string {
  const { timeZone: zone, channels, morningAlert, quietFrom, quietUntil } = preferences;
  const quiet = quietFrom === null ? 'no quiet hours' : `quiet from ${quietFrom} until ${quietUntil}`;
  return `Time zone ${zone}; told over ${channels.join(' and ') || 'no channel'}; ${morningAlert ? 'with' : 'without'} a morning briefing; ${quiet}.`;
}
