/**
 * What the TypeScript side reads of the analysis service, against the OpenAPI document that the service gives: each field
 * that a schema names must be there, always, in a type that the schema takes, and with the same words.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { analysisEffects } from '../src/actors/effects/analysis.ts';
import { AnalysisClient, effectRooms } from '../src/actors/effects/index.ts';
import type { Effect, EffectContext } from '../src/actors/runtime/index.ts';
import { healthOf } from '../src/app.ts';
import { CRITERIA_DEFAULTS, criteria } from '../src/machines/criteria.ts';
import * as market from '../src/machines/market.ts';
import type { Database } from '../src/persistence/database.ts';
import { readiness } from '../src/server/health.ts';
import { startAnalysisService, type TestAnalysisService } from './analysis-service.ts';

interface Shape {
  $ref?: string;
  type?: string | string[];
  enum?: string[];
  const?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  maxItems?: number;
  anyOf?: Shape[];
  properties?: Record<string, Shape>;
  required?: string[];
  items?: Shape;
  additionalProperties?: Shape | boolean;
}

type Document = {
  components: { schemas: Record<string, Shape> };
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content: Record<string, { schema: Shape }> }> }>
  >;
};

/** The answers that are read, by where they come from. */
const READ: Record<string, z.ZodType> = {
  'post /market-data': market.marketData,
  'post /quotes': market.quotes,
  'post /analyze/chart': market.chartAnalysis,
  'post /analyze/options': market.optionsAnalysis,
  'post /analyze/research': market.researchAnalysis,
  'post /analyze/quick': market.quickAnalysis,
  'post /analyze/quick/batch': market.quickBatch,
  'post /screener/candidates': market.candidates,
  'post /positions/evaluate': market.positions,
  'post /news': z.array(market.article),
  'post /option-chain': market.optionChain,
  'get /market/calendar': market.marketCalendar,
  'get /market/clock': market.marketClock,
};

let service: TestAnalysisService;
let document: Document;

beforeAll(async () => {
  service = await startAnalysisService();
  document = (await (await fetch(`${service.url}/openapi.json`)).json()) as Document;
});

afterAll(() => service[Symbol.asyncDispose]());

/** What differs, each with its place. */
function differences(ours: Shape, theirs: Shape, place: string): string[] {
  const given = alternatives(theirs);
  const taken = alternatives(ours);
  // Of an answer with more than one form the one that is asked for is read.
  const object = taken.find(({ properties, additionalProperties }) => properties || additionalProperties);
  if (object) {
    const match = given.find((shape) => (object.properties ? shape.properties : shape.additionalProperties));
    if (!match) return [`${place} is no object`];
    return [...nullness(taken, given, place), ...objectDifferences(object, match, place)];
  }
  const list = taken.find(({ type }) => type === 'array');
  if (list) {
    const match = given.find(({ type }) => type === 'array');
    if (!match) return [`${place} is no list`];
    return differences(list.items ?? {}, match.items ?? {}, `${place}[]`);
  }
  const types = new Set(taken.map(({ type }) => type));
  if (types.has(undefined)) return [];
  const found = nullness(taken, given, place);
  for (const { type } of given) {
    if (type === 'null' || (type === 'integer' && types.has('number'))) continue;
    if (!types.has(type)) found.push(`${place} may be ${type}, which is not read`);
  }
  const [words, theirWords] = [wordsOf(taken), wordsOf(given)];
  if (words && words.join() !== theirWords?.join())
    found.push(`${place} is one of ${theirWords}, not ${words}`);
  return found;
}

function nullness(taken: Shape[], given: Shape[], place: string): string[] {
  const isNull = ({ type }: Shape) => type === 'null';
  return given.some(isNull) && !taken.some(isNull) ? [`${place} may be null, which is not read`] : [];
}

function objectDifferences(ours: Shape, theirs: Shape, place: string): string[] {
  const values = [ours.additionalProperties, theirs.additionalProperties];
  if (!ours.properties && values.every((value) => typeof value === 'object')) {
    return differences(values[0] as Shape, values[1] as Shape, `${place}{}`);
  }
  return Object.entries(ours.properties ?? {}).flatMap(([name, shape]) => {
    const other = theirs.properties?.[name];
    if (!other) return [`${place}.${name} is not given`];
    const missing = theirs.required?.includes(name) ? [] : [`${place}.${name} may be absent`];
    return [...missing, ...differences(shape, other, `${place}.${name}`)];
  });
}

function alternatives(shape: Shape): (Shape & { type?: string })[] {
  const name = shape.$ref?.split('/').at(-1);
  const { anyOf, type, ...rest } = name === undefined ? shape : (document.components.schemas[name] ?? {});
  if (anyOf) return anyOf.flatMap(alternatives);
  const types = type === undefined ? [undefined] : [type].flat();
  return types.map((one) => (one === undefined ? rest : { ...rest, type: one }));
}

function wordsOf(shapes: Shape[]): string[] | undefined {
  const words = shapes.flatMap((shape) => shape.enum ?? (shape.const === undefined ? [] : [shape.const]));
  return words.length > 0 ? words.toSorted() : undefined;
}

function ofOurs(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
}

function ofTheirs(operation: string): Shape {
  const [method = '', path = ''] = operation.split(' ');
  const content = document.paths[path]?.[method]?.responses['200']?.content['application/json'];
  if (!content) throw new Error(`the service documents no ${operation}`);
  return content.schema;
}

describe('what is read of the analysis service', () => {
  test.each(Object.entries(READ))('%s is given as it is read', (operation, schema) => {
    expect(differences(ofOurs(schema), ofTheirs(operation), operation)).toEqual([]);
  });

  test.each([
    ['a field that is renamed', z.looseObject({ symbols: z.string() }), 'symbols is not given'],
    ['a field of another type', z.looseObject({ symbol: z.number() }), 'symbol may be string'],
    ['a field that may be null', z.looseObject({ score: z.number() }), 'score may be null'],
    ['another word', z.looseObject({ recommendation: z.enum(['select', 'reject']) }), 'is one of'],
  ])('%s is a difference', (_what, schema, words) => {
    const found = differences(ofOurs(schema), ofTheirs('post /analyze/quick'), 'quick');
    expect(found.join()).toContain(words);
  });
});

describe('what is sent to the screener', () => {
  /** A field in a form that both sides write alike: without null, which asks for the default. */
  function fieldOf(shape: Shape): Record<string, unknown> {
    const [one = {}] = alternatives(shape).filter(({ type }) => type !== 'null');
    const { type, minimum, maximum, exclusiveMinimum, minItems, maxItems } = one;
    const bounds = { type, minimum, maximum, exclusiveMinimum, minItems, maxItems };
    return { ...bounds, words: wordsOf([one]) };
  }
  const theirFields = () => document.components.schemas.Criteria?.properties ?? {};

  test("the criteria are the service's: each field, its bounds and its words, and no other", () => {
    const fields = (shapes: Record<string, Shape>) =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, fieldOf(shape)]));
    expect(fields(ofOurs(criteria).properties ?? {})).toEqual(fields(theirFields()));
  });

  test("what is compared with a default is compared with the service's", () => {
    const theirs = theirFields();
    const names = Object.keys(CRITERIA_DEFAULTS);
    expect(Object.fromEntries(names.map((name) => [name, theirs[name]?.default]))).toEqual(CRITERIA_DEFAULTS);
  });
});

/** The effects as the runtime gets them; none that is used here needs the database. */
function effectsByName(client: AnalysisClient): Record<string, Effect> {
  const all = analysisEffects(effectRooms(client, undefined as unknown as Database));
  return Object.fromEntries(all.map((one) => [one.name, one]));
}

/** What depends on how far back the bars reach. */
function looked({ supportLevels, resistanceLevels, indicators, quality }: market.ChartAnalysis) {
  return { supportLevels, resistanceLevels, indicators, barsUsed: quality.barsUsed };
}

describe('the client', () => {
  const client = () => new AnalysisClient(() => service.url);

  test('reads each kind of answer of the service', async () => {
    const one = client();
    const chain = await one.optionChain({ symbol: 'AAPL', right: 'put', dteMin: 25, dteMax: 40 });
    const contract = chain.options.find(({ delta }) => delta !== null && delta > -0.3 && delta < -0.2);
    if (!contract) throw new Error('the chain has no put of that delta');
    const { right, strike, expiration } = contract;
    const leg = { right, strike, expiration, quantity: -1, openPrice: 2 };
    const { positions } = await one.positions({ positions: [{ id: 'a', symbol: 'AAPL', legs: [leg] }] });
    expect(positions).toMatchObject([{ id: 'a', structure: 'short_put', stale: false }]);
    expect(await one.candidates({ symbols: ['BAC', 'F'], sortBy: 'symbol' })).toMatchObject({
      symbols: expect.any(Array),
      universeSize: 2,
      quality: { source: 'simulated' },
    });
    expect(await one.quick({ symbol: 'AAPL', strategy: 'csp' })).toMatchObject({ symbol: 'AAPL' });
    const batch = await one.quickBatch({ symbols: ['AAPL', 'ZZZZ'], strategy: 'csp' });
    expect([Object.keys(batch.results), batch.errors.ZZZZ?.code]).toEqual([['AAPL'], 'SYMBOL_NOT_FOUND']);
    expect(await one.news({ symbols: ['AAPL'], lookbackDays: 30 })).toContainEqual(
      expect.objectContaining({ symbol: 'AAPL', source: 'simulated' }),
    );
    const week = await one.calendar({ from: '2026-11-23', to: '2026-11-29' });
    // The simulated market, whose quotes move at night too.
    expect(week.quotesNeverClose).toBe(true);
    expect(week.sessions.map(({ date, halfDay }) => [date, halfDay])).toEqual([
      ['2026-11-23', false],
      ['2026-11-24', false],
      ['2026-11-25', false],
      ['2026-11-27', true],
    ]);
    expect(await one.clock()).toMatchObject({ isOpen: expect.any(Boolean) });
  });

  test.each(['daily', 'weekly', 'intraday'] as const)(
    'a run looks at the %s bars that the chart endpoint looks at by itself',
    async (timeframe) => {
      const one = client();
      const ofRun = effectsByName(one).fetchMarketData;
      for (const symbol of ['AAPL', 'MSFT', 'F']) {
        const context = { signal: AbortSignal.timeout(20_000) } as EffectContext;
        const marketData = await ofRun?.run({ symbol, timeframe }, context);
        const sent = await one.chart({ symbol, timeframe, marketData });
        const own = await one.chart({ symbol, timeframe, marketData: undefined });
        expect(looked(sent)).toEqual(looked(own));
      }
    },
  );

  test('a chart is judged for a strategy', async () => {
    const one = client();
    const rules = async (strategy: string) => {
      const chart = await one.chart({ symbol: 'AAPL', timeframe: 'daily', strategy, marketData: undefined });
      return JSON.stringify(chart.evidence);
    };
    expect(await rules('csp')).toContain('strong_downtrend');
    expect(await rules('bear_call_spread')).not.toContain('strong_downtrend');
  });

  test('a chart of bars that came from elsewhere names where they came from', async () => {
    const one = client();
    const simulated = await one.marketData({ symbol: 'AAPL', timeframe: 'daily' });
    const marketData = { ...simulated, quality: { ...simulated.quality, source: 'files' } };
    const chart = await one.chart({ symbol: 'AAPL', timeframe: 'daily', marketData });
    expect(chart.quality.source).toBe('files');
  });

  test('a provider that can not be asked makes the server not ready, and is named', async () => {
    const one = client();
    const pool = { query: async () => ({ rows: [] }) } as unknown as Pool;
    await one.quotes(['AAPL']);
    expect(await readiness(healthOf(pool, one))).toMatchObject({
      ready: true,
      parts: { analysis: { ok: true, marketData: 'simulated' } },
    });
    const empty = await mkdtemp(join(tmpdir(), 'ttai-empty-'));
    await mkdir(join(empty, 'bars'));
    await writeFile(join(empty, 'bars', 'AAPL.csv'), 'date,open,high,low,close,volume\n');
    const files = await startAnalysisService({ MARKET_DATA: 'files', MARKET_DATA_DIR: empty });
    await rm(join(empty, 'bars', 'AAPL.csv'));
    const other = new AnalysisClient(() => files.url);
    await other.quotes(['AAPL']).catch(() => undefined);
    const unready = await readiness(healthOf(pool, other));
    await files[Symbol.asyncDispose]();
    await rm(empty, { recursive: true });
    expect(unready).toMatchObject({
      missing: ['analysis'],
      parts: { analysis: { message: expect.stringContaining('files'), detail: { symbols: 0 } } },
    });
    expect(await readiness(healthOf(pool, other))).toMatchObject({
      parts: { analysis: { code: 'analysis_unavailable' } },
    });
  });

  test('the same idempotency key is answered the same, and another request under it is a conflict', async () => {
    const one = client();
    const ask = (symbol: string) =>
      one.quick({ symbol, strategy: 'csp' }, { owner: 'me', idempotencyKey: 'k' });
    const first = await ask('AAPL');
    expect(await ask('AAPL')).toEqual(first);
    await expect(ask('MSFT')).rejects.toMatchObject({ code: 'idempotency_conflict', retryable: false });
  });
});
