/**
 * Where a webhook may lead: to https on public addresses, and wherever else this server's configuration allows. The name
 * is judged when a webhook is added; the addresses behind it each time that it is connected to, so that a name that
 * leads elsewhere by then does not lead inside.
 */
import { lookup as lookupOfSystem, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { TtaiError } from '../../runtime/index.ts';
import { isPublicAddress } from './addresses.ts';

export const MAX_URL_LENGTH = 2_000;
const HTTPS = 443;
/** Below it stand services that speak something else; https has 443. */
const FIRST_FREE_PORT = 1_024;
const DNS_TIMEOUT_MS = 2_000;

export interface HostAddress {
  address: string;
  family: 4 | 6;
}

/** What a name leads to. `allowed`: it is one that the configuration allows. */
export type Resolve = (hostname: string, allowed: boolean) => Promise<HostAddress[]>;

/**
 * A webhook's URL, or what is behind it, is none that may be sent to. The message does not hold the URL. `allow`: what
 * the configuration would have to name.
 */
export class ForbiddenDestinationError extends TtaiError {
  constructor(message: string, allow?: string) {
    const own = allow
      ? `This one is allowed by adding ${allow} to WEBHOOK_ALLOWED_HOSTS and starting the server anew`
      : 'Hosts of your own are allowed by WEBHOOK_ALLOWED_HOSTS on the server';
    super('webhook_url_forbidden', message, {
      details: { hint: `Webhooks go to https on the public internet. ${own}.` },
    });
  }
}

/** Whether `host` or `host:port` of the URL is among the allowed ones (lower case, IPv6 in brackets). */
export function isAllowedHost(url: URL, allowedHosts: readonly string[]): boolean {
  const name = url.hostname.replace(/\.$/, '');
  return allowedHosts.some((allowed) => allowed === name || allowed === `${name}:${portOf(url)}`);
}

/** The URL, if a webhook may lead there as far as can be seen without asking. Throws ForbiddenDestinationError. */
export function checkDestination(text: string, allowedHosts: readonly string[]): URL {
  const refuse = (why: string, allow?: string): never => {
    throw new ForbiddenDestinationError(`The webhook's URL ${why}.`, allow);
  };
  if (text.length > MAX_URL_LENGTH) return refuse(`is longer than ${MAX_URL_LENGTH} characters`);
  if (!URL.canParse(text)) return refuse('is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse('is neither https nor http');
  if (url.username !== '' || url.password !== '') return refuse('holds a name or a password');
  if (isAllowedHost(url, allowedHosts)) return url;
  const port = portOf(url);
  const place = `${url.hostname.replace(/\.$/, '')}:${port}`;
  if (url.protocol !== 'https:') return refuse('is not https', place);
  if (port !== HTTPS && port < FIRST_FREE_PORT)
    return refuse(`has the port ${port}, which is not one of https`, place);
  const host = bare(url.hostname);
  if (isIP(host) !== 0) {
    if (!isPublicAddress(host)) return refuse('leads to an address that is not public', place);
  } else if (!/\.[a-z][a-z0-9-]*\.?$/i.test(host) || /\.(?:localhost|local|internal)\.?$/i.test(host)) {
    return refuse('leads to a name of a private network', place);
  }
  return url;
}

/** The addresses to connect to, each of which may be. Throws ForbiddenDestinationError, or what DNS says. */
export async function addressesOf(
  url: URL,
  allowedHosts: readonly string[],
  resolve: Resolve,
): Promise<HostAddress[]> {
  const host = bare(url.hostname);
  const family = isIP(host);
  const allowed = isAllowedHost(url, allowedHosts);
  const all = family === 0 ? await resolve(host, allowed) : [{ address: host, family: family as 4 | 6 }];
  const open = allowed ? all : all.filter(({ address }) => isPublicAddress(address));
  if (open.length > 0) return open;
  throw new ForbiddenDestinationError(
    all.length === 0
      ? 'The name leads to no address.'
      : 'The name leads only to addresses that are not public.',
  );
}

/**
 * A name that is not allowed by configuration can only lead to public addresses, so DNS itself is asked for it, and not
 * the system: its lookups share a few threads, which one slow name server could hold for everybody.
 */
export const resolveName: Resolve = async (hostname, allowed) => {
  if (allowed) return (await lookupOfSystem(hostname, { all: true })) as HostAddress[];
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 2 });
  const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  if (four.status === 'rejected' && six.status === 'rejected') throw four.reason;
  return [
    ...(four.status === 'fulfilled' ? four.value : []).map((address) => ({ address, family: 4 as const })),
    ...(six.status === 'fulfilled' ? six.value : []).map((address) => ({ address, family: 6 as const })),
  ];
};

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'http:' ? 80 : HTTPS;
}

/** Without the brackets of IPv6. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
