/** `alert`: what can be typed for price alerts. What it does is done by the operations. */
import { type Command, InvalidArgumentError } from 'commander';
import { deleteAlert, listAlerts, setAlert, updateAlert } from '../server/operations/alerts.ts';
import type { ActorCommandsOptions } from './actors.ts';
import { alertList, alertReport, deletedAlert } from './alert-report.ts';
import { more, numberOf, type PageOptions, quoted } from './arguments.ts';
import { sayBeside } from './terminal.ts';

type Condition = 'above' | 'below' | 'crosses';

interface AlertOptions {
  repeat?: boolean;
  expires?: string;
  note?: string;
  key?: string;
  json?: boolean;
}

interface ChangeOptions extends Omit<AlertOptions, 'note' | 'key'> {
  /** False: it is taken away. */
  note?: string | false;
  condition?: Condition;
  threshold?: number;
  once?: boolean;
}

export function addAlertCommands(
  program: Command,
  { client, terminal, show }: Pick<ActorCommandsOptions, 'client' | 'terminal' | 'show'>,
): void {
  const alert = program.command('alert').description('price alerts: add, list, update, delete');
  alert
    .command('add')
    .description('watch a price')
    .argument('<symbol>', 'for example AAPL')
    .argument('<condition>', 'above, below or crosses', conditionOf)
    .argument('<threshold>', 'price', numberOf)
    .option('--repeat', 'fire at every cross, not only once')
    .option('--expires <time>', 'until then, for example 2030-01-31T21:00:00Z')
    .option('--note <text>', 'comes back with the notification')
    .option('--key <text>', 'of your own: the same key again starts nothing new')
    .option('--json', 'as JSON')
    .action(async (symbol: string, condition: Condition, threshold: number, options: AlertOptions) => {
      const answer = await client().call(setAlert, {
        symbol,
        condition,
        threshold,
        ...(options.repeat && { repeat: 'every_cross' as const }),
        ...(options.expires !== undefined && { expiresAt: options.expires }),
        ...(options.note !== undefined && { note: options.note }),
        ...(options.key !== undefined && { idempotencyKey: options.key }),
      });
      show(answer.alert, options.json, (added) => alertReport(added, terminal));
      sayBeside(terminal, answer.alreadySet ? ['Set already; nothing new was set.'] : []);
    });
  alert
    .command('list')
    .description('alerts that are armed')
    .option('--all', 'those that have ended too')
    .option('--limit <count>', 'at most 100', numberOf, 20)
    .option('--cursor <cursor>', 'the page that begins there')
    .option('--json', 'as JSON')
    .action(async ({ all, limit, cursor, json }: PageOptions & { all?: boolean }) => {
      const status = all ? 'all' : 'active';
      const answer = await client().call(listAlerts, {
        status,
        limit,
        ...(cursor !== undefined && { cursor }),
      });
      show(answer, json, ({ alerts }) => [...alertList(alerts), ...more(answer.nextCursor)]);
    });
  alert
    .command('update')
    .description('change an armed alert; what is not named stays')
    .argument('<alertId>', 'as "alert list" shows it')
    .option('--condition <condition>', 'above, below or crosses', conditionOf)
    .option('--threshold <price>', 'price', numberOf)
    .option('--repeat', 'fire at every cross')
    .option('--once', 'fire once')
    .option('--expires <time>', 'until then, for example 2030-01-31T21:00:00Z; "never" for no end')
    .option('--note <text>', 'comes back with the notification')
    .option('--no-note', 'without a note from now on')
    .option('--json', 'as JSON')
    .action(async (alertId: string, { json, ...changes }: ChangeOptions) => {
      const { condition, threshold, note } = changes;
      const answer = await client().call(updateAlert, {
        alertId,
        ...(condition !== undefined && { condition }),
        ...(threshold !== undefined && { threshold }),
        ...(changes.repeat && { repeat: 'every_cross' as const }),
        ...(changes.once && { repeat: 'once' as const }),
        ...(changes.expires !== undefined && {
          expiresAt: changes.expires === 'never' ? null : changes.expires,
        }),
        ...(note !== undefined && { note: note === false ? null : note }),
      });
      show(answer.alert, json, (changed) => alertReport(changed, terminal));
      sayBeside(terminal, answer.warning === null ? [] : [answer.warning]);
    });
  alert
    .command('delete')
    .description('stop watching')
    .argument('<alertId>', 'as "alert list" shows it')
    .option('--json', 'as JSON')
    .action(async (alertId: string, { json }: { json?: boolean }) => {
      const { alert: found, wasArmed } = await client().call(deleteAlert, { alertId });
      show(found, json, (deleted) => [deletedAlert(deleted, wasArmed)]);
      if (json && !wasArmed) sayBeside(terminal, ['The alert had ended before; nothing was changed.']);
    });
}

function conditionOf(text: string): Condition {
  if (text === 'above' || text === 'below' || text === 'crosses') return text;
  throw new InvalidArgumentError(`The condition is above, below or crosses, not ${quoted(text)}.`);
}
