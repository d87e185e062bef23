/**
 * Live quotes for the topics `quotes:<SYMBOL>`: one loop for all sockets of this process, which runs while somebody
 * watches and asks for each watched symbol about once a second, through the process's cache. Nothing is kept: of a
 * client that reads slowly only the latest quote of each symbol waits. Not for alerts; those are actors.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { QuoteCache } from '../../actors/effects/index.ts';
import type { RuntimeLog } from '../../actors/runtime/index.ts';
import { toPlainError } from '../../actors/runtime/index.ts';
import { quote as quoteOf } from '../operations/quotes.ts';
import { sharedFrame } from './frames.ts';
import type { ServerFrame, SessionLimits } from './protocol.ts';

const PREFIX = 'quotes:';
/** Frames in one turn of the event loop, about a millisecond: five thousand in one would hold up notifications. */
const FRAMES_A_TURN = 50;
/** Between two such turns, in the first half of the time until the next look; so thousands do not leave in a burst. */
const PAUSE_MS = 3;

type QuoteFrame = Extract<ServerFrame, { type: 'quote' }>;

export interface LiveQuotesOptions {
  quotes: Pick<QuoteCache, 'get'>;
  /** All topics that somebody watches. */
  topics: () => Iterable<string>;
  watchersOf: (topic: string) => Iterable<string>;
  deliver: (connectionId: string, topic: string, frame: ServerFrame) => void;
  limits: Pick<SessionLimits, 'quotePaceMs' | 'quoteSymbols'>;
  log: RuntimeLog;
}

export class LiveQuotes {
  readonly #options: LiveQuotesOptions;
  /** What was sent last, by symbol, while it is watched. */
  readonly #sent = new Map<string, QuoteFrame>();
  readonly #stop = new AbortController();
  #running = false;
  #failing = false;

  constructor(options: LiveQuotesOptions) {
    this.#options = options;
  }

  /** A connection watches these topics from now on, of which it ignores others: it gets what is known at once. */
  show(connectionId: string, topics: readonly string[]): void {
    for (const topic of topics) {
      const symbol = symbolOf(topic);
      if (symbol === null) continue;
      const known = this.#sent.get(symbol);
      if (known) this.#options.deliver(connectionId, topic, known);
      if (!this.#running && !this.#stop.signal.aborted) void this.#run();
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Until nobody watches. Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    this.#running = true;
    try {
      for (let symbols = this.#watched(); symbols.length > 0; symbols = this.#watched()) {
        const began = performance.now();
        this.#forgetOthers(symbols);
        await this.#refresh(symbols);
        const pause = this.#options.limits.quotePaceMs - (performance.now() - began);
        await delay(Math.max(pause, 0), undefined, { signal, ref: false });
      }
    } catch (error) {
      if (!signal.aborted) this.#options.log.error({ err: error }, 'live quotes ended by a fault');
    }
    // Nothing is awaited between the loop's last look and this line, so who begins to watch starts it again.
    this.#sent.clear();
    this.#running = false;
  }

  #forgetOthers(symbols: readonly string[]): void {
    const watched = new Set(symbols);
    for (const symbol of this.#sent.keys()) if (!watched.has(symbol)) this.#sent.delete(symbol);
  }

  #watched(): string[] {
    const symbols: string[] = [];
    for (const topic of this.#options.topics()) {
      const symbol = symbolOf(topic);
      if (symbol !== null) symbols.push(symbol);
    }
    return symbols;
  }

  async #refresh(symbols: readonly string[]): Promise<void> {
    const { limits } = this.#options;
    // Who is over the limit today may not be in a second: the order is the one in which symbols were first watched.
    const asked = symbols.slice(0, limits.quoteSymbols);
    const over = symbols.slice(limits.quoteSymbols);
    const frames = [...(await this.#ask(asked)), ...over.map(tooMany)];
    const began = performance.now();
    let sent = 0;
    for (const frame of frames) {
      const before = this.#sent.get(frame.symbol);
      if (before && JSON.stringify(before) === JSON.stringify(frame)) continue;
      this.#sent.set(frame.symbol, sharedFrame(frame));
      const topic = PREFIX + frame.symbol;
      for (const id of [...this.#options.watchersOf(topic)]) {
        this.#options.deliver(id, topic, frame);
        if (++sent % FRAMES_A_TURN !== 0) continue;
        const early = performance.now() - began < limits.quotePaceMs / 2;
        await delay(early ? PAUSE_MS : 0, undefined, { signal: this.#stop.signal });
      }
    }
  }

  async #ask(symbols: readonly string[]): Promise<QuoteFrame[]> {
    const { quotes, limits, log } = this.#options;
    // Younger ones are of alerts that look at the same symbols.
    const fresh = { now: Date.now(), maxAgeMs: limits.quotePaceMs / 2, signal: this.#stop.signal };
    try {
      const found = await quotes.get(symbols, fresh);
      this.#failing = false;
      return symbols.map((symbol): QuoteFrame => {
        const quote = found[symbol];
        if (!quote)
          return without(symbol, 'symbol_not_found', `The source of quotes does not know ${symbol}.`);
        return { type: 'quote', symbol, quote: quoteOf.parse({ ...quote, symbol }), problem: null };
      });
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      if (!this.#failing) log.warn({ err: error }, 'live quotes cannot be read; what was sent is stale');
      this.#failing = true;
      const { code, message } = toPlainError(error);
      return symbols.map((symbol) => {
        const last = this.#sent.get(symbol)?.quote;
        return { ...without(symbol, code, message), quote: last ? { ...last, stale: true } : null };
      });
    }
  }
}

function symbolOf(topic: string): string | null {
  return topic.startsWith(PREFIX) ? topic.slice(PREFIX.length) : null;
}

function without(symbol: string, code: string, message: string): QuoteFrame {
  return { type: 'quote', symbol, quote: null, problem: { code, message } };
}

function tooMany(symbol: string): QuoteFrame {
  return without(
    symbol,
    'too_many_symbols',
    'This server looks at as many symbols as it can already. The quote comes when others are no longer watched.',
  );
}
