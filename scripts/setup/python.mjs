/** The Python environment of the analysis service: `.venv` in the project, from a lock file with hashes. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand, SetupError } from './command.mjs';
import { hashFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs';

/** Those with the most ready-made packages first. */
const CANDIDATES = ['python3.13', 'python3.12', 'python3.14', 'python3.11', 'python3', 'python'];
const OLDEST_MINOR = 11;

/** These read their data through packages of their own, and need these settings: without, they refuse at once. */
const PROVIDERS_WITH_PACKAGES = { yahoo: [], tastytrade: ['TT_SECRET', 'TT_REFRESH'] };

export function pythonPart(project, dev) {
  const venv = join(project, '.venv');
  const python = join(venv, 'bin', 'python');
  const stampFile = join(venv, '.ttai-setup.json');
  const lockFile = (name) => join(project, 'python', `${name}.lock`);
  const [plain, withExtras, forTests] = ['requirements', 'requirements-extras', 'requirements-dev'].map(
    lockFile,
  );
  const lock = hashFiles(plain, withExtras, forTests);
  // The packages of optional parts are for those who use one; the ones for tests hold them as well.
  const extras = wantsExtras(process.env);
  const isNeeded = () => {
    const stamp = readStamp(stampFile);
    const fits = stamp?.lock === lock && (stamp.dev || !dev) && (stamp.dev || stamp.extras || !extras);
    return !fits || !existsSync(python);
  };
  const run = async () => {
    const stamp = readStamp(stampFile);
    const keepsDev = dev || stamp?.dev === true;
    const keepsExtras = extras || stamp?.extras === true;
    const uv = works('uv', ['--version']);
    // Only more packages are wanted: a service that runs from here is not disturbed.
    const keep = stamp?.lock === lock && existsSync(python);
    removeStamp(stampFile);
    if (!keep) await makeVenv(venv, uv);
    await installPackages(python, keepsDev ? forTests : keepsExtras ? withExtras : plain, uv);
    writeStamp(stampFile, { lock, dev: keepsDev, extras: keepsExtras });
  };
  const name = dev ? 'Python environment (with packages for tests)' : 'Python environment';
  return { name, folder: venv, isNeeded, run };
}

/** Whether an optional part is asked for: traces, or a provider behind a network. */
function wantsExtras(environment) {
  const value = (name) => environment[name]?.trim() ?? '';
  const settings = PROVIDERS_WITH_PACKAGES[value('MARKET_DATA')];
  const isUsable = settings?.every((name) => value(name) !== '') ?? false;
  // What is no address is refused at the start.
  return /^https?:/.test(value('OTEL_EXPORTER_OTLP_ENDPOINT')) || isUsable;
}

async function makeVenv(venv, uv) {
  const python = findPython(uv);
  const failure = 'The Python environment could not be made';
  if (uv) await runCommand(failure, 'uv', ['venv', '--clear', '--python', python, venv]);
  else await runCommand(failure, python, ['-m', 'venv', '--clear', venv]);
}

/** A Python that can make environments. uv brings its own pip, and a Python where there is none. */
function findPython(uv) {
  const probe = (modules) => `import sys${modules}; sys.exit(sys.version_info < (3, ${OLDEST_MINOR}))`;
  const whole = CANDIDATES.find((name) => works(name, ['-c', probe(uv ? '' : ', venv, ensurepip')]));
  if (whole) return whole;
  if (uv) return '3.13';
  const bare = CANDIDATES.find((name) => works(name, ['-c', probe('')]));
  throw new SetupError(
    bare
      ? `${bare} is here without its venv module. On Debian and Ubuntu: apt install ${bare}-venv. Then run the same command again.`
      : `TTAI needs Python 3.${OLDEST_MINOR} or later, and none was found (tried ${CANDIDATES.join(', ')}). ` +
          'On Debian and Ubuntu: apt install python3 python3-venv; on macOS: brew install python. Then run the same command again.',
  );
}

async function installPackages(python, lockFile, uv) {
  const failure = 'The Python packages could not be installed';
  const what = ['--require-hashes', '-r', lockFile];
  if (uv) await runCommand(failure, 'uv', ['pip', 'install', '--python', python, ...what]);
  else {
    const pip = ['-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--quiet'];
    await runCommand(failure, python, [...pip, ...what]);
  }
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
