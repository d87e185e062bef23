/** Portfolio monitors in words and columns for a person. */
import { type MonitorHead, type MonitorView, unseenOf } from '../server/operations/monitor-view.ts';
import { simulatedNotice } from './run-report.ts';
import { localTime, localTimes, pairs, shortened, type Terminal, table } from './terminal.ts';

/** The service's own words; `monitor show` has all of them. */
const unseenWidth = 160;

type Style = Pick<Terminal, 'style'>;

/** What a monitor is set to. */
export function monitorReport(monitor: MonitorHead, { style }: Style): string[] {
  const { monitorId, portfolio, status, everySeconds, nextCheckAt } = monitor;
  const next = nextCheckAt === null ? '' : `, next check ${localTime(nextCheckAt)}`;
  return [
    `${style('bold', `Portfolio ${portfolio}`)}  ${status}  (every ${everySeconds} s while the market is open${next})`,
    ...ruleRows(monitor),
    style('dim', monitorId),
  ];
}

/** The same, with what it has seen and told. */
export function monitorDetails(monitor: MonitorView, terminal: Style): string[] {
  const { checks, lastCheck, alertCount, alerts, waiting, health } = monitor;
  const { style } = terminal;
  const { reason, since } = health;
  const sight =
    health.status === 'seeing'
      ? 'seeing'
      : style(
          'red',
          `${health.status}${since ? ` since ${localTime(since)}` : ''}: ${reason ? localTimes(reason.message) : '–'}`,
        );
  return [
    ...simulatedNotice(lastCheck?.source ?? null, terminal),
    ...monitorReport(monitor, terminal),
    '',
    ...pairs([
      ['Checks', String(checks)],
      ['Last check', lastCheck && checkInWords(lastCheck)],
      ['Values', lastCheck?.source ? `${lastCheck.source}, as of ${localTime(lastCheck.asOf ?? '')}` : null],
      ['Problem', lastCheck?.problem ? localTimes(lastCheck.problem.message) : null],
      ['Health', sight],
      ['Alerts', `${alertCount}${waiting > 0 ? `, and ${waiting} that come with later checks` : ''}`],
    ]),
    ...(alerts.length === 0 ? [] : ['', style('bold', 'Last alerts')]),
    ...alerts.map(({ at, message, source }) => {
      const simulated = source === 'simulated' ? ` ${style('inverse', ' SIMULATED ')}` : '';
      return `  ${style('dim', localTime(at))}  ${localTimes(message)}${simulated}`;
    }),
  ];
}

/** Monitors as a table, newest first. */
export function monitorList(monitors: readonly MonitorView[]): string[] {
  if (monitors.length === 0) return ['No monitors. Start one: npm run ttai -- monitor start'];
  const rows = monitors.map(({ lastCheck, nextCheckAt, ...monitor }) => [
    monitor.portfolio,
    String(monitor.rules.length),
    lastCheck === null ? '–' : localTime(lastCheck.at),
    nextCheckAt === null ? 'now' : localTime(nextCheckAt),
    lastCheck === null ? '–' : `${lastCheck.positions}${unseenInWords(lastCheck)}`,
    lastCheck?.source ?? '',
    String(monitor.alertCount),
    monitor.health.status,
    monitor.monitorId,
  ]);
  const head = ['PORTFOLIO', 'RULES', 'LAST CHECK', 'NEXT CHECK', 'POSITIONS', 'SOURCE', 'ALERTS', 'HEALTH'];
  return [
    ...table([[...head, 'MONITOR'], ...rows]),
    ...monitors.flatMap(({ portfolio, lastCheck }) => {
      const unseen = lastCheck && unseenOf(lastCheck);
      return unseen ? [`Portfolio ${portfolio}: ${shortened(localTimes(unseen), unseenWidth)}`] : [];
    }),
  ];
}

function ruleRows({ rules }: MonitorHead): string[] {
  return table([
    ['  RULE', 'THRESHOLD', 'SYMBOL', 'AGAIN AFTER'],
    ...rules.map(({ type, threshold, symbol, coolDownMinutes }) => [
      `  ${type}`,
      String(threshold),
      symbol ?? 'all',
      `${coolDownMinutes} min`,
    ]),
  ]);
}

type Check = NonNullable<MonitorView['lastCheck']>;

function checkInWords(check: Check): string {
  return `${localTime(check.at)}, ${marketInWords(check)}, ${check.positions} positions${unseenInWords(check)}`;
}

/** The simulated market's own quotes never stop; those fetched from it keep the hours of the exchange. */
function marketInWords({ open, source }: Check): string {
  if (open === null) return 'market hours not known';
  if (open && source === 'simulated') return 'simulated market, open';
  return open ? 'market open' : 'market closed';
}

function unseenInWords({ unknown }: Check): string {
  return unknown > 0 ? `, ${unknown} without a fresh value` : '';
}
