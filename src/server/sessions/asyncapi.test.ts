import { expect, it } from 'vitest';
import { asyncApiDocument } from './asyncapi.ts';
import { clientFrames, closeCodes, serverFrames } from './protocol.ts';

const document = asyncApiDocument({ host: '127.0.0.1:4747', version: '0.1.0' });

function at(reference: string): unknown {
  return reference
    .slice('#/'.length)
    .split('/')
    .reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], document);
}

it('is plain JSON whose references all lead somewhere', () => {
  const text = JSON.stringify(document);
  expect(JSON.parse(text)).toEqual(document);
  const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => String(reference));
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references) expect(at(reference), reference).toBeDefined();
});

it('describes each frame of both directions, and each close code', () => {
  const types = [...Object.keys(clientFrames), ...Object.keys(serverFrames)];
  expect(Object.keys(at('#/components/messages') as object).sort()).toEqual(types.sort());
  const codes = Object.keys(at('#/channels/session/x-closeCodes') as object);
  expect(codes.sort()).toEqual(Object.values(closeCodes).map(String).sort());
  expect(at('#/components/messages/confirm/payload')).toMatchObject({
    type: 'object',
    required: ['type', 'seq'],
    properties: { type: { const: 'confirm' } },
    additionalProperties: false,
  });
});
