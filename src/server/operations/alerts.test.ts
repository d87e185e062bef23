/** Price alerts: set, listed, changed and deleted. */
import { describe, expect, it } from 'vitest';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { CalledOperations, codeOf } from '../testing/called-operations.ts';

const called = CalledOperations.use();

describe('alerts', () => {
  const wanted = { symbol: 'aapl', condition: 'above', threshold: 200 };
  interface AlertAnswer {
    alert: { alertId: string; status: string };
  }

  it('are set, listed and deleted', async () => {
    const { alert } = await called.call<AlertAnswer>('set_alert', { ...wanted, note: 'sell calls' });
    expect(alert).toMatchObject({
      symbol: 'AAPL',
      threshold: 200,
      repeat: 'once',
      status: 'arming',
      note: 'sell calls',
    });
    expect(await called.call('list_alerts', {})).toMatchObject({ alerts: [{ alertId: alert.alertId }] });
    expect(await called.call('delete_alert', { alertId: alert.alertId })).toMatchObject({
      ...{ alert: { status: 'cancelled' }, wasArmed: true },
    });
    expect(await called.call('delete_alert', { alertId: alert.alertId })).toMatchObject({
      ...{ alert: { status: 'cancelled' }, wasArmed: false },
    });
    expect(await called.call('list_alerts', {})).toMatchObject({ alerts: [] });
    expect(await called.call('list_alerts', { status: 'all' })).toMatchObject({
      alerts: [{ alertId: alert.alertId }],
    });
  });

  it('are changed while they are armed; what is not named stays', async () => {
    const { alert } = await called.call<AlertAnswer>('set_alert', { ...wanted, note: 'sell calls' });
    const { alertId } = alert;
    expect(await called.call('update_alert', { alertId, threshold: 210, note: null })).toMatchObject({
      alert: { alertId, condition: 'above', threshold: 210, note: null },
    });
    expect(await codeOf(called.call('update_alert', { alertId }))).toBe('invalid_input');
    expect(await codeOf(called.call('update_alert', { alertId, symbol: 'MSFT' }))).toBe('invalid_input');
    expect(await codeOf(called.call('update_alert', { alertId, threshold: 1 }, { owner: 'ann' }))).toBe(
      'alert_not_found',
    );
    await called.call('delete_alert', { alertId });
    expect(await codeOf(called.call('update_alert', { alertId, threshold: 220 }))).toBe('alert_ended');
  });

  it('take a note of several lines, in any script, and an expiry some years away', async () => {
    const expiresAt = new Date(Date.now() + 4 * 366 * 86_400_000).toISOString();
    const note = 'sell calls\n\tשלום 🙂';
    expect(await called.call('set_alert', { ...wanted, note, expiresAt })).toMatchObject({
      alert: { note, expiresAt },
    });
  });

  it('are refused for a symbol that nobody knows', async () => {
    expect(await codeOf(called.call('set_alert', { ...wanted, symbol: 'NOPE' }))).toBe('symbol_not_found');
    expect(called.system.actors.size).toBe(0);
  });

  it('are set while nobody can say whether the symbol is known, unless the caller is gone', async () => {
    const away = new TtaiError('analysis_unavailable', 'Away.', { retryable: true });
    const analysis = { ...called.context.analysis, quotes: () => Promise.reject(away) };
    expect(await called.call('set_alert', { ...wanted, symbol: 'NOPE' }, { analysis })).toMatchObject({
      alert: { symbol: 'NOPE' },
    });
    const signal = AbortSignal.abort(new TtaiError('cancelled', 'Gone.'));
    expect(await codeOf(called.call('set_alert', wanted, { analysis, signal }))).toBe('cancelled');
    expect(called.system.actors.size).toBe(1);
  });

  it('are one again when one ends just as it is asked for a second time', async () => {
    interface Answer extends AlertAnswer {
      alreadySet: boolean;
    }
    const { system } = called;
    await called.call<Answer>('set_alert', wanted);
    // As it is answered that there is one, that one fires.
    const spawn: typeof system.spawn = async (...given) => {
      const address = await system.spawn(...given);
      if (!address.endsWith(given[1])) system.move(address, { status: 'done', value: 'done' });
      return address;
    };
    const fires = Object.assign(Object.create(system) as typeof system, {
      spawn,
      snapshot: system.snapshot.bind(system),
    });
    const second = await called.call<Answer>('set_alert', wanted, { system: fires });
    expect(second.alreadySet).toBe(false);
    expect(await called.call<Answer>('set_alert', wanted)).toEqual({ ...second, alreadySet: true });
  });

  it('say why they wait for a quote', async () => {
    const { alert } = await called.call<AlertAnswer>('set_alert', wanted);
    const { address, context: fields } = await called.system.snapshot(`priceAlert/${alert.alertId}`);
    called.system.move(address, { context: { ...fields, blindBecause: 'there is no fresh quote' } });
    expect(await called.call('list_alerts', {})).toMatchObject({
      alerts: [{ waitingFor: 'quote', blindBecause: 'there is no fresh quote' }],
    });
  });

  it('of another owner are answered like missing ones', async () => {
    const { alert } = await called.call<AlertAnswer>('set_alert', wanted, { owner: 'ann' });
    expect(await codeOf(called.call('delete_alert', { alertId: alert.alertId }))).toBe('alert_not_found');
    expect(await codeOf(called.call('delete_alert', { alertId: '../analysis/x' }))).toBe('alert_not_found');
    expect(await called.call('list_alerts', {})).toMatchObject({ alerts: [] });
  });
});
