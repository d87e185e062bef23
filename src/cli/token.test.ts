/** `token add`: what is shown, what is kept, and whom it lets in. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeHome } from '../launch/home.ts';
import { hashToken } from '../server/auth.ts';
import { startTestServer } from '../server/testing/test-server.ts';
import { TypedCommands } from './testing/typed-commands.ts';

const typed = TypedCommands.use();

describe('tokens', () => {
  it('are shown once, kept as a hash, and let their owner in', async () => {
    const file = join(typed.home, 'deep', 'tokens');
    const { token } = JSON.parse(
      (await typed.ttai(['token', 'add', 'ann', '--json'], { AUTH_TOKENS_FILE: file })).out,
    ) as { token: string };
    const text = await readFile(file, 'utf8');
    expect(text).toContain(`${hashToken(token)} ann ann\n`);
    expect(text).not.toContain(token);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const guarded = await startTestServer({ tokensFile: file });
    const without = await typed.ttai(['runs'], { TTAI_URL: guarded.url });
    expect(without).toMatchObject({ code: 1, notes: expect.stringContaining('TTAI_TOKEN') });
    for (const malformed of ['a\nb', 'a b', 'a\u2026']) {
      const refused = await typed.ttai(['runs'], { TTAI_URL: guarded.url, TTAI_TOKEN: malformed });
      expect(refused).toMatchObject({ code: 2, notes: expect.stringContaining('TTAI_TOKEN is malformed') });
      expect(refused.notes).not.toContain(malformed);
    }
    expect(await typed.ttai(['runs'], { TTAI_URL: guarded.url, TTAI_TOKEN: token })).toMatchObject({
      code: 0,
    });
    await guarded.stop();
  });

  it('are counted when there is more than one of an owner', async () => {
    const first = await typed.ttai(['token', 'add', 'bea']);
    expect(first.out).not.toContain('tokens now');
    expect((await typed.ttai(['token', 'add', 'desk', '--owner', 'bea'])).out).toContain(
      'bea has 2 tokens now',
    );
    expect((await typed.ttai(['token', 'add', 'cem'])).out).not.toContain('tokens now');
  });

  it('go to the file of the server that runs on the home, which is not to be started anew', async () => {
    const file = join(typed.home, 'deep', 'of-the-server');
    const home = takeHome(typed.home);
    home.publish({ shared: { AUTH_TOKENS_FILE: file } });
    const { out } = await typed.ttai(['token', 'add', 'dan']);
    home.release();
    expect(await readFile(file, 'utf8')).toContain(' dan dan\n');
    expect(out).not.toContain('Start the server');
  });

  it('go to the home where no file is set, and after a line without an end', async () => {
    await writeFile(join(typed.home, 'tokens'), '# mine');
    const { out } = await typed.ttai(['token', 'add', 'laptop', '--owner', 'local'], { HOST: '0.0.0.0' });
    expect(out).toContain(`AUTH_TOKENS_FILE='${join(typed.home, 'tokens')}'`);
    expect(await readFile(join(typed.home, 'tokens'), 'utf8')).toMatch(
      /^# mine\n[0-9a-f]{64} local laptop\n$/,
    );
  });
});

it("an operator's token is made with --operator, and marked before its hash", async () => {
  const { out } = await typed.ttai(['token', 'add', 'opal', '--operator']);
  expect(out).toContain("everybody's actors");
  const [token = ''] = out.split('\n');
  expect(await readFile(join(typed.home, 'tokens'), 'utf8')).toContain(
    `\noperator ${hashToken(token)} opal opal\n`,
  );
});
