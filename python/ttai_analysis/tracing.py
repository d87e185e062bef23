"""Spans of requests and provider calls, sent over OTLP/HTTP to the collector of the settings.

For: `start_tracing`. OpenTelemetry's SDK is an extra (`tracing`), imported only when asked for:
without a collector nothing is loaded, without the packages the service runs untraced and says so.
Not for: what was asked and answered; no span holds that.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ttai_analysis import __version__
from ttai_analysis.providers.base import Provider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

log = logging.getLogger(__name__)

SERVICE_NAME = "ttai-analysis"
TRACED_CALLS = frozenset({"bars", "quote", "chain", "earnings", "metrics", "news"})
"""The calls that fetch data; the others look something up in memory."""


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
        """Send what waits."""
        self._spans.shutdown()


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
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider)


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
