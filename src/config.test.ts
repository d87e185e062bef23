import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ConfigError,
  isLoopback,
  readConfig,
  SETTINGS,
  settingsAsMarkdown,
  settingsAsText,
} from './config.ts';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('what OpenTelemetry is told', () => {
  const on = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' };

  test.each([
    ['OTEL_TRACES_SAMPLER', 'sometimes', 'parentbased_always_on'],
    ['OTEL_TRACES_SAMPLER_ARG', '2', 'from 0 to 1'],
    ['OTEL_TRACES_SAMPLER_ARG', 'half', 'from 0 to 1'],
    ['OTEL_BSP_SCHEDULE_DELAY', 'soon', 'milliseconds'],
    ['OTEL_BSP_SCHEDULE_DELAY', '0', 'milliseconds'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'region', 'name=value'],
  ])('%s=%s is refused by name, with its value', (name, value, words) => {
    const [problem, ...others] = problemsOf({ ...on, [name]: value });
    expect(others).toEqual([]);
    expect(problem).toContain(`${name} is ${JSON.stringify(value)}`);
    expect(problem).toContain(words);
  });

  test.each([
    'Bearer hush-hush',
    'api key=hush-hush',
    'authorization=Bearer%2',
    'authorization=hush\u0000hush',
    'authorization=hush%0Ahush',
  ])('the headers %j are refused by name, without what they hold', (headers) => {
    const [problem, ...others] = problemsOf({ ...on, OTEL_EXPORTER_OTLP_HEADERS: headers });
    expect(others).toEqual([]);
    expect(problem).toMatch(/^OTEL_EXPORTER_OTLP_HEADERS must .*name=value/);
    expect(problem).not.toContain('hush');
  });

  test.each(['ftp://localhost:4318', 'localhost:4318', 'http://', 'http://localhost:99999'])(
    'the endpoint %s is refused',
    (url) => {
      expect(problemsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: url })[0]).toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
    },
  );

  test('all that is right is taken', () => {
    const env = {
      ...on,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test,region=eu%20west,city=Z%C3%BCrich,',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20abc==, x-team = options',
    };
    expect(readConfig(env)).toMatchObject({ otlpEndpoint: 'http://localhost:4318' });
  });

  test('without a collector nobody looks at it', () => {
    expect(problemsOf({ OTEL_TRACES_SAMPLER: 'sometimes' })).toEqual([]);
  });
});

describe('readConfig', () => {
  test('needs no setting', () => {
    expect(readConfig({})).toEqual({
      port: 4747,
      host: '127.0.0.1',
      marketData: 'simulated',
      home: resolve(import.meta.dirname, '..', '.ttai'),
      logLevel: 'info',
      webhookAllowedHosts: [],
    });
  });

  test('takes an empty value as absent', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: ' ', TTAI_HOME: '' })).toEqual(readConfig({}));
  });

  test('makes paths absolute', () => {
    const config = readConfig({ TTAI_HOME: 'state', MARKET_DATA: 'files', MARKET_DATA_DIR: 'data' });
    expect(config.home).toBe(resolve('state'));
    expect(config.marketDataDir).toBe(resolve('data'));
  });

  test.each(['0x1290', '1e3', '4747.0', '-1', '65536', '+80'])('takes no port %s', (port) => {
    expect(problemsOf({ PORT: port })).toEqual([
      `PORT is ${JSON.stringify(port)}: must be a port, 0 to 65535.`,
    ]);
  });

  test.each(['postgresql://u:sekret@:99999/x', 'postgresql://u:sekret@[::1/x', 'mysql://u:sekret@h/x'])(
    'refuses the database %s without repeating its password',
    (url) => {
      const [problem, ...others] = problemsOf({ DATABASE_URL: url });
      expect(others).toEqual([]);
      expect(problem).toMatch(/^DATABASE_URL must .*postgresql:/);
      expect(problem).not.toContain('sekret');
    },
  );

  test('takes a database on a socket', () => {
    const databaseUrl = 'postgresql://u:p@/ttai?host=%2Frun%2Fpg&port=5432';
    expect(readConfig({ DATABASE_URL: databaseUrl })).toMatchObject({ databaseUrl });
  });

  test('names every wrong setting at once, with its value', () => {
    const problems = problemsOf({
      PORT: 'http',
      DATABASE_URL: 'mysql://x',
      ANALYSIS_URL: 'localhost:1',
      MARKET_DATA: 'bloomberg',
      MARKET_DATA_AS_OF: 'yesterday',
      LOG_LEVEL: 'loud',
    });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'DATABASE_URL',
      'ANALYSIS_URL',
      'MARKET_DATA_AS_OF',
      'PORT',
      'MARKET_DATA',
      'LOG_LEVEL',
    ]);
    expect(problems.join()).toContain('"http"');
  });

  test.each(['-1', '65536', '47.5', 'x'])('refuses the port %s', (port) => {
    expect(problemsOf({ PORT: port })).toHaveLength(1);
  });

  test('refuses to be reached by others without tokens', () => {
    expect(problemsOf({ HOST: '0.0.0.0' })[0]).toContain('AUTH_TOKENS_FILE');
    expect(problemsOf({ HOST: '0.0.0.0', AUTH_TOKENS_FILE: 'tokens' })).toEqual([]);
  });

  test('hosts that webhooks may reach are names and addresses, with ports or without', () => {
    const hosts = ' Localhost:3000, 192.168.1.5 [fd00::1]:9000,my_host ';
    expect(readConfig({ WEBHOOK_ALLOWED_HOSTS: hosts }).webhookAllowedHosts).toEqual([
      'localhost:3000',
      '192.168.1.5',
      '[fd00::1]:9000',
      'my_host',
    ]);
    for (const wrong of ['http://localhost', 'localhost/path', 'a:b', '*.example.com', 'fd00::1']) {
      expect(problemsOf({ WEBHOOK_ALLOWED_HOSTS: wrong })).toHaveLength(1);
    }
  });

  test('files need a folder', () => {
    expect(problemsOf({ MARKET_DATA: 'files' })[0]).toContain('MARKET_DATA_DIR');
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.5', false],
  ['127.0.0.1.example.com', false],
])('isLoopback(%s) is %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

test('both tables have a line for each setting', () => {
  for (const name of Object.keys(SETTINGS)) {
    expect(settingsAsMarkdown()).toContain(`| \`${name}\` |`);
    expect(settingsAsText()).toContain(`  ${name} `);
  }
});
