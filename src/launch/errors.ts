/** Why a launch ended, in words for a person, with the exit code. Not for errors of a running system. */

export class LaunchError extends Error {
  /** 1: something is in the way. 2: a setting is wrong. */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LaunchError';
    this.exitCode = options.exitCode ?? 1;
  }
}
