import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TtaiError } from '../actors/runtime/errors.ts';
import { ConfigError } from '../config.ts';
import { type Auth, type Credentials, createAuth, hashToken, requireTokens } from './auth.ts';

const nothing: Credentials = {
  method: 'GET',
  authorization: undefined,
  host: 'localhost:4747',
  origin: undefined,
  protocols: undefined,
};
const port = () => 4747;

function codeOf(auth: Auth, credentials: Partial<Credentials>): string {
  try {
    const { owner, operator } = auth.authenticate({ ...nothing, ...credentials });
    return `${operator ? 'operator' : 'owner'} ${owner}`;
  } catch (error) {
    return error instanceof TtaiError ? error.code : String(error);
  }
}

function upgradeWith(headers: Record<string, string>): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  Object.assign(request.headers, headers);
  return request;
}

describe('on loopback without tokens', () => {
  const auth = createAuth({ host: '127.0.0.1', port });

  it.each([
    ['localhost:4747', undefined, 'operator local'],
    ['127.0.0.1:4747', 'http://127.0.0.1:4747', 'operator local'],
    ['[::1]:4747', 'http://[::1]:4747', 'operator local'],
    ['LOCALHOST:4747', 'http://localhost:6274', 'operator local'],
    ['localhost:4748', undefined, 'forbidden_host'],
    ['localhost', undefined, 'forbidden_host'],
    ['evil.example:4747', undefined, 'forbidden_host'],
    ['127.0.0.1.evil.example:4747', undefined, 'forbidden_host'],
    ['localhost:4747@evil.example', undefined, 'forbidden_host'],
    ['a b', undefined, 'forbidden_host'],
    [undefined, undefined, 'forbidden_host'],
    ['localhost:4747', 'https://evil.example', 'forbidden_origin'],
    ['localhost:4747', 'http://localhost.evil.example', 'forbidden_origin'],
    ['localhost:4747', 'null', 'forbidden_origin'],
  ])('host %s with origin %s is %s', (host, origin, expected) => {
    expect(codeOf(auth, { host, origin })).toBe(expected);
  });

  it('answers upgrades by the same rules', () => {
    expect(auth.authenticateUpgrade(upgradeWith({ host: 'localhost:4747' }))).toEqual({
      owner: 'local',
      operator: true,
    });
    expect(
      auth.authenticateUpgrade(upgradeWith({ host: 'localhost:4747', origin: 'https://evil.example' })),
    ).toMatchObject({
      status: 403,
      error: { code: 'forbidden_origin' },
    });
  });
});

it('refuses to serve more than loopback without tokens', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.4', 'ttai.example']) {
    expect(() => createAuth({ host, port })).toThrow(/AUTH_TOKENS_FILE/);
  }
});

describe('with tokens', () => {
  let folder: string;
  let file: string;
  let auth: Auth;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ttai-auth-'));
    file = join(folder, 'tokens');
    writeFileSync(
      file,
      `# who may enter\n\n${hashToken('ann-token')} ann laptop\n${hashToken('bob-token')} bob\nnonsense\n`,
    );
    auth = createAuth({ host: '0.0.0.0', tokensFile: file, port });
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('knows the owner of each token, wherever it is carried', () => {
    const inProtocol = `ttai.v1, ttai.bearer.${Buffer.from('bob-token').toString('base64url')}`;
    expect(codeOf(auth, { authorization: 'Bearer ann-token', host: 'anything' })).toBe('owner ann');
    expect(codeOf(auth, { protocols: inProtocol })).toBe('owner bob');
    expect(auth.authenticateUpgrade(upgradeWith({ 'sec-websocket-protocol': inProtocol }))).toEqual({
      owner: 'bob',
      operator: false,
    });
  });

  it('knows an operator by the mark before the hash, and by nothing else', () => {
    writeFileSync(
      file,
      [
        `operator ${hashToken('op-token')} ann laptop`,
        `${hashToken('name-token')} ann operator`,
        `${hashToken('owner-token')} operator operator`,
        `operators ${hashToken('a-token')} ann`,
        `operator`,
        `operator ann ${hashToken('b-token')}`,
        `operator${hashToken('c-token')} ann`,
      ].join('\n'),
    );
    utimesSync(file, 1, 1);
    const of = (token: string) => codeOf(auth, { authorization: `Bearer ${token}` });
    expect(of('op-token')).toBe('operator ann');
    expect(of('name-token')).toBe('owner ann');
    expect(of('owner-token')).toBe('owner operator');
    for (const token of ['a-token', 'b-token', 'c-token', 'ann-token'])
      expect(of(token)).toBe('unauthorized');
  });

  it('refuses no token, a wrong one, and one that is only its hash', () => {
    for (const authorization of [
      undefined,
      '',
      'Bearer',
      'Bearer x',
      'ann-token',
      `Bearer ${hashToken('ann-token')}`,
    ]) {
      expect(codeOf(auth, { authorization })).toBe('unauthorized');
    }
    expect(auth.authenticateUpgrade(upgradeWith({}))).toMatchObject({
      status: 401,
      error: { code: 'unauthorized' },
    });
  });

  it("takes a browser's password for reading only, and not from another site's page", () => {
    const authorization = `Basic ${Buffer.from('me:ann-token').toString('base64')}`;
    expect(codeOf(auth, { authorization })).toBe('owner ann');
    expect(codeOf(auth, { authorization, host: 'ttai.example', origin: 'https://ttai.example' })).toBe(
      'owner ann',
    );
    expect(codeOf(auth, { authorization, method: 'POST' })).toBe('unauthorized');
    expect(codeOf(auth, { authorization, host: 'ttai.example', origin: 'https://evil.example' })).toBe(
      'unauthorized',
    );
  });

  it('reads the file again when it changes, and knows nobody while it is gone', () => {
    expect(codeOf(auth, { authorization: 'Bearer ann-token' })).toBe('owner ann');
    writeFileSync(file, `${hashToken('new-token')} ann\n`);
    utimesSync(file, 1, 1);
    expect(codeOf(auth, { authorization: 'Bearer ann-token' })).toBe('unauthorized');
    expect(codeOf(auth, { authorization: 'Bearer new-token' })).toBe('owner ann');
    rmSync(file);
    expect(codeOf(auth, { authorization: 'Bearer new-token' })).toBe('unauthorized');
    writeFileSync(file, `${hashToken('new-token')} ann\n`);
    expect(codeOf(auth, { authorization: 'Bearer new-token' })).toBe('owner ann');
  });

  it('names the lines that are no tokens', () => {
    const warned: object[] = [];
    const log = { debug() {}, info() {}, warn: (fields: object) => warned.push(fields), error() {} };
    createAuth({ host: '0.0.0.0', tokensFile: file, port, log });
    expect(warned).toEqual([{ file, lines: [5] }]);
  });

  it('lets a server start with a token, and not with a file that lets nobody in', () => {
    requireTokens(file);
    const empty = join(folder, 'empty');
    writeFileSync(empty, '# nobody yet\nnonsense\n');
    for (const useless of [join(folder, 'missing'), folder, empty]) {
      const start = (): void => requireTokens(useless);
      expect(start).toThrow(ConfigError);
      expect(start).toThrow(`AUTH_TOKENS_FILE is ${JSON.stringify(useless)}`);
      expect(start).toThrow('npm run -s ttai -- token add NAME');
    }
  });
});
