/** The OpenAPI document of /api, from the same schemas that check what comes in. */
import { version } from '../../version.ts';
import { inputSchema, type JsonSchema, outputSchema } from '../json-schemas.ts';
import type { Operation } from '../operations/index.ts';

const errorSchema: JsonSchema = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { type: 'string', description: 'Stable, lower snake case' },
        message: { type: 'string' },
        retryable: { type: 'boolean' },
        retryAfterSeconds: { type: 'number' },
        details: { type: 'object' },
      },
      required: ['code', 'message', 'retryable'],
    },
  },
  required: ['error'],
};

/** OpenAPI 3.1. */
export function openApi(operations: readonly Operation[]): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const operation of operations) {
    const { method, path } = operation.http;
    paths[`/api${path}`] = { ...paths[`/api${path}`], [method]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'TTAI',
      version,
      description:
        'The operations of the MCP tools at /mcp, and those of who runs TTAI. Times are RFC 3339, UTC. A source of "simulated" is invented data.',
    },
    security: [{}, { bearer: [] }],
    paths,
    components: {
      schemas: { Error: errorSchema },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function describe(operation: Operation): JsonSchema {
  const { name, title, description, http } = operation;
  const input = inputSchema(operation);
  const fields = Object.entries(input.properties as Record<string, JsonSchema>);
  const required = new Set(input.required as string[] | undefined);
  const isInPath = (field: string) => http.path.includes(`{${field}}`);
  const inBody = http.method === 'post' ? fields.filter(([field]) => !isInPath(field)) : [];
  const parameters = fields.filter(([field]) => http.method !== 'post' || isInPath(field));
  return {
    operationId: name,
    summary: title,
    description,
    parameters: parameters.map(([field, schema]) => ({
      name: field,
      in: isInPath(field) ? 'path' : 'query',
      required: required.has(field),
      schema,
      // Lists are written with commas: ?symbols=AAPL,MSFT.
      ...(schema.type === 'array' && { style: 'form', explode: false }),
    })),
    ...(inBody.length > 0 && {
      requestBody: {
        required: inBody.some(([field]) => required.has(field)),
        content: json({
          type: 'object',
          properties: Object.fromEntries(inBody),
          required: inBody.map(([field]) => field).filter((field) => required.has(field)),
          additionalProperties: false,
        }),
      },
    }),
    responses: {
      200: { description: 'Done', content: json(outputSchema(operation)) },
      default: { description: 'What went wrong', content: json({ $ref: '#/components/schemas/Error' }) },
    },
  };
}

function json(schema: JsonSchema): JsonSchema {
  return { 'application/json': { schema } };
}
