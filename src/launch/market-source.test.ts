import { expect, test } from 'vitest';
import { marketSource } from './market-source.ts';

type Readiness = Awaited<ReturnType<Parameters<typeof marketSource>[0]['readiness']>>;
const answerOf = (status: Readiness['status'], source?: string): Readiness => ({
  status,
  provider: { name: 'files', ...(source !== undefined && { source }) },
});
/** A service that gives these answers, the last one again and again. */
const serviceOf = (...answers: Readiness[]) => {
  let asked = 0;
  return {
    asked: () => asked,
    readiness: async () => {
      asked += 1;
      const answer = answers[Math.min(asked, answers.length) - 1];
      if (!answer) throw new Error('It is away.');
      return answer;
    },
  };
};

test('is what the service says that its data are, and not what provider it has', async () => {
  expect(await marketSource(serviceOf(answerOf('ready', 'simulated')), 'files')).toBe('simulated');
  expect(await marketSource(serviceOf(answerOf('ready', 'files')), 'files')).toBe('files');
});

test('is the setting where the service is away, or does not say', async () => {
  expect(await marketSource(serviceOf(), 'files')).toBe('files');
  expect(await marketSource(serviceOf(answerOf('ready')), 'yahoo')).toBe('files');
});

test('is waited for while the service is only just starting, but not for ever', async () => {
  const service = serviceOf(answerOf('starting', 'files'), answerOf('ready', 'simulated'));
  expect(await marketSource(service, 'files', { waitMs: 5_000 })).toBe('simulated');
  expect(service.asked()).toBe(2);
  expect(await marketSource(serviceOf(answerOf('starting', 'files')), 'files', { waitMs: 1 })).toBe('files');
});
