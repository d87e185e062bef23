/**
 * The rooms of `src` and the arrows between them: who may import whom, where SQL may stand, and where time and chance
 * may come from. A failing test names the file that breaks an arrow.
 *
 * Tests and what only they use (`*.test.ts`, `testing/`) may reach into any room.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Room {
  /** What belongs to it: folders, or files without `.ts`. A file belongs to the room with the longest match. */
  at: string[];
  /** Rooms that it may import, besides itself. */
  knows: string[];
  /** Packages that it may import; all unless said. `node:` is Node's own. */
  packages?: string[];
}

/** The house, from the ground up: a room knows only rooms above it in this list. */
const ROOMS: Record<string, Room> = {
  scripts: { at: ['scripts'], knows: [], packages: ['node:'] },
  version: { at: ['src/version'], knows: [], packages: ['node:'] },
  config: { at: ['src/config'], knows: [], packages: ['node:', 'zod'] },
  log: { at: ['src/log'], knows: ['config'] },
  machines: { at: ['src/machines'], knows: [], packages: ['xstate', 'zod'] },
  // The root of everybody's error tree, with what makes an error storable, and nothing else of the runtime.
  errors: { at: ['src/actors/runtime/errors', 'src/actors/runtime/storable'], knows: [], packages: [] },
  // What runs SQL and listens, and how that fails, for all who pass it on; no table.
  database: {
    at: [
      'src/persistence/database',
      'src/persistence/database-errors',
      'src/persistence/listening-connection',
      'src/persistence/transaction',
    ],
    knows: [],
    packages: ['pg'],
  },
  'persistence/actors': { at: ['src/persistence/actors'], knows: ['database'], packages: [] },
  'persistence/records': { at: ['src/persistence/records'], knows: ['database'], packages: ['pg'] },
  persistence: { at: ['src/persistence'], knows: ['database'], packages: ['node:', 'pg', 'node-pg-migrate'] },
  'actors/runtime': {
    at: ['src/actors/runtime'],
    knows: ['errors', 'database', 'persistence', 'persistence/actors'],
    packages: ['node:', 'xstate', 'zod', 'pg', 'pg-boss'],
  },
  'actors/effects': {
    at: ['src/actors/effects'],
    knows: ['errors', 'machines', 'database', 'persistence/records', 'actors/runtime'],
    packages: ['node:', 'zod', '@xstate/store'],
  },
  'actors/dispatcher': {
    at: ['src/actors/dispatcher'],
    knows: ['machines', 'database', 'persistence/records', 'actors/runtime'],
    packages: [],
  },
  server: {
    at: ['src/server'],
    knows: [
      'version',
      'config',
      'errors',
      'machines',
      'database',
      'persistence/records',
      'actors/runtime',
      'actors/effects',
    ],
  },
  telemetry: {
    at: ['src/telemetry'],
    knows: ['errors', 'actors/runtime', 'actors/effects', 'server'],
    packages: [
      'node:',
      'xstate',
      'prom-client',
      '@opentelemetry/api',
      '@opentelemetry/sdk-trace',
      '@opentelemetry/resources',
      '@opentelemetry/exporter-trace-otlp-http',
    ],
  },
  launch: { at: ['src/launch'], knows: ['scripts', 'version', 'config', 'log'] },
  main: {
    at: ['src/main', 'src/app', 'src/serve', 'src/drain'],
    knows: [
      'version',
      'config',
      'log',
      'machines',
      'errors',
      'persistence',
      'persistence/records',
      'actors/runtime',
      'actors/effects',
      'actors/dispatcher',
      'server',
      'telemetry',
      'launch',
    ],
  },
  // A door's client, and beside main the other way in: its `serve` starts another server of the same home.
  cli: {
    at: ['src/cli'],
    knows: [
      // The words of notifications.
      'machines',
      'scripts',
      'version',
      'config',
      'log',
      'errors',
      'server',
      'launch',
      'main',
    ],
  },
};

/** Things that some files must not contain, and which files those are. */
const FORBIDDEN: { what: string; pattern: RegExp; where: (file: string) => boolean }[] = [
  {
    what: 'SQL outside src/persistence',
    pattern:
      /\b(?:SELECT\s[^;]*\bFROM|INSERT\s+INTO|UPDATE\s+[\w.]+\s+SET|DELETE\s+FROM|(?:CREATE|ALTER|DROP)\s+(?:TABLE|INDEX)|pg_notify\(|pg_advisory)/,
    // Of the launch room: the cluster's own databases, before there is anything to persist.
    where: (file) => !file.startsWith('src/persistence/') && !file.startsWith('src/launch/'),
  },
  {
    what: 'a timer of the process where only delayed transitions may be',
    pattern: /\b(?:setTimeout|setInterval|setImmediate)\b|node:timers/,
    where: (file) => file.startsWith('src/machines/') || file.startsWith('src/actors/effects/'),
  },
  {
    what: 'time or chance in a pure machine',
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\brandomUUID\b|\bperformance\./,
    where: (file) => file.startsWith('src/machines/'),
  },
];

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => `src/${file.split(sep).join('/')}`)
  .filter((file) => /\.(?:ts|js)$/.test(file))
  .filter((file) => !file.endsWith('.test.ts') && !file.includes('/testing/'))
  .sort();

/** The file without its comments. Good enough for this code: no string here holds a comment's beginning. */
function readCode(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(^|\s)\/\/.*$/gm, '');
}

/** What a file imports or re-exports, types included. */
function importsOf(file: string): string[] {
  const code = readCode(file);
  const statements = code.matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm);
  const bare = code.matchAll(/\bimport\s*\(?\s*['"]([^'"]+)['"]/g);
  return [...statements, ...bare].map(([, specifier]) => specifier as string);
}

/** The file that a relative import names, from the root; undefined for a package. */
function resolve(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : undefined;
}

function roomOf(file: string): string | undefined {
  const path = file.replace(/\.(?:ts|js|mjs)$/, '');
  const places = Object.entries(ROOMS).flatMap(([name, { at }]) => at.map((place) => ({ name, place })));
  return places
    .filter(({ place }) => path === place || path.startsWith(`${place}/`))
    .sort((a, b) => b.place.length - a.place.length)[0]?.name;
}

function isKnownPackage(room: Room, specifier: string): boolean {
  return (
    room.packages === undefined ||
    room.packages.some((one) => (one === 'node:' ? specifier.startsWith(one) : specifier === one))
  );
}

/** The files of `src` that a file imports. */
function targetsOf(file: string): string[] {
  return importsOf(file).flatMap((specifier) => resolve(file, specifier) ?? []);
}

/** The first circle that is met, each file importing the next; empty when there is none. */
function circleIn(arrows: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): string[] => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return [];
    const found = (arrows.get(file) ?? []).map((next) => walk(next, [...way, file]));
    done.add(file);
    return found.find((circle) => circle.length > 0) ?? [];
  };
  return [...arrows.keys()].map((file) => walk(file, [])).find((circle) => circle.length > 0) ?? [];
}

describe('the rooms of src', () => {
  test('every file is in one', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => roomOf(file) === undefined)).toEqual([]);
  });

  test('know only rooms that come before them: no arrow runs back up, and there are no circles', () => {
    const order = Object.keys(ROOMS);
    for (const [name, { knows }] of Object.entries(ROOMS)) {
      for (const known of knows) {
        expect(order.indexOf(known), `${name} -> ${known}`).toBeGreaterThanOrEqual(0);
        expect(order.indexOf(known), `${name} -> ${known}`).toBeLessThan(order.indexOf(name));
      }
    }
  });

  test('import only what they may', () => {
    const wrong = files.flatMap((file) => {
      const name = roomOf(file) ?? '';
      const room = ROOMS[name];
      if (!room) return [];
      return importsOf(file).flatMap((specifier) => {
        const target = resolve(file, specifier);
        if (target === undefined) {
          return isKnownPackage(room, specifier)
            ? []
            : [`${file}: ${name} does not know the package ${specifier}`];
        }
        const other = roomOf(target) ?? target;
        return other === name || room.knows.includes(other)
          ? []
          : [`${file}: ${name} does not know ${other} (${target})`];
      });
    });
    expect(wrong).toEqual([]);
  });

  test('have no circle of files: each can be read before those that import it', () => {
    expect(circleIn(new Map(files.map((file) => [file, targetsOf(file)])))).toEqual([]);
  });

  test('a circle is found, and named in its order', () => {
    const arrows = new Map([
      ['a', ['b', 'd']],
      ['b', ['c']],
      ['c', ['d', 'b']],
      ['d', []],
    ]);
    expect(circleIn(arrows)).toEqual(['b', 'c', 'b']);
  });

  test.each(FORBIDDEN)('hold no $what', ({ pattern, where }) => {
    const wrong = files.filter(where).flatMap((file) => {
      const found = pattern.exec(readCode(file));
      return found ? [`${file}: ${found[0].slice(0, 60)}`] : [];
    });
    expect(wrong).toEqual([]);
  });

  test('the scanner sees what it should', () => {
    const own = relative(ROOT, fileURLToPath(import.meta.url))
      .split(sep)
      .join('/');
    expect(importsOf(own)).toEqual(['node:fs', 'node:path', 'node:url', 'vitest']);
    expect(importsOf('src/actors/runtime/index.ts')).toContain('./types.ts');
    expect(dirname(own)).toBe('test');
  });
});
