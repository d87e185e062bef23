/**
 * What processes that died may still commit: the server goes on with statements that they had sent. Says when there may
 * be something new to look for. Not for who died, nor for the looking (`peers.ts`).
 *
 * There may be at a death; once the server has begun with all that it had received; and each time that a statement
 * which ran then has ended. While all of them go on there is nothing new: a backup that happens to run at a death costs
 * a small question a tick, and no looks.
 */

/** The server begins within this with what had reached it when a death was seen; less than a tick. */
const BEGINS_WITHIN_MS = 500;

/** The connections that run what began before a moment, both by the database. */
type RunningSince = (moment: number) => Promise<ReadonlySet<number>>;

export class LateCommits {
  readonly #runningSince: RunningSince;
  /** What began until then may be of the dead. */
  #until: number | undefined;
  /** The last look came after that. */
  #hadAllBegun = false;
  #running: ReadonlySet<number> = new Set();

  constructor(runningSince: RunningSince) {
    this.#runningSince = runningSince;
  }

  /** Whether the dead may still commit. */
  get mayCome(): boolean {
    return this.#until !== undefined;
  }

  /**
   * Whether to look, asked at each tick. `now`: the database's, in milliseconds since 1970. What was committed before
   * the answer is seen by a look after it; where it fails, the next answer covers it.
   */
  async mustLook(now: number, someDied: boolean): Promise<boolean> {
    if (someDied) {
      this.#until = now + BEGINS_WITHIN_MS;
      this.#hadAllBegun = false;
    }
    const until = this.#until;
    if (until === undefined) return false;
    const running = await this.#runningSince(until);
    const someEnded = [...this.#running].some((connection) => !running.has(connection));
    const haveAllBegun = now >= until;
    const isNew = someDied || someEnded || (haveAllBegun && !this.#hadAllBegun);
    this.#running = running;
    this.#hadAllBegun = haveAllBegun;
    if (haveAllBegun && running.size === 0) this.#until = undefined;
    return isNew;
  }
}
