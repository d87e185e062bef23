/**
 * Runs the Python analysis service as a child: starts it, starts it again when it ends or no longer answers, and
 * stops it. It keeps its port, so its address stays good. With ANALYSIS_URL there is no child: someone else's work.
 * Not for calling it (that is the analysis client among the effects).
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import {
  EXIT_BAD_SETTING,
  endChild,
  forwardLog,
  freePort,
  HOST,
  hasEnded,
  LAST_WORDS,
  listeningPort,
  spawnService,
} from './analysis-child.ts';
import { LaunchError } from './errors.ts';

/** The first starts that may fail before the launch gives up. */
const FIRST_TRIES = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A service that was up this long has earned a fresh count of pauses. */
const STEADY_MS = 60_000;
/** Between two health checks, and how long each waits for its answer: one that hangs is found within half a minute. */
const HEALTH_EVERY_MS = 5_000;
/** So many health checks in a row without an answer, and it is ended and started again. */
const HEALTH_MISSES = 3;

export type AnalysisState = 'starting' | 'up' | 'down';

export interface Analysis {
  /** Base URL without a slash at the end. Changes only when another program has taken the port meanwhile. */
  url(): string;
  state(): AnalysisState;
  /** Told of each change; the answer stops that. */
  onState(listener: (state: AnalysisState) => void): () => void;
  /** Pid of the child that runs now; undefined when there is none. */
  pid(): number | undefined;
  stop(): Promise<void>;
}

/**
 * Resolves when the service listens. `port`: the one to take if it is free, for an address that survives a restart.
 * Throws LaunchError: with exit code 2 for a bad setting, else when it can't be started.
 */
export async function startAnalysis(options: {
  config: Config;
  log: Log;
  port?: number;
  healthEveryMs?: number;
}): Promise<Analysis> {
  const { config, log, port = 0, healthEveryMs = HEALTH_EVERY_MS } = options;
  if (config.analysisUrl !== undefined) return elsewhere(config.analysisUrl);
  const service = new AnalysisProcess(config, log, { port, healthEveryMs });
  await service.start();
  return service;
}

function elsewhere(url: string): Analysis {
  return {
    url: () => url,
    state: () => 'up',
    onState: () => () => {},
    pid: () => undefined,
    stop: async () => {},
  };
}

class AnalysisProcess implements Analysis {
  readonly #config: Config;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  readonly #healthEveryMs: number;
  readonly #listeners = new Set<(state: AnalysisState) => void>();
  #port: number;
  #state: AnalysisState = 'starting';
  #child: ChildProcess | undefined;
  #watching: Promise<void> = Promise.resolve();

  constructor(config: Config, log: Log, { port, healthEveryMs }: { port: number; healthEveryMs: number }) {
    this.#config = config;
    this.#log = log;
    this.#port = port;
    this.#healthEveryMs = healthEveryMs;
  }

  url(): string {
    return `http://${HOST}:${this.#port}`;
  }

  state(): AnalysisState {
    return this.#state;
  }

  pid(): number | undefined {
    return this.#child?.pid;
  }

  onState(listener: (state: AnalysisState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#spawn();
        break;
      } catch (error) {
        if (attempt === FIRST_TRIES || (error instanceof LaunchError && error.exitCode === 2)) throw error;
        this.#log.warn({ err: error }, 'The analysis service did not start; trying again');
        await this.#pause(FIRST_PAUSE_MS);
      }
    }
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await endChild(this.#child, this.#log);
    await this.#watching;
    // One that was being started meanwhile.
    await endChild(this.#child, this.#log);
  }

  /** Resolves when the new child listens. */
  async #spawn(): Promise<void> {
    this.#set('starting');
    const child = await spawnService(this.#config, await freePort(this.#port));
    this.#child = child;
    const lastWords = forwardLog(child, this.#log);
    const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    const port = await Promise.race([listeningPort(child), exited.then(() => null)]);
    if (port === null) {
      const [exitCode, signal] = await exited;
      this.#set('down');
      const isSetting = exitCode === EXIT_BAD_SETTING;
      throw new LaunchError(
        isSetting
          ? lastWords().replace(LAST_WORDS, '')
          : `The analysis service ended with ${exitCode ?? signal} before it listened:\n${lastWords()}`,
        { exitCode: isSetting ? 2 : 1 },
      );
    }
    this.#port = port;
    this.#set('up');
    this.#log.debug({ analysisPid: child.pid, url: this.url() }, 'The analysis service is up');
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const upSince = Date.now();
      await this.#untilEnd();
      if (signal.aborted) break;
      this.#set('down');
      if (Date.now() - upSince > STEADY_MS) pause = FIRST_PAUSE_MS;
      this.#log.warn({}, `The analysis service has ended; starting it again in ${pause / 1000} s`);
      await this.#pause(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      if (signal.aborted) break;
      await this.#spawn().then(
        () => this.#log.info({ url: this.url() }, 'The analysis service is up again'),
        (error: unknown) => this.#log.error({ err: error }, 'The analysis service could not be started'),
      );
    }
    this.#set('down');
  }

  /** Resolves when the child has ended, by itself or because it no longer answered. */
  async #untilEnd(): Promise<void> {
    const child = this.#child;
    if (!child || hasEnded(child)) return;
    const ended = new AbortController();
    const exit = once(child, 'exit').then(() => ended.abort());
    for (let misses = 0; !ended.signal.aborted; ) {
      await delay(this.#healthEveryMs, undefined, { ref: false, signal: ended.signal }).catch(
        () => undefined,
      );
      if (ended.signal.aborted) break;
      misses = (await this.#isHealthy(ended.signal)) ? 0 : misses + 1;
      if (misses < HEALTH_MISSES) continue;
      this.#log.warn({ analysisPid: child.pid }, 'The analysis service no longer answers; ending it');
      child.kill('SIGKILL');
      break;
    }
    await exit;
  }

  async #isHealthy(ended: AbortSignal): Promise<boolean> {
    const signal = AbortSignal.any([ended, AbortSignal.timeout(this.#healthEveryMs)]);
    return fetch(`${this.url()}/healthz`, { signal }).then(
      async (response) => {
        await response.body?.cancel();
        return true;
      },
      () => false,
    );
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  #set(state: AnalysisState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
