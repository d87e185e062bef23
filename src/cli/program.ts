/** The commands: what can be typed, and which function answers it. Nothing is done here. */
import { Command, Option } from 'commander';
import { readConfig, settingsAsText } from '../config.ts';
import { joinedEnvironment } from '../launch/home.ts';
import { listNotifications } from '../server/operations/notifications.ts';
import { getQuote } from '../server/operations/quotes.ts';
import { runKind } from '../server/operations/run-view.ts';
import { cancelRun, getRun, listRuns, waitRun } from '../server/operations/runs.ts';
import { startAnalysis } from '../server/operations/start-analysis.ts';
import { version } from '../version.ts';
import { addActorCommands, type Show } from './actors.ts';
import { notificationLine, notificationList, quoteList } from './alert-report.ts';
import { addAlertCommands } from './alerts.ts';
import { more, numberOf, type PageOptions } from './arguments.ts';
import { addCalibrateCommand } from './calibrate.ts';
import { Client } from './client.ts';
import { addDataCommands } from './data.ts';
import { EXIT_INTERRUPTED } from './errors.ts';
import { addMonitorCommands } from './monitors.ts';
import { addPositionCommands } from './positions.ts';
import { printable, printableJson, shellWord } from './printable.ts';
import { addCatchUpCommand, addPreferencesCommands, addScreenerCommands } from './records.ts';
import { runList, runReport, simulatedNotice } from './run-report.ts';
import { addScreenCommand } from './screen.ts';
import { clientSettings, type Environment, serverAddress } from './server-address.ts';
import type { Terminal } from './terminal.ts';
import { watchRun } from './watch-run.ts';
import { addWebhookCommands } from './webhooks.ts';

export interface ProgramOptions {
  env: Environment;
  terminal: Terminal;
  /** Aborted when the person has had enough. */
  signal?: AbortSignal;
  /** Called with the exit code of a server that has stopped, or of an answer that is a failure. */
  exitWith: (exitCode: number) => void;
}

const { type, strategy, timeframe } = startAnalysis.input.shape;
const examples = `
Examples:
  npm run ttai -- analyze AAPL
  npm run ttai -- screen --min-price 20 --max-price 60
  npm run ttai -- quote AAPL MSFT
  npm run ttai -- position add AAPL "sell 1 put 150 2030-12-20 at 2.35"
  npm run ttai -- monitor start
  npm run ttai -- alert add AAPL above 200
  npm run ttai -- watch

Commands talk to a running server, which "npm start" starts: the one at TTAI_URL,
or the one of this home. TTAI_TOKEN is the token, where the server demands one.
Exit codes: 0 done; 1 it failed, or an analysis or a screener that was started
failed or was cancelled, or lines of an import were refused; 2 wrong call or
setting; 130 interrupted.
The server's settings: npm run ttai -- serve --help`;

/** The program, ready to parse. It throws `CommanderError`s and the errors of its commands. */
export function createProgram({ env, terminal, signal, exitWith }: ProgramOptions): Command {
  const client = () => new Client(serverAddress(env));
  const print = (lines: readonly string[], write = terminal.out) => {
    for (const line of lines) write(line);
  };
  const printJson = (value: unknown) => terminal.out(printableJson(value, 2));
  const show: Show = (value, json, report) => (json ? printJson(value) : print(report(printable(value))));

  const program = new Command('ttai')
    .description('Analyses and screens option trades for you, and watches your positions and prices.')
    .version(version)
    .addHelpText('after', examples)
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => print(text.trimEnd().split('\n').map(printable), terminal.note),
    })
    .exitOverride();

  program
    .command('analyze')
    .description('analyse a symbol, and show how far it is until it has ended')
    .argument('<symbol>', 'for example AAPL')
    .addOption(choice('--type <type>', 'what to do', type))
    .addOption(choice('--strategy <strategy>', 'what to sell', strategy))
    .addOption(choice('--timeframe <timeframe>', 'of the chart', timeframe))
    .option('--key <text>', 'of your own: the same key again starts nothing new')
    .option('--json', 'the whole result as JSON')
    .action(async (symbol: string, { json, key, ...options }: { json?: boolean; key?: string }) => {
      const api = client();
      const asked = { symbol, ...options, ...(key !== undefined && { idempotencyKey: key }) };
      const run = await watchRun(api, await api.call(startAnalysis, asked), terminal);
      const ended = json ? (await api.call(getRun, { runId: run.runId, detail: 'full' })).run : run;
      show(ended, json, (found) => runReport(found, terminal));
      if (run.status === 'failed' || run.status === 'cancelled') exitWith(1);
    });

  addScreenCommand(program, { client, terminal, show, exitWith });

  program
    .command('quote')
    .description('present prices')
    .argument('<symbols...>', 'for example AAPL MSFT')
    .option('--json', 'as JSON')
    .action(async (symbols: string[], { json }: { json?: boolean }) => {
      show(await client().call(getQuote, { symbols }), json, (answer) => [
        ...simulatedNotice(answer.quotes[0]?.source ?? null, terminal),
        ...quoteList(answer),
      ]);
    });

  addAlertCommands(program, { client, terminal, show });
  addPositionCommands(program, { client, terminal, show, exitWith });
  addScreenerCommands(program, { client, terminal, show });
  addPreferencesCommands(program, { client, terminal, show });
  addCatchUpCommand(program, { client, terminal, show });

  addMonitorCommands(program, { client, terminal, show });

  program
    .command('watch')
    .description('print notifications as they come; coming back misses nothing')
    .option('--all', 'a new watch begins with everything that is kept')
    .option('--json', 'one JSON object a line')
    .action(async ({ all, json }: { all?: boolean; json?: boolean }) => {
      const { watch, whySilent } = await import('./watch.ts');
      const note = (words: string) => terminal.note(terminal.style('dim', printable(words)));
      const address = serverAddress(env);
      whySilent(new Client(address)).then((words) => words && note(words));
      await watch({
        address,
        home: clientSettings(env).home,
        ...(all && { fromStart: true }),
        ...(signal && { signal }),
        onNotification: (notification) =>
          terminal.out(json ? printableJson(notification) : notificationLine(notification, terminal)),
        onChange: note,
      });
      if (signal?.aborted) exitWith(EXIT_INTERRUPTED);
    });

  program
    .command('notifications')
    .description('what you were told, oldest first; "watch" waits for more')
    .option('--after <seq>', 'those behind this one', numberOf, 0)
    .option('--limit <count>', 'at most 100', numberOf, 20)
    .option('--json', 'as JSON')
    .action(async ({ json, after, limit }: { json?: boolean; after: number; limit: number }) => {
      const answer = await client().call(listNotifications, { afterSeq: after, limit });
      show(answer, json, (found) => notificationList(found, terminal));
    });

  program
    .command('runs')
    .description('analyses and screeners, newest first')
    .addOption(new Option('--kind <kind>', 'only these').choices(runKind.options))
    .option('--status <status>', 'only these: running, completed, rejected, failed or cancelled')
    .option('--limit <count>', 'at most 100', numberOf, 20)
    .option('--cursor <cursor>', 'the page that begins there')
    .option('--json', 'as JSON')
    .action(async ({ json, kind, status, limit, cursor }: RunsOptions) => {
      const answer = await client().call(listRuns, {
        limit,
        ...(cursor !== undefined && { cursor }),
        ...(kind !== undefined && { kind }),
        ...(status !== undefined && { status }),
      });
      show(answer, json, ({ runs }) => [...runList(runs), ...more(answer.nextCursor)]);
    });
  program
    .command('run')
    .description('one analysis or screener and its result')
    .argument('<runId>', 'as "runs" shows it')
    .option('--wait', 'until it has ended')
    .option('--json', 'the whole result as JSON')
    .action(async (runId: string, { json, wait }: { json?: boolean; wait?: boolean }) => {
      const api = client();
      if (wait) {
        const begun = await api.call(waitRun, { runId, maxWaitSeconds: 0 });
        if (begun.run.status === 'running') await watchRun(api, { ...begun, alreadyRunning: true }, terminal);
      }
      const { run } = await api.call(getRun, { runId, detail: json ? 'full' : 'summary' });
      show(run, json, (found) => runReport(found, terminal));
    });
  program
    .command('cancel')
    .description('stop an analysis or a screener')
    .argument('<runId>', 'as "runs" shows it')
    .option('--json', 'as JSON')
    .action(async (runId: string, { json }: { json?: boolean }) => {
      const { run } = await client().call(cancelRun, { runId });
      show(run, json, (found) => runReport({ ...found, waiting: [], result: null }, terminal));
    });

  addWebhookCommands(program, { client, show, exitWith });
  addActorCommands(program, { client, terminal, show, exitWith });
  addDataCommands(program, { env, terminal, signal, exitWith });
  addCalibrateCommand(program, { env, terminal, signal, exitWith });

  program
    .command('token')
    .description('tokens of those who may enter: add')
    .command('add')
    .description('make a token, show it once, and keep its hash')
    .argument('<name>', 'whose it is, or what for: one word')
    .option(
      '--owner <owner>',
      'whose runs and alerts it opens; "local" for those made without tokens (default: the name)',
    )
    .option('--operator', "it may see and stop everybody's actors: for who runs TTAI")
    .option('--json', 'as JSON')
    .action(async (name: string, { owner, operator, json }: TokenOptions) => {
      const { addToken } = await import('./token.ts');
      // Whom a server that runs lets in is in the file that it was given.
      const settings = clientSettings(joinedEnvironment(env, clientSettings(env).home));
      const added = addToken(settings, {
        name,
        ...(owner !== undefined && { owner }),
        ...(operator !== undefined && { operator }),
      });
      show(added, json, ({ token, file }) => [
        token,
        '',
        `It is not shown again. It opens what belongs to ${added.owner}${added.operator ? ", and to operators everybody's actors" : ''}.`,
        ...(added.tokens > 1
          ? [
              `${added.owner} has ${added.tokens} tokens now, all of which work: take the lines of others out of ${file}.`,
            ]
          : []),
        ...(settings.authTokensFile === undefined
          ? [`Start the server with AUTH_TOKENS_FILE=${shellWord(file)}`]
          : []),
        `Commands take it from TTAI_TOKEN; assistants send it as "Authorization: Bearer ${token.slice(0, 9)}...".`,
      ]);
    });

  program
    .command('serve')
    .description(
      "one more server process on the database of this home, with the first one's tokens and allowed webhook hosts",
    )
    .option('--port <port>', 'where it listens; 0 takes any free one')
    .addHelpText('after', `\nSettings, from the environment:\n${settingsAsText()}`)
    .action(async ({ port }: { port?: string }) => {
      const joined = joinedEnvironment(env, clientSettings(env).home);
      const config = readConfig({ ...joined, ...(port !== undefined && { PORT: port }) });
      const { serve } = await import('../serve.ts');
      exitWith(await serve({ config, joinHome: true }));
    });
  program
    .command('mcp')
    .description('MCP over stdio, for hosts that start a process: passes everything on to the server')
    .action(async () => {
      const { bridge } = await import('./mcp.ts');
      await bridge(serverAddress(env));
    });
  pointToHelp(program, 'npm run ttai --');
  return program;
}

/** What is called wrongly says where its own help is. */
function pointToHelp(command: Command, path: string): void {
  command.showHelpAfterError(`Add --help to see what there is: ${path} --help`);
  for (const inner of command.commands) pointToHelp(inner, `${path} ${inner.name()}`);
}

type RunsOptions = PageOptions & { kind?: 'analysis' | 'screener'; status?: 'running' };

interface TokenOptions {
  owner?: string;
  operator?: boolean;
  json?: boolean;
}

/** An option whose words and default come from the operation's own schema. */
function choice(
  flags: string,
  about: string,
  schema: { unwrap(): { options: readonly string[] }; def: { defaultValue: unknown } },
): Option {
  return new Option(flags, about).choices(schema.unwrap().options).default(schema.def.defaultValue);
}
