"""Spans: under the caller's, for the request and for each fetch; nothing of what was asked."""

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers import NOW, Client
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.settings import Settings
from ttai_analysis.tracing import Tracing, start_tracing, telling_once

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER_SPAN_ID = "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE_ID}-{CALLER_SPAN_ID}-01"}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(exporter: InMemorySpanExporter) -> Client:
    spans = TracerProvider()
    spans.add_span_processor(SimpleSpanProcessor(exporter))
    context = ServiceContext(Settings(as_of=NOW))
    context.tracing = Tracing(spans)
    return Client(create_app(context))


def _ids(span: ReadableSpan) -> tuple[str, str, str | None]:
    return (
        f"{span.context.trace_id:032x}",
        f"{span.context.span_id:016x}",
        f"{span.parent.span_id:016x}" if span.parent else None,
    )


def test_request_and_fetches_continue_the_callers_trace(
    traced: Client, exporter: InMemorySpanExporter
) -> None:
    assert traced.post("/analyze/chart", {"symbol": "MSFT"}, headers=CALLER).status_code == 200
    *fetches, request = exporter.get_finished_spans()
    trace_id, request_id, parent = _ids(request)
    assert (request.name, trace_id, parent) == ("POST /analyze/chart", TRACE_ID, CALLER_SPAN_ID)
    assert "provider bars" in {span.name for span in fetches}
    assert {_ids(span)[0] for span in fetches} == {TRACE_ID}
    assert {_ids(span)[2] for span in fetches} == {request_id}
    assert "MSFT" not in str([dict(span.attributes or {}) for span in [*fetches, request]])


def test_a_request_without_a_caller_begins_a_trace(
    traced: Client, exporter: InMemorySpanExporter
) -> None:
    traced.get("/healthz", headers={"traceparent": "nonsense"})
    (request,) = exporter.get_finished_spans()
    assert request.parent is None


def test_failures_are_told_by_their_kind_only(
    traced: Client, exporter: InMemorySpanExporter
) -> None:
    assert traced.post("/analyze/chart", {"symbol": "NOPE"}).status_code == 404
    *_, fetch, request = exporter.get_finished_spans()
    assert (fetch.attributes or {})["error.type"] == "SymbolNotFoundError"
    assert (request.attributes or {})["http.response.status_code"] == 404
    assert request.status.status_code is StatusCode.UNSET
    assert (fetch.events, request.events) == ((), ())


def test_nothing_is_traced_unless_asked() -> None:
    assert start_tracing(None) is None
    assert ServiceContext(Settings(as_of=NOW)).tracing is None


def test_sizes_in_the_environment_do_not_keep_it_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000")
    monkeypatch.setenv("OTEL_BSP_EXPORT_TIMEOUT", "soon")
    tracing = start_tracing("http://127.0.0.1:4318")
    assert tracing is not None
    tracing.stop()


def test_without_its_packages_the_service_runs_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with caplog.at_level(logging.WARNING):
        assert start_tracing("http://127.0.0.1:4318") is None
    assert "requirements-extras.lock" in caplog.text


class _Collector(SpanExporter):
    """Away, or there, as the test says; it talks as much as the SDK's own."""

    def __init__(self) -> None:
        self.away = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if not self.away:
            return SpanExportResult.SUCCESS
        name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
        logging.getLogger(name).error("Failed to export")
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        pass


def test_a_collector_that_is_away_is_told_of_once_until_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    collector = _Collector()
    exporter = telling_once(collector, "http://collector:4318")
    for away in (True, True, True, False, False, True, True):
        collector.away = away
        exporter.export([])
    words = [message.split(".")[0] for message in caplog.messages]
    assert words == [
        "Traces can't be sent to http://collector:4318",
        "Traces are sent to http://collector:4318 again",
        "Traces can't be sent to http://collector:4318",
    ]


@contextmanager
def _silent_collector() -> Iterator[str]:
    """Takes spans and never answers, until the test is over."""
    over = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            over.wait()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        over.set()
        server.shutdown()


def test_the_end_does_not_wait_for_a_collector_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ttai_analysis.tracing.STOP_WITHIN_SECONDS", 0.05)
    with _silent_collector() as endpoint:
        tracing = start_tracing(endpoint)
        assert tracing is not None
        with tracing._tracer.start_as_current_span("waits"):
            pass
        stopped = threading.Thread(target=tracing.stop)
        stopped.start()
        stopped.join(timeout=5)
        assert not stopped.is_alive()
