/**
 * The operations' zod schemas as JSON Schema, kept short: assistants carry the tool list in each conversation. Not
 * for checking anything; that is done by the zod schemas themselves.
 */
import { z } from 'zod';
import type { Operation } from './operations/index.ts';

export type JsonSchema = Record<string, unknown>;

/** What a client may send. Fields with a default are optional. */
export function inputSchema(operation: Pick<Operation, 'input'>): JsonSchema {
  return compact(z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any', override: shorten }));
}

/** What a client gets. Says nothing against further fields: answers may grow. */
export function outputSchema(operation: Pick<Operation, 'output'>): JsonSchema {
  return compact(
    z.toJSONSchema(operation.output, {
      unrepresentable: 'any',
      override(entry) {
        shorten(entry);
        if (entry.jsonSchema.additionalProperties === false) delete entry.jsonSchema.additionalProperties;
        delete entry.jsonSchema.default;
      },
    }),
  );
}

/**
 * A schema's outline: true of the same answers, but objects more than `depth` levels down say only that they are
 * objects, and fields below the top don't say whether they are required.
 */
export function outline(schema: JsonSchema, depth: number, isTop = true): JsonSchema {
  const { properties, items, anyOf, oneOf, required, ...rest } = schema;
  // Outlines of two that exclude each other may be alike: then an answer fits both.
  const parts = anyOf ?? oneOf;
  if (Array.isArray(parts)) {
    return { ...rest, anyOf: parts.filter(isSchema).map((part) => outline(part, depth, false)) };
  }
  return {
    ...rest,
    ...(isSchema(items) && { items: outline(items, depth, false) }),
    ...(isSchema(properties) &&
      depth > 0 && {
        properties: Object.fromEntries(
          Object.entries(properties).map(([name, field]) => [
            name,
            isSchema(field) ? outline(field, depth - 1, false) : field,
          ]),
        ),
      }),
    ...(isTop && required !== undefined && { required }),
  };
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  // The bounds of safe integers, which zod writes out, tell a reader nothing.
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  // What a format says already, in hundreds of characters.
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  // Keys of records are always strings.
  delete jsonSchema.propertyNames;
  if (
    isSchema(jsonSchema.additionalProperties) &&
    Object.keys(jsonSchema.additionalProperties).length === 0
  ) {
    jsonSchema.additionalProperties = true;
  }
}

function compact(schema: object): JsonSchema {
  const { $schema: _, ...rest } = schema as JsonSchema;
  return rest;
}
