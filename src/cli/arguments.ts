/** What is typed behind a command, read and checked; and what several commands share. Nothing is done here. */
import { InvalidArgumentError } from 'commander';
import { shellWord } from './printable.ts';

/** What every list takes. */
export interface PageOptions {
  limit: number;
  cursor?: string;
  json?: boolean;
}

/** As a person writes a price; not 0x10, 1e3 or Infinity. */
const decimal = /^-?(\d+\.?\d*|\.\d+)$/;
const address = /^([^/]+)\/([^/]+)$/;

export function numberOf(text: string): number {
  const number = decimal.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(number)) return number;
  throw new InvalidArgumentError(`${quoted(text)} is not a number such as 200 or 12.5.`);
}

/** `machine/key`, in its parts. */
export function addressOf(text: string): { machine: string; key: string } {
  const [, machine, key] = text.match(address) ?? [];
  if (machine !== undefined && key !== undefined) return { machine, key };
  throw new InvalidArgumentError(
    `${quoted(text)} is not the address of an actor, such as marketWatch/main; "actors" lists them.`,
  );
}

export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 50));
}

/** Where the next page is. */
export function more(cursor: string | null): string[] {
  return cursor === null
    ? []
    : [`There are more: add --cursor ${shellWord(cursor)}, or a higher --limit (at most 100).`];
}
