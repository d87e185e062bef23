/** What the driver and Node throw at a statement, and whom it is the fault of. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { isAwayError, isConnectionError, isDataError, isServerTrouble } from './database-errors.ts';

const coded = (code: string, more: object = {}) => Object.assign(new Error('no'), { code, ...more });

describe('the connection’s fault, which nobody’s data is to be blamed for', () => {
  test.each([
    ...['ECONNRESET', 'ECONNABORTED', 'ENOTCONN', 'EHOSTUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EPROTO'],
    ...['ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_PREMATURE_CLOSE'],
    ...['ERR_SOCKET_CLOSED', 'ERR_SSL_BAD_DECRYPT', 'ERR_TLS_HANDSHAKE_TIMEOUT'],
    ...['57P01', '53300', '08006', '25P03'],
  ])('%s', (code) => {
    const error = coded(code);
    expect([isConnectionError(error), isServerTrouble(error), isDataError(error)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('too few files to open one, for which the next moment may do', () => {
    const error = coded('EMFILE', { syscall: 'connect' });
    expect([isConnectionError(error), isDataError(error)]).toEqual([true, false]);
  });

  test('what the driver says when its socket is destroyed under it', async () => {
    const server = createServer((socket: Socket) => {
      // As much of Postgres as lets a client begin: authenticated, ready.
      socket.once('data', () => socket.write(Buffer.from('5200000008000000005a0000000549', 'hex')));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'u', ssl: false });
    client.on('error', () => {});
    await client.connect();
    client.connection.stream.destroy();
    const asked = client.query('SELECT').catch((error: unknown) => error);
    await turn();
    expect(isConnectionError(await asked)).toBe(true);
    server.close();
  });
});

describe('the data’s fault, which would come again', () => {
  test.each(['22P05', '23514', '54000', 'ERR_STRING_TOO_LONG', 'ERR_INVALID_ARG_TYPE', 'notify_refused'])(
    '%s',
    (code) => expect([isDataError(coded(code)), isConnectionError(coded(code))]).toEqual([true, false]),
  );

  test('what was thrown without a code', () => {
    expect(isDataError(new RangeError('Invalid string length'))).toBe(true);
  });
});

test('of an error from anywhere, a broken stream or a missing file is no server that is away', () => {
  expect(isAwayError(coded('ECONNRESET'))).toBe(true);
  for (const error of [coded('ERR_STREAM_DESTROYED'), coded('ENOENT', { syscall: 'open' }), coded('EMFILE')])
    expect(isAwayError(error)).toBe(false);
});
