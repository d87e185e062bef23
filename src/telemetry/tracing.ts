/**
 * Traces on and off. Off, which is the default, nothing of OpenTelemetry is loaded; on, spans go to a collector over
 * OTLP/HTTP, in batches. The standard's variables (`OTEL_*`) mean what they mean everywhere.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Sampler, SpanExporter } from '@opentelemetry/sdk-trace';
import type { SpanTracer } from './tracer.ts';

type Sdk = typeof import('@opentelemetry/sdk-trace');
type Environment = Readonly<Record<string, string | undefined>>;

export interface Tracing {
  readonly tracer: SpanTracer;
  /** Sends what waits, for at most a second. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  env: Environment;
  /** Told when spans can't be sent, once until they can again. */
  onError: (error: Error) => void;
  /** Told when they can. */
  onRecovered?: () => void;
}

const STOP_WITHIN_MS = 1_000;
const SEND_EVERY_MS = 5_000;
/** What waits beyond is dropped: a collector that is away must not cost memory without end. */
const MAX_WAITING_SPANS = 8_192;

/** Loads OpenTelemetry, and traces to the collector at this base URL. Throws on an unknown sampler. */
export async function startTracing(endpoint: string, options: TracingOptions): Promise<Tracing> {
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  return traceInto(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }), options);
}

/** Traces into an exporter: a test has one of its own. */
export async function traceInto(exporter: SpanExporter, options: TracingOptions): Promise<Tracing> {
  const { env } = options;
  const [sdk, resources, { SpanTracer }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('./tracer.ts'),
  ]);
  const { resourceAttributesEnvDetector, serviceNameEnvDetector } = resources;
  const fromEnvironment = resources.detectResources({
    detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector],
  });
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': 'ttai' }).merge(fromEnvironment),
    sampler: samplerOf(sdk, env),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: tellingOnce(exporter, options),
        maxQueueSize: MAX_WAITING_SPANS,
        scheduledDelayMillis: Number(env.OTEL_BSP_SCHEDULE_DELAY || SEND_EVERY_MS),
      }),
    ],
  });
  return {
    tracer: new SpanTracer(provider.getTracer('ttai')),
    stop: () => Promise.race([provider.shutdown(), delay(STOP_WITHIN_MS, undefined, { ref: false })]),
  };
}

function tellingOnce(
  exporter: SpanExporter,
  { onError, onRecovered }: Pick<TracingOptions, 'onError' | 'onRecovered'>,
): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error && !failing) onError(result.error);
        if (!result.error && failing) onRecovered?.();
        failing = result.error !== undefined;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** The samplers that the standard names. A step follows its cause in any case but `always_*` and `traceidratio`. */
function samplerOf(sdk: Sdk, env: Environment): Sampler {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on';
  const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG || 1);
  const [, parentBased, kind] = /^(parentbased_)?(.*)$/.exec(name) ?? [];
  const samplers: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(ratio),
  };
  const make = samplers[kind ?? ''];
  if (!make || !(ratio >= 0 && ratio <= 1)) {
    throw new RangeError(
      `OTEL_TRACES_SAMPLER is "${name}" with OTEL_TRACES_SAMPLER_ARG "${env.OTEL_TRACES_SAMPLER_ARG ?? ''}": ` +
        `the samplers are ${Object.keys(samplers).join(', ')}, each also with "parentbased_" before it, and the ` +
        'argument is a share from 0 to 1.',
    );
  }
  return parentBased === undefined ? make() : new sdk.ParentBasedSampler({ root: make() });
}
