/**
 * `npm run -s chaos -- <name> [options]`: proves the runtime under faults. Prints JSON on stdout, and words on stderr.
 * Exits 1 on a violation, 2 when it is not known what is asked for. Each on an embedded Postgres of its own.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { actorsUnderChaos } from './actors.ts';
import { crashMatrix } from './crash-matrix.ts';
import { differential } from './differential.ts';
import { type FaultPoint, parsePoint } from './fault-points.ts';
import { VARIANTS, type Variant } from './matrix-client.ts';
import { PLANTS } from './plants.ts';
import { newSeed } from './random.ts';
import { streamsUnderChaos } from './streams.ts';
import { STREAM_PLANTS } from './streams-plants.ts';

const HELP = `npm run -s chaos -- <name> [options]

  crash-matrix    kills a worker with SIGKILL before and after each SQL statement and each call of an effect
    --sample n      only n of the points, a spread of them
    --variant name  restart (another worker is started then) or survivor (another one lives all the time)
    --point name    only this point, by the name that a report gives it: "after 2 COMMIT"
    --parallel n    so many at a time
    --plant name    with a fault of the runtime's own; ends when it is found

  actors          three processes, clients and a nemesis; then the history is checked
    --minutes n     for so long; 5 unless said
    --plant name    with a fault of the runtime's own; ends when it is found

  streams         two servers of which one is killed every 10 s, and clients of sessions that come back to either
    --minutes n     for so long; 3 unless said
    --clients n     so many; 300 unless said
    --plant name    with a fault of delivery; ends when it is found

  differential    random machines on the runtime's layers, against createActor
    --cases n       10000 unless said

  --seed n        the seed of a report, to do the same again

Plants: ${Object.keys(PLANTS).join(', ')};
of streams: ${Object.keys(STREAM_PLANTS).join(', ')}.

Prints a report as JSON on stdout, and how it goes on stderr. Exits 1 when a promise was broken.
`;

/** What was asked for in a way that is not known. */
class UsageError extends Error {}

const say = (words: string) => process.stderr.write(`${words}\n`);

interface Report {
  violations: readonly unknown[];
}

/** Which options each command has; every one takes `--seed` and `--help`, too. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'crash-matrix': ['sample', 'variant', 'point', 'parallel', 'plant'],
  actors: ['minutes', 'plant'],
  streams: ['minutes', 'clients', 'plant'],
  differential: ['cases'],
};

/** What the command line asks for; null for help. Throws a UsageError with words for a person. */
function readCommandLine(args: string[]): (() => Promise<Report>) | null {
  const { values, positionals } = parse(args);
  const [name, ...others] = positionals;
  if (values.help) return null;
  if (name === undefined || others.length > 0) throw new UsageError(`Name one command.\n\n${HELP}`);
  refuseOthers(name, Object.keys(values));
  const seed = wholeNumber('--seed', values.seed, 0) ?? newSeed();
  switch (name) {
    case 'crash-matrix':
      return () =>
        crashMatrix({
          seed,
          variants: values.variant === undefined ? VARIANTS : [variantOf(values.variant)],
          sample: wholeNumber('--sample', values.sample, 1),
          point: values.point === undefined ? undefined : pointOf(values.point),
          plant: plantOf(values.plant),
          parallel: wholeNumber('--parallel', values.parallel, 1) ?? availableParallelism() + 2,
          say,
        });
    case 'streams': {
      const seconds = minutesOf(values.minutes, 3) * 60;
      const clients = wholeNumber('--clients', values.clients, 1) ?? 300;
      const plant = plantOf(values.plant, STREAM_PLANTS);
      return () => streamsUnderChaos({ seed, seconds, clients, plant, say });
    }
    case 'actors': {
      const minutes = minutesOf(values.minutes, 5);
      const plant = plantOf(values.plant);
      return () => actorsUnderChaos({ seed, seconds: minutes * 60, plant, say });
    }
    case 'differential': {
      const cases = wholeNumber('--cases', values.cases, 1) ?? 10_000;
      return async () => differential({ seed, cases, say });
    }
    default:
      throw new UsageError(`There is no command "${name}".\n\n${HELP}`);
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: 'boolean', default: false },
        seed: { type: 'string' },
        sample: { type: 'string' },
        variant: { type: 'string' },
        point: { type: 'string' },
        parallel: { type: 'string' },
        minutes: { type: 'string' },
        clients: { type: 'string' },
        cases: { type: 'string' },
        plant: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** An option of another command would be passed over in silence, and with it what it was to show. */
function refuseOthers(name: string, given: readonly string[]): void {
  const own = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  const other = given.find((option) => own && !own.includes(option) && !['seed', 'help'].includes(option));
  if (!own || other === undefined) return;
  const has = [...own, 'seed'].map((option) => `--${option}`).join(', ');
  throw new UsageError(`${name} takes no --${other}. It takes: ${has}.`);
}

function wholeNumber(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) {
    throw new UsageError(`${option} takes a whole number from ${least} on.`);
  }
  return value;
}

function variantOf(name: string): Variant {
  const variant = VARIANTS.find((one) => one === name);
  if (!variant) throw new UsageError(`There is no variant "${name}". There are: ${VARIANTS.join(', ')}.`);
  return variant;
}

function minutesOf(text: string | undefined, otherwise: number): number {
  const minutes = Number(text ?? otherwise);
  if (!(minutes > 0)) throw new UsageError('--minutes takes a number above 0.');
  return minutes;
}

function plantOf(name: string | undefined, plants: object = PLANTS): string | undefined {
  if (name === undefined || Object.hasOwn(plants, name)) return name;
  throw new UsageError(`There is no plant "${name}". There are: ${Object.keys(plants).join(', ')}.`);
}

function pointOf(name: string): FaultPoint {
  const point = parsePoint(name);
  if (!point) throw new UsageError('--point takes a name like "after 2 COMMIT".');
  return point;
}

try {
  const run = readCommandLine(process.argv.slice(2));
  if (run) {
    const report = await run();
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    if (report.violations.length > 0) process.exitCode = 1;
  } else {
    process.stdout.write(HELP);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  say(error.message);
  process.exitCode = 2;
}
