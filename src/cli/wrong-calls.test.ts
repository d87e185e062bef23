/** What a command says when it goes wrong, and how it ends. */
import { describe, expect, it } from 'vitest';
import { TypedCommands } from './testing/typed-commands.ts';

const typed = TypedCommands.use();

describe('what goes wrong', () => {
  it.each([
    ['nothing to do', [], 2, /Usage: ttai/],
    ['an unknown command', ['dance'], 2, /unknown command 'dance'/],
    ['a missing argument', ['analyze'], 2, /missing required argument 'symbol'/],
    ['an unknown option', ['runs', '--fast'], 2, /unknown option '--fast'/],
    ['an unknown type', ['analyze', 'AAPL', '--type', 'all'], 2, /Allowed choices are chart_analysis/],
    ['an unknown condition', ['alert', 'add', 'AAPL', 'over', '200'], 2, /above, below or crosses/],
    ['a threshold that is no number', ['alert', 'add', 'AAPL', 'above', 'high'], 2, /"high" is not a number/],
    ['a threshold in hexadecimal', ['alert', 'add', 'AAPL', 'above', '0x10'], 2, /"0x10" is not a number/],
    ['a threshold with an exponent', ['alert', 'add', 'AAPL', 'above', '1e3'], 2, /"1e3" is not a number/],
    ['a count that is no number', ['runs', '--limit', 'many'], 2, /"many" is not a number/],
    ['too many at once', ['alert', 'list', '--limit', '1000'], 2, /limit: /],
    ['an alert for an unknown symbol', ['alert', 'add', 'NOPE', 'above', '1'], 1, /symbol_not_found/],
    ['a symbol of 1,000 characters', ['quote', 'A'.repeat(1_000)], 2, /symbols, item 1: must be a ticker/],
    [
      'a portfolio for what ends',
      ['position', 'sync', '--stop', '--portfolio', 'x'],
      2,
      /'--stop' cannot be used with option '--portfolio <name>'/,
    ],
    ['an unknown run', ['run', 'analysis.none'], 1, /run_not_found/],
    ['an unknown alert', ['alert', 'delete', 'none'], 1, /alert_not_found/],
    ['an unknown symbol', ['quote', 'NOPE'], 1, /symbol_not_found/],
    ['a token for what belongs to TTAI', ['token', 'add', 'me', '--owner', 'system'], 2, /TTAI itself/],
    ['an unspeakable token name', ['token', 'add', 'a b'], 2, /NAME must be one word/],
  ])('%s', async (_, args, code, words) => {
    const ran = await typed.ttai(args);
    expect(ran.notes).toMatch(words);
    expect(ran.code).toBe(code);
    expect(ran.out).toBe('');
    // Said once, and in the command line's own words.
    expect(ran.notes.match(/is not a number/g)?.length ?? 0).toBeLessThan(2);
    expect(ran.notes).not.toMatch(/[a-z]_(?:run|alert)s/);
  });

  it('an unknown command says where the known ones are', async () => {
    expect((await typed.ttai(['dance'])).notes).toContain('--help');
    expect((await typed.ttai(['alert', 'dance'])).notes).toContain('--help');
  });

  it('text that would steer the terminal is shown, not obeyed', async () => {
    const set = await typed.ttai(['alert', 'add', 'AAPL', 'above', '200', '--json']);
    const { alertId } = JSON.parse(set.out) as { alertId: string };
    const { context } = await typed.server.system.snapshot(`priceAlert/${alertId}`);
    typed.server.system.move(`priceAlert/${alertId}`, {
      context: { ...context, symbol: '\u001b]0;x\u0007', note: '\u001b[2J\u202e', blindBecause: '\u009bA' },
    });
    const steers = /[^\P{Cc}\n]|\u202e/u;
    const listed = await typed.ttai(['alert', 'list']);
    expect(listed.out).not.toMatch(steers);
    expect(listed.out).toContain('\\x1b]0;x\\x07');
    const asJson = await typed.ttai(['alert', 'list', '--json']);
    expect(asJson.out).not.toMatch(steers);
    expect(JSON.parse(asJson.out)).toMatchObject({ alerts: [{ note: '\u001b[2J\u202e' }] });
    expect((await typed.ttai(['alert', 'delete', alertId])).out).toContain('"\\x1b[2J\\u202e"');
    expect((await typed.ttai(['alert', 'delete', 'a\u001b[2J'])).notes).not.toMatch(steers);
    expect((await typed.ttai(['dance\u001b[2J'])).notes).not.toMatch(steers);
  });

  it('no server, an address that is none, and something else that answers', async () => {
    const nowhere = await typed.ttai(['runs'], { TTAI_URL: undefined, PORT: '1' });
    expect(nowhere).toMatchObject({
      code: 1,
      notes: expect.stringMatching(/No TTAI server answers at http:\/\/127.0.0.1:1\..*npm start/),
    });
    const atHome = await typed.ttai(['runs'], { TTAI_URL: undefined });
    expect(atHome).toMatchObject({
      code: 1,
      notes: expect.stringContaining(`No TTAI runs on the home ${typed.home}.`),
    });
    expect(await typed.ttai(['runs'], { TTAI_URL: 'ftp://x' })).toMatchObject({ code: 2 });
    expect(await typed.ttai(['runs'], { TTAI_URL: `${typed.server.url}/mcp` })).toMatchObject({ code: 1 });
  });

  it('help is no error', async () => {
    const { code, out } = await typed.ttai(['--help']);
    expect(code).toBe(0);
    for (const command of ['analyze', 'quote', 'alert', 'watch', 'runs', 'actors', 'token', 'serve', 'mcp'])
      expect(out).toContain(command);
    expect((await typed.ttai(['serve', '--help'])).out).toContain('AUTH_TOKENS_FILE');
  });

  it.each([
    [['analyze'], 'analyze --help'],
    [['alert', 'add', 'AAPL'], 'alert add --help'],
    [['actors', 'show', 'nonsense'], 'actors show --help'],
    [['nonsense'], 'npm run ttai -- --help'],
  ])('%j says where its own help is', async (args, where) => {
    expect(await typed.ttai(args)).toMatchObject({ code: 2, notes: expect.stringContaining(where) });
  });

  it('a wrong port is told of like the setting', async () => {
    const { code, notes } = await typed.ttai(['serve', '--port', 'x']);
    expect({ code, notes }).toEqual({ code: 2, notes: 'PORT is "x": must be a port, 0 to 65535.' });
  });
});
