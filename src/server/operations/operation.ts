/**
 * What an operation is: one thing that a client may ask for, with its schemas, its place on the HTTP door and its
 * hints for assistants. MCP tools, /api routes, OpenAPI and the command line all come from these entries, so nothing
 * here knows a door.
 */
import type { z } from 'zod';
import type { AnalysisClient } from '../../actors/effects/index.ts';
import type { ActorSystem } from '../../actors/runtime/types.ts';
import type { Notifications } from '../../persistence/records/notifications.ts';
import type { Records } from '../../persistence/records/records.ts';
import { checkInput } from '../checked-input.ts';

/** What operations need of the actor system. */
export type OperationSystem = Pick<
  ActorSystem,
  | 'spawn'
  | 'send'
  | 'snapshot'
  | 'waitFor'
  | 'list'
  | 'listEnded'
  | 'stop'
  | 'pending'
  | 'journal'
  | 'inspect'
  | 'machines'
  | 'migrate'
  | 'deadLetters'
  | 'deadLetter'
  | 'retryDeadLetter'
  | 'discardDeadLetter'
>;

/** What operations need of the analysis client: prices, what positions are worth, and what is held at the broker. */
export type OperationAnalysis = Pick<AnalysisClient, 'quotes' | 'positions' | 'brokerPositions'>;

/** What operations need of the notifications' store. */
export type NotificationReader = Pick<Notifications, 'since' | 'latestSeq' | 'prunedSeq'>;

/** What operations work with, the same for all requests of a process. */
export interface OperationRooms {
  system: OperationSystem;
  analysis: OperationAnalysis;
  notifications: NotificationReader;
  /** As in the configuration. */
  webhookAllowedHosts: readonly string[];
  records: Records;
}

/** What operations work with, and for whom. */
export interface OperationContext extends OperationRooms {
  /** Who asks: sees and touches only what is its own, unless it is an operator. */
  owner: string;
  /** Whether the caller runs this TTAI: `true` lets it see and touch every owner's actors, in `actors.ts` and its like. */
  operator: boolean;
  /** The door, for the journal: `mcp` or `api`. */
  source: string;
  /** Aborted, with a `TtaiError`, when the client is gone or the server stops. */
  signal?: AbortSignal;
  /** Told how far a run is, while it is waited for. */
  onProgress?: (progress: { done: number; total: number; step: string }) => void;
}

/** Hints for assistants; all are stated, because the protocol's defaults assume the worst. */
export interface Annotations {
  readOnlyHint: boolean;
  destructiveHint: boolean;
  idempotentHint: boolean;
  /** Reaches beyond TTAI's own data, to the market. */
  openWorldHint: boolean;
}

export type Door = 'mcp' | 'api';

interface OperationHead {
  /** snake_case, verb first. */
  readonly name: string;
  readonly title: string;
  /** Assistants read it on every connection: short. */
  readonly description: string;
  readonly annotations: Annotations;
  /** Where it stands; the command line speaks to /api. What only operators need is no MCP tool. */
  readonly doors: readonly Door[];
  /** Under /api. Fields in braces come from the path; the others from the query (GET, DELETE) or the body (POST). */
  readonly http: { readonly method: 'get' | 'post' | 'delete'; readonly path: string };
}

interface OperationDefinition<Input extends z.ZodObject, Output extends z.ZodObject>
  extends Omit<OperationHead, 'doors'> {
  /** Both unless said. */
  readonly doors?: readonly Door[];
  readonly input: Input;
  readonly output: Output;
  /** Throws `TtaiError`s only for what a caller can understand. */
  readonly run: (context: OperationContext, input: z.output<Input>) => Promise<z.input<Output>>;
  /**
   * The answer in a line or a few, for hosts of MCP that show text only. Names the id and, of market values, asOf and
   * source. Empty unless said.
   */
  readonly text?: (output: z.output<Output>) => string;
}

export interface OperationAnswer {
  output: Record<string, unknown>;
  text: string;
}

/** An operation with its types closed over: what a door needs. */
export interface Operation extends OperationHead {
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  /** Checks the input, runs, checks the output. Throws `invalid_input` with the fields, or what `run` throws. */
  readonly call: (context: OperationContext, input: unknown) => Promise<OperationAnswer>;
}

/** An operation whose input and output are still known, for who calls it from TypeScript. */
export interface TypedOperation<Input extends z.ZodObject, Output extends z.ZodObject> extends Operation {
  readonly input: Input;
  readonly output: Output;
}

export function defineOperation<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: OperationDefinition<Input, Output>,
): TypedOperation<Input, Output> {
  const { run, text, doors = ['mcp', 'api'], ...rest } = definition;
  return {
    ...rest,
    doors,
    async call(context, input) {
      const output = definition.output.parse(await run(context, checkInput(definition.input, input)));
      return { output, text: text?.(output) ?? '' };
    },
  };
}
