/** `actors`: what can be typed for looking into actors and mending them. What it does is done by the operations. */
import { type Command, Option } from 'commander';
import { actorStatus } from '../server/operations/actor-view.ts';
import {
  getActor,
  getActorHistory,
  getActorPending,
  listActors,
  stopActor,
} from '../server/operations/actors.ts';
import {
  discardDeadLetter,
  getDeadLetter,
  listDeadLetters,
  retryDeadLetter,
} from '../server/operations/dead-letters.ts';
import { migrateActors } from '../server/operations/migrate-actors.ts';
import {
  actorLine,
  actorList,
  actorReport,
  deadLetterList,
  deadLetterReport,
  historyReport,
  migrationReport,
  pendingReport,
  retryLine,
} from './actor-report.ts';
import { addressOf, more, numberOf, type PageOptions, quoted } from './arguments.ts';
import type { Client } from './client.ts';
import { UsageError } from './errors.ts';
import type { Terminal } from './terminal.ts';

export type Show = <Value>(
  value: Value,
  asJson: boolean | undefined,
  report: (value: Value) => readonly string[],
) => void;

export interface ActorCommandsOptions {
  client: () => Client;
  terminal: Terminal;
  /** Prints an answer: as JSON, or as its report. */
  show: Show;
  exitWith: (exitCode: number) => void;
}

interface Json {
  json?: boolean;
}
type Address = ReturnType<typeof addressOf>;

const examples = `
Examples:
  npm run ttai -- actors --status error
  npm run ttai -- actors pending marketWatch/main
  npm run ttai -- actors history marketWatch/main --limit 5
  npm run ttai -- actors migrate --dry-run

Without a command it lists. You see your own actors; an operator sees those of
all owners, and marketWatch/main, which serves all. Where the server demands
tokens, an operator is who has a token made with:
  npm run ttai -- token add NAME --operator`;

export function addActorCommands(program: Command, options: ActorCommandsOptions): void {
  const { client, terminal, show, exitWith } = options;
  const actors = program
    .command('actors')
    .description('for operators: list, look into, mend and stop actors')
    .addHelpText('after', examples);

  actors
    .command('list', { isDefault: true })
    .description('actors, newest first')
    .option('--machine <machine>', 'only of this machine')
    .addOption(new Option('--status <status>', 'only those').choices(actorStatus.options))
    .option('--owner <owner>', 'only those of this owner')
    .option('--limit <count>', 'at most 100', numberOf, 20)
    .option('--cursor <cursor>', 'the page that begins there')
    .option('--json', 'as JSON')
    // What follows `actors` and is no command comes here.
    .allowExcessArguments()
    .action(async ({ json, ...filters }: PageOptions & ActorFilters, { args: [unknown] }: Command) => {
      if (unknown !== undefined) {
        throw new UsageError(`There is no command ${quoted(unknown)}: npm run ttai -- actors --help`);
      }
      const answer = await client().call(listActors, filters);
      show(answer, json, (page) => [...actorList(page.actors), ...more(answer.nextCursor)]);
    });
  actors
    .command('show')
    .description('state, context, error, parent and children')
    .argument('<address>', 'for example marketWatch/main', addressOf)
    .option('--json', 'as JSON')
    .action(async (address: Address, { json }: Json) => {
      const { actor } = await client().call(getActor, address);
      show(actor, json, (found) => actorReport(found, terminal));
    });
  actors
    .command('history')
    .description('the last steps: event, sender, states, what was started')
    .argument('<address>', 'for example marketWatch/main', addressOf)
    .option('--from <revision>', 'the steps from this revision on', numberOf)
    .option('--limit <count>', 'at most 100', numberOf, 20)
    .option('--json', 'as JSON')
    .action(async (address: Address, { json, ...page }: Json & { from?: number; limit: number }) => {
      const answer = await client().call(getActorHistory, { ...address, ...page });
      show(answer, json, ({ steps }) => historyReport(steps, terminal));
    });
  actors
    .command('pending')
    .description('why it does not move: timers and how late, effects and who runs them, mail')
    .argument('<address>', 'for example marketWatch/main', addressOf)
    .option('--json', 'as JSON')
    .action(async (address: Address, { json }: Json) => {
      const answer = await client().call(getActorPending, address);
      show(answer, json, (found) => pendingReport(found, terminal));
    });
  actors
    .command('dead-letters')
    .description('events whose step threw, kept until they are retried or discarded, for 90 days at most')
    .argument('[id]', 'only this one, in full')
    .option('--address <address>', 'only of this actor', addressOf)
    .option('--machine <machine>', 'only of this machine')
    .option('--owner <owner>', "only of this owner's actors")
    .option('--limit <count>', 'at most 100', numberOf, 20)
    .option('--cursor <cursor>', 'the page that begins there')
    .option('--json', 'as JSON')
    .action(async (id: string | undefined, { json, address, ...filters }: PageOptions & LetterFilters) => {
      if (id !== undefined) {
        const { deadLetter } = await client().call(getDeadLetter, { id });
        show(deadLetter, json, (found) => deadLetterReport(found, terminal));
        return;
      }
      const answer = await client().call(listDeadLetters, { ...filters, ...address });
      show(answer, json, (page) => [...deadLetterList(page.deadLetters), ...more(answer.nextCursor)]);
    });
  actors
    .command('retry')
    .description('apply a dead letter to its actor as it is now')
    .argument('<id>', 'as "actors dead-letters" shows it')
    .option('--json', 'as JSON')
    .action(async (id: string, { json }: Json) => {
      const answer = await client().call(retryDeadLetter, { id });
      show(answer, json, (taken) => [retryLine(taken)]);
    });
  actors
    .command('discard')
    .description('give a dead letter up, for good')
    .argument('<id>', 'as "actors dead-letters" shows it')
    .option('--json', 'as JSON')
    .action(async (id: string, { json }: Json) => {
      const { deadLetter } = await client().call(discardDeadLetter, { id });
      show(deadLetter, json, (gone) => [`Discarded ${gone.event.type}, for ${gone.address}.`]);
    });
  actors
    .command('stop')
    .description('stop it for good, with its timers, effects and children')
    .argument('<address>', 'for example priceAlert/0198...', addressOf)
    .option('--json', 'as JSON')
    .action(async (address: Address, { json }: Json) => {
      const { actor } = await client().call(stopActor, address);
      show(actor, json, (stopped) => [actorLine(stopped)]);
    });
  actors
    .command('migrate')
    .description('take actors of old versions of their machine to the present one')
    .option('--machine <machine>', 'only of this machine')
    .option('--dry-run', 'only say what would become of them')
    .option('--limit <count>', 'take up at most so many', numberOf, 1_000)
    .option('--json', 'as JSON')
    .addHelpText('after', '\nThe exit code is 1 when an actor can not be migrated.')
    .action(async ({ json, dryRun = false, ...input }: Json & MigrateOptions) => {
      const answer = await client().call(migrateActors, { ...input, dryRun });
      show(answer, json, (report) => migrationReport(report, terminal));
      if (answer.versions.some(({ quarantined }) => quarantined > 0)) exitWith(1);
    });
}

interface MigrateOptions {
  machine?: string;
  dryRun?: boolean;
  limit: number;
}

interface LetterFilters {
  address?: Address;
  machine?: string;
  owner?: string;
}

interface ActorFilters {
  machine?: string;
  status?: (typeof actorStatus.options)[number];
  owner?: string;
}
