/**
 * A collector of traces for tests: takes spans over OTLP/HTTP, as JSON (from Node) and as protobuf (from Python), and
 * keeps of each what a tree needs. https://opentelemetry.io/docs/specs/otlp/
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { SeenSpan } from '../src/telemetry/testing/span-tree.ts';

export interface ReceivedSpan extends SeenSpan {
  service: string;
}

export interface OtlpReceiver extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const isJson = request.headers['content-type'] === 'application/json';
    spans.push(...(isJson ? fromJson(body.toString()) : fromProtobuf(body)));
    response.writeHead(200, { 'content-type': request.headers['content-type'] }).end(isJson ? '{}' : '');
  };
  const server = createServer((request, response) => {
    take(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

interface JsonBody {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: {
      spans: {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        links?: { spanId: string }[];
      }[];
    }[];
  }[];
}

function fromJson(body: string): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(body) as JsonBody;
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const name = resource.attributes.find(({ key }) => key === 'service.name');
    return scopeSpans
      .flatMap((scope) => scope.spans)
      .map((span) => ({
        service: name?.value.stringValue ?? '',
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentId: span.parentSpanId || undefined,
        links: span.links?.map((link) => link.spanId) ?? [],
      }));
  });
}

/** By the field numbers of opentelemetry/proto/trace/v1/trace.proto. */
function fromProtobuf(body: Buffer): ReceivedSpan[] {
  return fields(body, 1).flatMap((resourceSpans) => {
    const attributes = fields(resourceSpans, 1).flatMap((resource) => fields(resource, 1));
    const name = attributes.find((attribute) => String(fields(attribute, 1)[0]) === 'service.name');
    const value = name && fields(name, 2).flatMap((any) => fields(any, 1))[0];
    return fields(resourceSpans, 2)
      .flatMap((scope) => fields(scope, 2))
      .map((span) => ({
        service: String(value),
        name: String(fields(span, 5)[0]),
        traceId: fields(span, 1)[0]?.toString('hex') ?? '',
        spanId: fields(span, 2)[0]?.toString('hex') ?? '',
        parentId: fields(span, 4)[0]?.toString('hex') || undefined,
        links: fields(span, 13).map((link) => fields(link, 2)[0]?.toString('hex') ?? ''),
      }));
  });
}

/** The length-delimited fields of this number in a protobuf message. */
function fields(message: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const wireType = key & 7;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else {
      const length = varint();
      if (key >>> 3 === wanted) found.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}
