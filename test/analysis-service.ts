/** The real analysis service for a test: started from the project's Python environment, on a free port. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));

export interface TestAnalysisService extends AsyncDisposable {
  readonly url: string;
}

/** Starts the service with these settings beside the environment's. Resolves when it accepts connections. */
export async function startAnalysisService(
  settings: Record<string, string> = {},
): Promise<TestAnalysisService> {
  const child = spawn(
    `${project}.venv/bin/python`,
    ['-m', 'ttai_analysis', '--port', '0', '--exit-with-stdin'],
    {
      cwd: `${project}python`,
      env: { ...process.env, MARKET_DATA: 'simulated', ...settings },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the analysis service ended with ${code}`)));
    createInterface(child.stdout).once('line', (line) =>
      resolve((JSON.parse(line) as { port: number }).port),
    );
  });
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
