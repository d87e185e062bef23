/** Commands as a person types them, against a server of made-up actors that each test gets anew. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { startTestServer, type TestServer } from '../../server/testing/test-server.ts';
import { runCli } from '../main.ts';
import type { Environment } from '../server-address.ts';

export interface Ran {
  code: number;
  out: string;
  notes: string;
}

export class TypedCommands {
  home!: string;
  server!: TestServer;

  /** To be called once in a file. */
  static use(): TypedCommands {
    const typed = new TypedCommands();
    beforeEach(async () => {
      typed.home = await mkdtemp(join(tmpdir(), 'ttai cli '));
      typed.server = await startTestServer();
    });
    afterEach(async () => {
      await typed.server.stop();
      await rm(typed.home, { recursive: true });
    });
    return typed;
  }

  async ttai(args: string[], env: Environment = {}, onNote?: (line: string) => void): Promise<Ran> {
    const out: string[] = [];
    const notes: string[] = [];
    const code = await runCli(args, {
      env: { TTAI_URL: this.server.url, TTAI_HOME: this.home, ...env },
      terminal: {
        out: (line) => out.push(line),
        note: (line) => {
          notes.push(line);
          onNote?.(line);
        },
        status: undefined,
        style: (_, text) => text,
      },
    });
    return { code, out: out.join('\n'), notes: notes.join('\n') };
  }
}
