/**
 * Every setting: read once from the environment, checked, and told all errors at once. The table below is also what
 * `--help` and the README show. Not for what a machine or an effect may be told (that is their input).
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** Where the market data comes from; never switched by itself. */
const marketData = z.enum(['simulated', 'files', 'yahoo', 'tastytrade']);
const logLevel = z.enum(['debug', 'info', 'warn', 'error']);
export type LogLevel = z.infer<typeof logLevel>;

/** One row of the table: what a variable means, what it may be, and what it is unless set. */
export interface Setting {
  readonly schema: z.ZodType;
  /** For people; also what is parsed when the variable is absent, unless it is in round brackets. */
  readonly fallback: string;
  readonly about: string;
  /** True when the value may hold a password: it is never shown. */
  readonly secret?: boolean;
}

/** The value of AUTH_TOKENS_FILE that gives tokens up. */
const NO_TOKENS = 'none';

/** A name, an IPv4 address, or an IPv6 address in brackets; with a port or without. */
const HOST_AND_PORT = /^(?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;

/** The settings by the name of their environment variable, in the order in which people read them. */
export const SETTINGS = {
  PORT: {
    schema: z
      .string()
      .regex(/^\d{1,5}$/, 'must be a port, 0 to 65535')
      .transform(Number)
      .pipe(z.number().max(65_535, 'must be a port, 0 to 65535')),
    fallback: '4747',
    about: 'Port of the server; 0 takes any free one.',
  },
  HOST: {
    schema: z.string(),
    fallback: '127.0.0.1',
    about: 'Address to listen on. Anything but loopback needs `AUTH_TOKENS_FILE`.',
  },
  AUTH_TOKENS_FILE: {
    schema: z.string().transform((path) => (path === NO_TOKENS ? path : resolve(path))),
    fallback: '(one owner, `local`)',
    about:
      'File of tokens that may enter; `npm run ttai -- token add NAME` makes one. `none` gives tokens up again where they were demanded.',
  },
  DATABASE_URL: {
    schema: z
      .string()
      .regex(/^postgres(ql)?:\/\//, { error: 'must start with postgresql://', abort: true })
      // As the driver reads it: without a host, the socket is named in the query.
      .refine((url) => URL.canParse(url.replace('@/', '@localhost/')), {
        error: 'must be an address such as postgresql://user:password@host:5432/database',
      }),
    fallback: '(the embedded Postgres)',
    about: 'Another Postgres, 14 or later.',
    secret: true,
  },
  ANALYSIS_URL: {
    schema: z
      .url({ protocol: /^https?$/, error: 'must be an http or https address' })
      .transform((url) => url.replace(/\/+$/, '')),
    fallback: '(started by `npm start`)',
    about: 'An analysis service that runs elsewhere.',
  },
  MARKET_DATA: {
    schema: marketData,
    fallback: 'simulated',
    about: 'Where prices come from: `simulated`, `files`, `yahoo` or `tastytrade`.',
  },
  MARKET_DATA_DIR: {
    schema: z.string().transform((path) => resolve(path)),
    fallback: '(none)',
    about: 'Folder of bars and chains for `MARKET_DATA=files`.',
  },
  MARKET_DATA_AS_OF: {
    schema: z.iso.datetime({ offset: true, error: 'must be a time such as 2021-03-31T20:00:00Z' }),
    fallback: '(now)',
    about: 'Stops the clock of the market data at this time.',
  },
  TTAI_HOME: {
    schema: z.string().transform((path) => resolve(path)),
    fallback: '.ttai',
    about: 'Folder of all state: the embedded database, its log, the lock.',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: z
      .url({ protocol: /^https?$/, error: 'must be an http or https address such as http://localhost:4318' })
      .transform((url) => url.replace(/\/+$/, '')),
    fallback: '(no traces)',
    about: 'Collector that gets traces over OTLP/HTTP, such as `http://localhost:4318`.',
  },
  WEBHOOK_ALLOWED_HOSTS: {
    schema: z
      .string()
      .transform((list) =>
        list
          .toLowerCase()
          .split(/[\s,]+/)
          .filter(Boolean),
      )
      .pipe(z.array(z.string().regex(HOST_AND_PORT, 'must be hosts such as localhost or 192.168.1.5:8080'))),
    fallback: '(none)',
    about:
      'Hosts, as `host` or `host:port` with commas between, to which webhooks may go over http and into private networks.',
  },
  LOG_LEVEL: {
    schema: logLevel,
    fallback: 'info',
    about: 'Least level that is logged: `debug`, `info`, `warn` or `error`.',
  },
} as const satisfies Record<string, Setting>;

/** What the standard's samplers are called. */
const SAMPLERS = ['always_on', 'always_off', 'traceidratio'].flatMap((name) => [name, `parentbased_${name}`]);

/**
 * What OpenTelemetry reads from the environment itself where traces are on, and would leave out or take for something
 * else, late and without a word, when it is wrong. `python/ttai_analysis/tracing_settings.py` checks the same.
 */
const TRACING: Readonly<Record<string, Pick<Setting, 'schema' | 'secret'>>> = {
  OTEL_TRACES_SAMPLER: { schema: z.enum(SAMPLERS, `must be one of ${SAMPLERS.join(', ')}`) },
  OTEL_TRACES_SAMPLER_ARG: {
    schema: z.string().regex(/^(0?\.\d+|0\.?|1(\.0*)?)$/, 'must be a share from 0 to 1, such as 0.25'),
  },
  OTEL_BSP_SCHEDULE_DELAY: {
    schema: z.string().regex(/^[1-9]\d{0,8}$/, 'must be milliseconds, from 1 on'),
  },
  OTEL_RESOURCE_ATTRIBUTES: {
    schema: z
      .string()
      .refine(
        (list) => isListOfPairs(list, /^\P{Cc}*$/u),
        'must be name=value, with commas between, percent-encoded',
      ),
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: z
      .string()
      .refine(
        (list) => isListOfPairs(list, /^[\t\x20-\x7e]*$/),
        'must be name=value, with commas between, percent-encoded',
      ),
    secret: true,
  },
};

export interface Config {
  readonly port: number;
  readonly host: string;
  /** Absolute. */
  readonly authTokensFile?: string;
  /** Said in so many words: the doors are open, also where tokens were demanded before. */
  readonly tokensGivenUp?: boolean;
  readonly databaseUrl?: string;
  readonly analysisUrl?: string;
  readonly marketData: z.infer<typeof marketData>;
  /** Absolute. */
  readonly marketDataDir?: string;
  /** RFC 3339. */
  readonly marketDataAsOf?: string;
  /** Absolute. */
  readonly home: string;
  readonly logLevel: LogLevel;
  /** `host` or `host:port`, in lower case: webhooks may go there over http and into private networks. */
  readonly webhookAllowedHosts: readonly string[];
  /** Base URL, without a slash at the end. */
  readonly otlpEndpoint?: string;
}

/** One or more settings are wrong; the message has a line for each. Ends the process with exit code 2. */
export class ConfigError extends Error {
  readonly exitCode = 2;
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Reads the settings. An empty value counts as absent. Throws ConfigError that names every wrong one. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const check = (name: string, value: string, { schema, secret }: Pick<Setting, 'schema' | 'secret'>) => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const why = parsed.error.issues[0]?.message ?? 'is not valid';
    problems.push(secret ? `${name} ${why}.` : `${name} is ${JSON.stringify(value)}: ${why}.`);
    return undefined;
  };
  const read = <Name extends keyof typeof SETTINGS>(
    name: Name,
  ): z.infer<(typeof SETTINGS)[Name]['schema']> | undefined => {
    const setting: Setting = SETTINGS[name];
    const value = env[name]?.trim() || (setting.fallback.startsWith('(') ? undefined : setting.fallback);
    if (value === undefined) return undefined;
    return check(name, value, setting) as z.infer<(typeof SETTINGS)[Name]['schema']> | undefined;
  };
  const tokensFile = read('AUTH_TOKENS_FILE');
  const isGivenUp = tokensFile === NO_TOKENS;
  const optional = {
    authTokensFile: isGivenUp ? undefined : tokensFile,
    tokensGivenUp: isGivenUp || undefined,
    databaseUrl: read('DATABASE_URL'),
    analysisUrl: read('ANALYSIS_URL'),
    marketDataDir: read('MARKET_DATA_DIR'),
    marketDataAsOf: read('MARKET_DATA_AS_OF'),
    otlpEndpoint: read('OTEL_EXPORTER_OTLP_ENDPOINT'),
  };
  const config: Config = {
    port: read('PORT') ?? 0,
    host: read('HOST') ?? '',
    marketData: read('MARKET_DATA') ?? 'simulated',
    home: env.TTAI_HOME?.trim() ? (read('TTAI_HOME') ?? '') : resolve(PROJECT, SETTINGS.TTAI_HOME.fallback),
    logLevel: read('LOG_LEVEL') ?? 'info',
    webhookAllowedHosts: read('WEBHOOK_ALLOWED_HOSTS') ?? [],
    ...present(optional),
  };
  if (config.otlpEndpoint !== undefined) {
    for (const [name, setting] of Object.entries(TRACING)) {
      const value = env[name]?.trim();
      if (value) check(name, value, setting);
    }
  }
  if (!isLoopback(config.host) && config.authTokensFile === undefined) {
    problems.push(
      `HOST is ${JSON.stringify(config.host)}, which others can reach: set AUTH_TOKENS_FILE to a file of tokens ` +
        '("npm run ttai -- token add NAME" makes one), or leave HOST at 127.0.0.1.',
    );
  }
  if (config.marketData === 'files' && config.marketDataDir === undefined) {
    problems.push('MARKET_DATA is "files": set MARKET_DATA_DIR to the folder of bars and chains.');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Whether it is `name=value,name=value`, percent-encoded, whose decoded values are such texts. As OpenTelemetry has it. */
function isListOfPairs(list: string, text: RegExp): boolean {
  return list.split(',').every((pair) => {
    if (pair.trim() === '') return true;
    const [, name, value] = /^[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*=([ !#-+\--:<-[\]-~\t]*)$/.exec(pair) ?? [];
    return name !== undefined && value !== undefined && decodesTo(text, name) && decodesTo(text, value);
  });
}

function decodesTo(text: RegExp, encoded: string): boolean {
  try {
    return text.test(decodeURIComponent(encoded));
  } catch {
    return false;
  }
}

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The table as Markdown, for the README; test/readme.test.ts holds it there. */
export function settingsAsMarkdown(): string {
  const rows = Object.entries(SETTINGS).map(([name, { fallback, about }]) => {
    const shown = fallback.startsWith('(') ? fallback.slice(1, -1) : `\`${fallback}\``;
    return `| \`${name}\` | ${about} | ${shown} |`;
  });
  return ['| variable | what | default |', '|---|---|---|', ...rows].join('\n');
}

/** The table as plain text, for `--help`. */
export function settingsAsText(): string {
  const width = Math.max(...Object.keys(SETTINGS).map((name) => name.length));
  return Object.entries(SETTINGS)
    .map(([name, { fallback, about }]) => {
      const shown = fallback.startsWith('(') ? fallback : `(${fallback})`;
      return `  ${name.padEnd(width)}  ${about} ${shown}`.replaceAll('`', '');
    })
    .join('\n');
}

type Present<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Without the keys that are undefined. */
function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
