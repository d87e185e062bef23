/**
 * What the TypeScript side reads of the analysis service, against the OpenAPI document that the service gives: each field
 * that a schema names must be there, always, in a type that the schema takes, and with the same words.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AnalysisClient } from '../src/actors/effects/index.ts';
import * as market from '../src/machines/market.ts';
import { startAnalysisService, type TestAnalysisService } from './analysis-service.ts';

interface Shape {
  $ref?: string;
  type?: string | string[];
  enum?: string[];
  const?: string;
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
    expect(await one.candidates({ symbols: ['BAC', 'F'], sortBy: 'symbol' })).toBeInstanceOf(Array);
    expect(await one.quick({ symbol: 'AAPL', strategy: 'csp' })).toMatchObject({ symbol: 'AAPL' });
    const batch = await one.quickBatch({ symbols: ['AAPL', 'ZZZZ'], strategy: 'csp' });
    expect([Object.keys(batch.results), batch.errors.ZZZZ?.code]).toEqual([['AAPL'], 'SYMBOL_NOT_FOUND']);
    expect(await one.news({ symbols: ['AAPL'], lookbackDays: 30 })).toContainEqual(
      expect.objectContaining({ symbol: 'AAPL', source: 'simulated' }),
    );
    const week = await one.calendar({ from: '2026-11-23', to: '2026-11-29' });
    expect(week.sessions.map(({ date, halfDay }) => [date, halfDay])).toEqual([
      ['2026-11-23', false],
      ['2026-11-24', false],
      ['2026-11-25', false],
      ['2026-11-27', true],
    ]);
    expect(await one.clock()).toMatchObject({ isOpen: expect.any(Boolean) });
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
