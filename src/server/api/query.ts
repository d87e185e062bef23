/**
 * Query parameters as the values that an operation takes: text becomes a number, a boolean or a list where the schema
 * says so. What does not fit stays text, and the operation says what is wrong with it.
 */
import { inputSchema, type JsonSchema } from '../json-schemas.ts';
import type { Operation } from '../operations/index.ts';

/** `?symbols=AAPL,MSFT&limit=5` as `{symbols: ['AAPL', 'MSFT'], limit: 5}`. */
export function readQuery(
  operation: Pick<Operation, 'input'>,
  query: Readonly<Record<string, string[]>>,
): Record<string, unknown> {
  const fields = inputSchema(operation).properties as Record<string, JsonSchema>;
  return Object.fromEntries(
    Object.entries(query).map(([name, values]) => [name, readValue(values, fields[name]?.type)]),
  );
}

function readValue(values: string[], type: unknown): unknown {
  if (type === 'array') return values.flatMap((value) => value.split(','));
  const [value = ''] = values;
  if (type === 'integer' || type === 'number') return value.trim() === '' ? value : numberOr(value);
  if (type === 'boolean') return value === 'true' || (value === 'false' ? false : value);
  return value;
}

function numberOr(text: string): number | string {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}
