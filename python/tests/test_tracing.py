"""Spans: under the caller's, for the request and for each fetch; nothing of what was asked."""

import logging
import sys

import pytest
from helpers import NOW, Client
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.settings import Settings
from ttai_analysis.tracing import Tracing, start_tracing

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


def test_without_its_packages_the_service_runs_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with caplog.at_level(logging.WARNING):
        assert start_tracing("http://127.0.0.1:4318") is None
    assert "requirements-extras.lock" in caplog.text
