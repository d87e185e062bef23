/** `token add`: makes a token and lets its owner in. The file keeps its hash; the token itself is shown once. */
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hashToken, parseTokens } from '../server/auth.ts';
import { UsageError } from './errors.ts';

const word = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

export interface NewToken {
  token: string;
  owner: string;
  /** It may see and touch the actors of all. */
  operator: boolean;
  /** Where its hash now stands. */
  file: string;
  /** How many its owner has now, with this one. */
  tokens: number;
}

/** Adds a token to the file of AUTH_TOKENS_FILE, or to `tokens` in the home, making it (0600) where needed. */
export function addToken(
  settings: { home: string; authTokensFile?: string },
  { name, owner = name, operator = false }: { name: string; owner?: string; operator?: boolean },
): NewToken {
  for (const [what, value] of [
    ['NAME', name],
    ['--owner', owner],
  ] as const) {
    if (!word.test(value)) {
      throw new UsageError(`${what} must be one word of letters, digits and . _ @ -, at most 64 characters.`);
    }
  }
  if (owner === 'system') {
    throw new UsageError('The owner "system" is TTAI itself. A token with --operator sees its actors.');
  }
  const file = settings.authTokensFile ?? join(settings.home, 'tokens');
  const token = `ttai_${randomBytes(32).toString('base64url')}`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // A last line without its end must not swallow the new one.
  const before = existsSync(file)
    ? readFileSync(file, 'utf8')
    : '# [operator] sha256 of the token, owner, name\n';
  const glue = !existsSync(file) ? before : before === '' || before.endsWith('\n') ? '' : '\n';
  appendFileSync(file, `${glue}${operator ? 'operator ' : ''}${hashToken(token)} ${owner} ${name}\n`, {
    mode: 0o600,
  });
  const { entries } = parseTokens(readFileSync(file, 'utf8'));
  const tokens = entries.filter(({ caller }) => caller.owner === owner).length;
  return { token, owner, operator, file, tokens };
}
