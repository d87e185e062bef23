/**
 * What the runtime, the server and the analysis client tell, as spans of OpenTelemetry. Loaded only where traces are on
 * (`tracing.ts`). A span says what happened, and to which actor; contexts, inputs and outputs stay out of it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { StateValue } from 'xstate';
import type {
  RuntimeTracer,
  StepFacts,
  TraceContext,
  TracedAttempt,
  TracedStep,
} from '../actors/runtime/index.ts';
import { parseTraceparent, toTraceparent } from './trace-context.ts';

/** A span that others stand under. */
export interface OpenSpan {
  readonly trace: TraceContext;
  run<T>(work: () => T): T;
  end(facts: { name?: string; attributes: Attributes; error?: string | undefined }): void;
}

export class SpanTracer implements RuntimeTracer {
  readonly #tracer: Tracer;
  /** The context of the code that runs now. */
  readonly #active = new AsyncLocalStorage<TraceContext>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  active(): TraceContext | undefined {
    return this.#active.getStore();
  }

  step({ parent, link }: Parameters<RuntimeTracer['step']>[0]): TracedStep {
    const linked = parseTraceparent(link);
    const span = this.#tracer.startSpan(
      'step',
      { kind: SpanKind.CONSUMER, ...(linked && { links: [{ context: linked }] }) },
      under(parent),
    );
    return { trace: toTraceparent(span.spanContext()), committed: (facts) => endStep(span, facts) };
  }

  attempt(facts: Parameters<RuntimeTracer['attempt']>[0]): TracedAttempt {
    const { effect, effectId, address, attempt, parent } = facts;
    const attributes = {
      'ttai.effect.name': effect,
      'ttai.effect.id': effectId,
      'ttai.effect.attempt': attempt,
      'ttai.actor.address': address,
    };
    const open = this.begin(`effect ${effect}`, SpanKind.INTERNAL, parent, attributes);
    return {
      trace: open.trace,
      run: open.run,
      ended: (outcome, error) => open.end({ attributes: { 'ttai.effect.outcome': outcome }, error }),
    };
  }

  /** Begins a span under a parent: a trace of its own without one. */
  begin(name: string, kind: SpanKind, parent: TraceContext | undefined, attributes: Attributes): OpenSpan {
    const span = this.#tracer.startSpan(name, { kind, attributes }, under(parent));
    const context = toTraceparent(span.spanContext());
    return {
      trace: context,
      run: (work) => this.#active.run(context, work),
      end({ name: better, attributes: more, error }) {
        if (better !== undefined) span.updateName(better);
        finish(span, more, error);
      },
    };
  }
}

function under(parent: TraceContext | undefined): Context {
  const found = parseTraceparent(parent);
  return found ? trace.setSpanContext(ROOT_CONTEXT, found) : ROOT_CONTEXT;
}

function endStep(span: Span, facts: StepFacts): void {
  const { machine, address, kind, eventType, revision, valueBefore, value, status, lateMs } = facts;
  span.updateName(`${machine} ${eventType}`);
  const attributes: Attributes = {
    'ttai.actor.machine': machine,
    'ttai.actor.address': address,
    'ttai.actor.status': status,
    'ttai.step.kind': kind,
    'ttai.step.event': eventType,
    'ttai.step.revision': revision,
    'ttai.state.after': stateText(value),
    ...(valueBefore !== null && { 'ttai.state.before': stateText(valueBefore) }),
    ...(lateMs !== undefined && { 'ttai.timer.late_ms': lateMs }),
  };
  finish(span, attributes, kind === 'failed' ? 'step_failed' : undefined);
}

function stateText(value: StateValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `error`: its code, never its words, which may quote what was sent. */
function finish(span: Span, attributes: Attributes, error: string | undefined): void {
  span.setAttributes(attributes);
  if (error !== undefined) {
    span.setAttribute('error.type', error);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
