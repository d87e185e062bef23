"""Spans of requests and provider calls, sent over OTLP/HTTP to the collector of the settings.

For: `start_tracing`. OpenTelemetry's SDK is an extra (`tracing`), imported only when asked for:
without a collector nothing is loaded, without the packages the service runs untraced and says so.
Not for: what was asked and answered; no span holds that.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ttai_analysis import __version__
from ttai_analysis.providers.base import Provider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Tracer

log = logging.getLogger(__name__)

SERVICE_NAME = "ttai-analysis"
STOP_WITHIN_SECONDS = 0.5
MAX_WAITING_SPANS, MAX_BATCH_SPANS, SEND_WITHIN_MS = 8_192, 512, 10_000
"""What waits beyond is dropped: a collector that is away must not cost memory without end."""
TRACED_CALLS = frozenset({"bars", "quote", "chain", "earnings", "metrics", "news"})
"""The calls that fetch data; the others look something up in memory."""
TALKATIVE = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
"""Loggers of the SDK that repeat themselves while a collector is away."""


class Tracing:
    """Wraps what is to be traced; see the module."""

    def __init__(self, provider: TracerProvider) -> None:
        self._spans = provider
        self._tracer: Tracer = provider.get_tracer("ttai_analysis", __version__)

    def requests(self, app: ASGIApp) -> ASGIApp:
        """The application with a span for each request, under the caller's `traceparent`."""
        return _TracedRequests(app, self._tracer)

    def calls(self, provider: Provider) -> Provider:
        """The provider with a span for each call that fetches data."""
        return cast(Provider, _TracedProvider(provider, self._tracer))

    def stop(self) -> None:
        """Send what waits, for at most half a second: the collector may be away."""
        sending = threading.Thread(target=self._spans.shutdown, daemon=True)
        sending.start()
        sending.join(STOP_WITHIN_SECONDS)


def start_tracing(endpoint: str | None) -> Tracing | None:
    """Begin to trace; None without a collector, or without the packages of the extra."""
    if endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME as NAME
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        log.warning(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed (%s): "
            "no traces from here. Install requirements-extras.lock.",
            error.name,
        )
        return None
    resource = Resource({NAME: SERVICE_NAME}).merge(OTELResourceDetector().detect())
    # Ended by `stop`, which does not wait as long as the SDK's own end would.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    # Given, as the server gives its own: the SDK trips over wrong ones in the environment.
    batches = BatchSpanProcessor(
        telling_once(exporter, endpoint),
        max_queue_size=MAX_WAITING_SPANS,
        max_export_batch_size=MAX_BATCH_SPANS,
        export_timeout_millis=SEND_WITHIN_MS,
    )
    provider.add_span_processor(batches)
    return Tracing(provider)


def telling_once(exporter: SpanExporter, endpoint: str) -> SpanExporter:
    """The exporter, with one line when it fails and one when it is well again.

    The SDK says it at each attempt of each batch, which fills a log while a collector is away.
    """
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)

    class TellingOnce(SpanExporter):
        failing = False

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            try:
                result = exporter.export(spans)
            except Exception:
                result = SpanExportResult.FAILURE
            failed = result is not SpanExportResult.SUCCESS
            if failed and not self.failing:
                log.warning(
                    "Traces can't be sent to %s. They are dropped until they can; "
                    "nothing more is said of it meanwhile.",
                    endpoint,
                )
            elif self.failing and not failed:
                log.warning("Traces are sent to %s again.", endpoint)
            self.failing = failed
            return result

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return TellingOnce()


class _TracedRequests:
    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._app = app
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, StatusCode

        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        method = scope["method"]
        with self._tracer.start_as_current_span(
            method,
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
        ) as span:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    # The router notes in the scope which route it took; other paths are free text.
                    route = getattr(scope.get("route"), "path", None)
                    span.update_name(f"{method} {route}" if route else method)
                    span.set_attribute("http.response.status_code", status)
                    if route:
                        span.set_attribute("http.route", route)
                    if status >= 500:
                        span.set_attribute("error.type", str(status))
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await self._app(scope, receive, send_and_note)


class _TracedProvider:
    def __init__(self, provider: Provider, tracer: Tracer) -> None:
        self._provider = provider
        self._tracer = tracer

    def __getattr__(self, name: str) -> object:
        attribute: object = getattr(self._provider, name)
        if name not in TRACED_CALLS:
            return attribute
        call = cast(Callable[..., object], attribute)

        @functools.wraps(call)
        def traced(*arguments: object, **named: object) -> object:
            with self._tracer.start_as_current_span(
                f"provider {name}",
                attributes={"ttai.provider": self._provider.name},
                record_exception=False,
                set_status_on_exception=False,
            ) as span:
                try:
                    return call(*arguments, **named)
                except Exception as error:
                    span.set_attribute("error.type", type(error).__name__)
                    raise

        return traced
