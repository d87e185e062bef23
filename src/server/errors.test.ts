import { expect, it } from 'vitest';
import { PeerUnavailableError, RuntimeError, TtaiError } from '../actors/runtime/errors.ts';
import { errorResponse, httpStatus, toErrorBody } from './errors.ts';

it('gives each code its status, and an unlisted one 503 or 500', () => {
  const cases: [TtaiError, number][] = [
    [new TtaiError('invalid_input', ''), 400],
    [new TtaiError('unauthorized', ''), 401],
    [new TtaiError('run_not_found', ''), 404],
    [new RuntimeError('idempotency_conflict', ''), 409],
    [new RuntimeError('busy', '', { retryable: true }), 503],
    [new TtaiError('never_heard_of', ''), 500],
    [new TtaiError('never_heard_of', '', { retryable: true }), 503],
  ];
  for (const [error, status] of cases) expect(httpStatus(toErrorBody(error))).toBe(status);
});

it('says when to try again, in the body and in the header', () => {
  const body = toErrorBody(
    new PeerUnavailableError('provider_unavailable', 'Away.', { retryAfterMs: 1_500 }),
  );
  expect(body.error).toMatchObject({ retryable: true, retryAfterSeconds: 1.5 });
  expect(errorResponse(body).headers.get('retry-after')).toBe('2');
  expect(errorResponse(toErrorBody(new TtaiError('not_found', ''))).headers.has('retry-after')).toBe(false);
});

it('tells nothing of a fault of its own but the id under which it is logged', () => {
  const logged: object[] = [];
  const body = toErrorBody(new Error('password=hunter2'), { error: (fields) => logged.push(fields) });
  expect(JSON.stringify(body)).not.toContain('hunter2');
  expect(logged).toEqual([expect.objectContaining({ errorId: body.error.details?.errorId })]);
});
