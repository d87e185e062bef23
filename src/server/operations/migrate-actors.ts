/** Actors of old versions of a machine, taken to its present one at once. How, its machine's file says. */
import { z } from 'zod';
import { requireOperator } from './authority.ts';
import { machine } from './fields.ts';
import { defineOperation } from './operation.ts';

const count = z.int();

export const migrateActors = defineOperation({
  name: 'migrate_actors',
  title: 'Migrate actors',
  description:
    'Take actors of old versions of a machine to its present one, without waiting for their next event, and release from quarantine those whose migration works now. dryRun says whether it is meant. For operators.',
  input: z.strictObject({
    machine: machine.optional(),
    // Without a default: it is about everybody's actors, and a call that forgot its body must not mean it.
    dryRun: z
      .boolean({
        error:
          'say {"dryRun": true} to be told what would become of the actors, {"dryRun": false} to migrate them',
      })
      .describe('Only say what would become of them; false migrates them'),
    limit: z
      .int()
      .min(1)
      .max(10_000)
      .default(1_000)
      .describe('Actors taken up at most; call again for those left'),
  }),
  output: z.object({
    dryRun: z.boolean(),
    versions: z.array(
      z.object({
        machine: z.string(),
        version: z.string().describe('In which the actors were found'),
        current: count,
        goesOn: count.describe('Of an old version that goes on'),
        migrated: count,
        quarantined: count,
        unknown: count.describe('Of a version that this server does not have'),
        left: count.describe('Not taken up, since the limit was reached'),
      }),
    ),
    quarantined: z
      .array(
        z.object({
          ...{ address: z.string(), machine: z.string(), version: z.string() },
          ...{ code: z.string(), message: z.string() },
        }),
      )
      .describe('The first 100, with the reason'),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  doors: ['api'],
  http: { method: 'post', path: '/actors/migrate' },
  async run(context, { machine: only, ...input }) {
    requireOperator(context);
    return context.system.migrate({ ...input, ...(only !== undefined && { machine: only }) });
  },
});
