/** `monitor`: what can be typed for watching portfolios. What it does is done by the operations. */
import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { getMonitor, startMonitor, stopMonitor, updateMonitor } from '../server/operations/monitors.ts';
import type { ActorCommandsOptions } from './actors.ts';
import { numberOf, quoted } from './arguments.ts';
import { UsageError } from './errors.ts';
import { monitorDetails, monitorList, monitorReport } from './monitor-report.ts';
import { sayBeside } from './terminal.ts';

type Rule = NonNullable<z.input<typeof startMonitor.input>['rules']>[number];

interface RuleOptions {
  key?: string;
  rule?: Rule[];
  coolDown?: number;
  every?: number;
  json?: boolean;
}

const examples = `
Examples:
  npm run ttai -- monitor start
  npm run ttai -- monitor start --rule delta_breach=0.4 --rule price_below=200@AAPL
  npm run ttai -- monitor list
  npm run ttai -- monitor show MONITOR

Rules are TYPE=THRESHOLD, with @SYMBOL for that symbol only. They fire from the
threshold on, and again after the cool-down while they stay true:
  price_above, price_below   price of the underlying
  pct_change                 % since the last close, either way
  delta_breach               |delta| of a sold option, 0 to 1
  dte_warning                days to expiry
  profit_target              % of the maximum profit
  loss_limit                 loss in % of what was paid or received
  earnings_within            days to earnings
  assignment_risk            low, moderate or high
Without rules: delta 0.5, 21 days, 50 % profit, 100 % loss, earnings in 5 days,
high assignment risk.`;

export function addMonitorCommands(
  program: Command,
  { client, terminal, show }: Omit<ActorCommandsOptions, 'exitWith'>,
): void {
  const monitor = program
    .command('monitor')
    .description('watch portfolios: start, list, show, update, stop')
    .addHelpText('after', examples);

  monitor
    .command('start')
    .description('watch the open positions of a portfolio; one that is watched stays as it is')
    .option('--portfolio <name>', 'which one', 'main')
    .option('--rule <rule>', 'for example delta_breach=0.5; once for each rule', addRule)
    .option('--cool-down <minutes>', 'of these rules (default: 1440)', numberOf)
    .option('--every <seconds>', 'between checks while the market is open, 10 to 3600', numberOf, 60)
    .option('--key <text>', 'of your own: the same key again starts nothing new')
    .option('--json', 'as JSON')
    .action(async ({ portfolio, every, key, json, ...options }: RuleOptions & { portfolio: string }) => {
      const rules = rulesOf(options);
      const answer = await client().call(startMonitor, {
        portfolio,
        ...(every !== undefined && { everySeconds: every }),
        ...(rules && { rules }),
        ...(key !== undefined && { idempotencyKey: key }),
      });
      show(answer, json, (started) => monitorReport(started.monitor, terminal));
      sayBeside(terminal, [
        ...(answer.alreadyRunning
          ? ['It is watched already, by these rules; "monitor update" changes them.']
          : []),
        ...answer.warnings,
      ]);
    });
  monitor
    .command('list')
    .description('monitors that are active, newest first')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const answer = await client().call(getMonitor, {});
      show(answer, json, ({ monitors }) => monitorList(monitors));
    });
  monitor
    .command('show')
    .description('its rules, last check, health and alerts')
    .argument('<monitorId>', 'as "monitor list" shows it')
    .option('--alerts <count>', 'how many of the last, at most 50', numberOf, 10)
    .option('--json', 'as JSON')
    .action(async (monitorId: string, { alerts, json }: { alerts: number; json?: boolean }) => {
      const answer = await client().call(getMonitor, { monitorId, alerts });
      show(answer, json, ({ monitors }) => monitors.flatMap((one) => monitorDetails(one, terminal)));
    });
  monitor
    .command('update')
    .description('replace all rules, change the interval, or check now')
    .argument('<monitorId>', 'as "monitor list" shows it')
    .option('--rule <rule>', 'for example delta_breach=0.5; once for each rule', addRule)
    .option('--cool-down <minutes>', 'of these rules (default: 1440)', numberOf)
    .option('--every <seconds>', 'between checks while the market is open, 10 to 3600', numberOf)
    .option('--check-now', 'check at once; so do the other changes')
    .option('--json', 'as JSON')
    .action(async (monitorId: string, options: RuleOptions & { checkNow?: boolean }) => {
      const rules = rulesOf(options);
      const answer = await client().call(updateMonitor, {
        monitorId,
        ...(rules && { rules }),
        ...(options.every !== undefined && { everySeconds: options.every }),
        ...(options.checkNow && { checkNow: true }),
      });
      show(answer, options.json, (updated) => monitorReport(updated.monitor, terminal));
      sayBeside(terminal, answer.warnings);
    });
  monitor
    .command('stop')
    .description('stop watching')
    .argument('<monitorId>', 'as "monitor list" shows it')
    .option('--json', 'as JSON')
    .action(async (monitorId: string, { json }: { json?: boolean }) => {
      const answer = await client().call(stopMonitor, { monitorId });
      show(answer, json, (stopped) => monitorReport(stopped.monitor, terminal));
    });
}

/** Rules that were typed, with the cool-down for all of them. */
function rulesOf({ rule, coolDown }: RuleOptions): Rule[] | undefined {
  if (rule === undefined && coolDown !== undefined) {
    throw new UsageError('--cool-down is of rules: give them with --rule.');
  }
  return rule?.map((one) => ({ ...one, ...(coolDown !== undefined && { coolDownMinutes: coolDown }) }));
}

function addRule(text: string, before: Rule[] = []): Rule[] {
  const [, type, threshold, symbol] = /^(\w+)=([\w.]+)(?:@(.+))?$/.exec(text) ?? [];
  if (type === undefined || threshold === undefined) {
    throw new InvalidArgumentError(
      `${quoted(text)} is not a rule such as delta_breach=0.5 or price_below=200@AAPL.`,
    );
  }
  // The server knows the types and what their thresholds may be, and names what is wrong.
  const level = Number(threshold);
  const rule = { type, threshold: Number.isNaN(level) ? threshold : level, ...(symbol && { symbol }) };
  return [...before, rule as Rule];
}
