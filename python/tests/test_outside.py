"""What strangers can do to the process: nothing that holds it up, grows it or writes its log."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
import uvicorn
from helpers import BASE, NOW, Client, error_of, parse

from ttai_analysis.__main__ import OneLineFormatter
from ttai_analysis.app import create_app
from ttai_analysis.chart import service as chart_service
from ttai_analysis.context import ServiceContext
from ttai_analysis.errors import ProviderUnavailableError
from ttai_analysis.providers.base import ProviderState
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.settings import Settings
from ttai_analysis.web import connection, middleware
from ttai_analysis.web.connection import BoundedConnection

CHART = {"symbol": "AAPL"}


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Of a service behind real sockets."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(ServiceContext(Settings(as_of=NOW)))
    server = _Server(uvicorn.Config(app, http=BoundedConnection, lifespan="off", log_config=None))
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    assert server.listening.wait(10)
    yield listener.getsockname()
    server.should_exit = True
    thread.join(10)


def _said(address: tuple[str, int], sent: bytes) -> bytes:
    """What comes back until the other side closes the connection."""
    with socket.create_connection(address, timeout=10) as connected:
        connected.sendall(sent)
        found = b""
        while part := connected.recv(65_536):
            found += part
    return found


@pytest.mark.parametrize(
    "sent", [b"", b"POST /quotes HTT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"]
)
def test_a_head_that_does_not_end_is_not_waited_for(
    address: tuple[str, int], sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.05)
    with suppress(ConnectionResetError):
        assert _said(address, sent) == b""


def test_a_body_that_does_not_arrive_is_not_waited_for(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.05)
    head = b"POST /quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n"
    late = _said(address, head + b"\r\n{")
    assert b" 408 " in late
    assert b'"code":"REQUEST_TIMEOUT"' in late
    monkeypatch.undo()
    hurried = _said(address, head + b"X-Deadline-Ms: 50\r\n\r\n{")
    assert b'"code":"PROVIDER_TIMEOUT"' in hurried
    assert b"connection: close" in late.lower()
    assert b"connection: close" in hurried.lower()


@pytest.mark.parametrize(
    "sent", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n"]
)
def test_what_is_no_http_has_the_envelope(address: tuple[str, int], sent: bytes) -> None:
    answer = _said(address, sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in answer
    assert b'{"error":{"code":"VALIDATION_ERROR"' in answer


def test_one_connection_too_many_is_closed(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 1)
    with httpx.Client(base_url="http://{}:{}".format(*address)) as first:
        assert first.get("/healthz").status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get("http://{}:{}/healthz".format(*address))
        assert first.get("/healthz").status_code == 200


@pytest.mark.parametrize("deadline", ["1" + "0" * 400, "9" * 18, "1" + "0" * 5000])
def test_a_deadline_beyond_all_measure_is_no_fault_of_ours(client: Client, deadline: str) -> None:
    response = client.post("/quotes", {"symbols": ["SPY"]}, headers={"x-deadline-ms": deadline})
    assert response.status_code in (200, 400)


def test_bodies_together_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "MAX_HELD_BYTES", 1_000)
    for _ in range(2):
        response = client.post("/quotes", {"symbols": ["SPY"] * 400})
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")
        assert error_of(response)["code"] == "RATE_LIMIT"
    assert client.post("/quotes", {"symbols": ["SPY"]}).status_code == 200


def test_impatient_callers_make_no_threads_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not wait is answered; what works on keeps its place, and the health is told."""
    go_on, begun, lock = threading.Event(), [0], threading.Lock()

    def slow(*_: object) -> None:
        with lock:
            begun[0] += 1
        go_on.wait(30)
        raise ProviderUnavailableError("at last")

    monkeypatch.setattr(chart_service, "analyze_chart", slow)
    app = create_app(ServiceContext(Settings(as_of=NOW)))

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:

            async def impatient() -> str:
                answer = await http.post(
                    "/analyze/chart", json=CHART, headers={"x-deadline-ms": "300"}
                )
                return str(error_of(answer)["code"])

            try:
                for _ in range(2):
                    told = await asyncio.gather(*(impatient() for _ in range(60)))
                    assert set(told) == {"PROVIDER_TIMEOUT"}
                    assert (await http.get("/healthz")).status_code == 200
                    assert (await http.get("/market/clock")).status_code == 200
                assert begun[0] <= middleware.MAX_AT_ONCE
            finally:
                go_on.set()
            answer = await http.post("/analyze/chart", json=CHART)
            assert error_of(answer)["message"] == "at last"

    asyncio.run(ask())


def test_what_the_end_of_the_service_cuts_off_has_the_envelope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        begun.set()
        go_on.wait(30)

    monkeypatch.setattr(chart_service, "analyze_chart", slow)
    app = create_app(ServiceContext(Settings(as_of=NOW)))

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            call = asyncio.create_task(http.post("/analyze/chart", json=CHART))
            try:
                assert await asyncio.to_thread(begun.wait, 20)
                call.cancel()
                response = await call
            finally:
                go_on.set()
        error = error_of(response)
        assert (response.status_code, error["code"]) == (503, "PROVIDER_UNAVAILABLE")

    asyncio.run(ask())


def test_a_message_cannot_look_like_a_line_of_the_log() -> None:
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, "%s", ("/a\n2026-01-01 ERROR \x1b[2Jevil\u2028é",), None
    )
    written = OneLineFormatter("%(levelname)s %(message)s").format(record)
    assert written == "INFO /a\\n2026-01-01 ERROR \\x1b[2Jevil\\u2028é"


def test_the_end_of_the_service_is_the_end_of_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []
    monkeypatch.setattr(SimulatedProvider, "close", lambda provider: closed.append(provider))
    context = ServiceContext(Settings(as_of=NOW))
    context.close()
    assert closed == []
    provider = context.provider
    context.close()
    assert closed == [provider]


def test_readyz_tells_starting_from_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ServiceContext(Settings(as_of=NOW))
    client = Client(create_app(context))

    def told() -> tuple[int, str]:
        answer = client.get("/readyz")
        return answer.status_code, parse(answer)["status"]

    assert told() == (503, "starting")
    assert context.provider.knows("AAPL")
    assert told() == (200, "ready")
    refused = ProviderState(ready=False, detail={"breaker": "open"})
    monkeypatch.setattr(SimulatedProvider, "state", lambda *_: refused)
    assert told() == (503, "unavailable")
