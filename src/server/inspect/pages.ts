/**
 * The inspector's pages and their files, read once into memory and served under a strict content security policy:
 * nothing from elsewhere, no inline script. Only the Stately bridge may frame one other origin.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { type Context, Hono } from 'hono';
import { TtaiError } from '../../actors/runtime/index.ts';
import type { InspectEnv } from './room.ts';

const folder = new URL('./page/', import.meta.url);
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface PageFile {
  body: Buffer;
  type: string;
  etag: string;
}

export interface PageOptions {
  /** Stately's inspector, or a stand-in. */
  statelyUrl: URL;
}

export function inspectPages({ statelyUrl }: PageOptions): Hono<InspectEnv> {
  const files = readFiles();
  const routes = new Hono<InspectEnv>();

  routes.get('/', (c) => answer(c, files.get('index.html'), policy()));
  routes.get('/stately', (c) => answer(c, files.get('stately.html'), policy(statelyUrl.origin)));
  routes.get('/assets/:file', (c) => answer(c, files.get(c.req.param('file')), policy()));
  routes.get('/api/stately', (c) => c.json({ url: statelyUrl.href, origin: statelyUrl.origin }));
  return routes;
}

function readFiles(): Map<string, PageFile> {
  return new Map(
    readdirSync(folder).map((name) => {
      const body = readFileSync(new URL(name, folder));
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      return [name, { body, type: types[extname(name)] ?? 'application/octet-stream', etag }];
    }),
  );
}

function answer(c: Context, file: PageFile | undefined, contentSecurityPolicy: string): Response {
  if (!file) throw new TtaiError('not_found', 'The inspector has no such file.');
  c.header('etag', file.etag);
  c.header('cache-control', 'no-cache');
  c.header('content-security-policy', contentSecurityPolicy);
  c.header('x-content-type-options', 'nosniff');
  c.header('referrer-policy', 'no-referrer');
  if (c.req.header('if-none-match') === file.etag) return c.body(null, 304);
  c.header('content-type', file.type);
  return c.body(new Uint8Array(file.body));
}

function policy(frameOrigin?: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    `frame-src ${frameOrigin ?? "'none'"}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
