/**
 * A headless Chromium for tests: Debian's where it is installed, else the one that comes with the packages.
 * Where neither starts (another system, missing libraries), the tests that need it are left out and say so.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type LaunchOptions } from 'playwright-core';

const installed = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Root needs no-sandbox; the rest keeps it from looking for hosts on the internet. */
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** A browser, or null after saying why there is none. */
export async function startBrowser(): Promise<Browser | null> {
  try {
    const options = await executable();
    return await chromium.launch({ ...options, args: flags });
  } catch (error) {
    console.log(`No browser starts here, so the tests of pages are left out: ${String(error).slice(0, 400)}`);
    return null;
  }
}

async function executable(): Promise<Pick<LaunchOptions, 'executablePath' | 'env'>> {
  const found = installed.find((path) => existsSync(path));
  if (found) return { executablePath: found };
  const folder = await unpacked();
  // It brings the libraries that a bare system lacks.
  const libraries = [process.env.LD_LIBRARY_PATH, join(folder, 'al2023', 'lib')].filter(Boolean).join(':');
  return { executablePath: join(folder, 'chromium'), env: { ...process.env, LD_LIBRARY_PATH: libraries } };
}

/**
 * The packaged Chromium, unpacked once per version and user. It unpacks into the temporary folder and takes what
 * is there for finished, so it gets a folder of its own that is renamed when it is whole.
 */
async function unpacked(): Promise<string> {
  const { version } = createRequire(import.meta.url)('playwright-core/package.json') as { version: string };
  const folder = join(tmpdir(), `ttai-chromium-${version}-${process.getuid?.() ?? 'user'}`);
  if (existsSync(folder)) return folder;
  const { default: packaged, inflate } = await import('@sparticuz/chromium');
  const outer = process.env.TMPDIR;
  const unpacking = await mkdtemp(`${folder}-`);
  process.env.TMPDIR = unpacking;
  try {
    await packaged.executablePath();
    const bin = new URL('../bin/', import.meta.resolve('@sparticuz/chromium')).pathname;
    await inflate(join(decodeURIComponent(bin), 'al2023.tar.br'));
    await rename(unpacking, folder).catch((error: NodeJS.ErrnoException) => {
      // Another test file was quicker.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    if (outer === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = outer;
    await rm(unpacking, { recursive: true, force: true });
  }
  return folder;
}
