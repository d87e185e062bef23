"""A local tastytrade: REST and DXLink on one port, faithful, and misbehaving where told to.

For: tests that drive the provider over real sockets. Nothing here sleeps: what a test waits for is
an event. What it quotes is in tastytrade_market.py.
"""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from tastytrade_market import METRICS, candles_of, event_of, metrics_of, nested_chain, row_of

SECRET, REFRESH = "a-secret", "a-refresh-token"
WEB_PAGE = "<html><body>Will be right back</body></html>"


def envelope(status: int, code: str, message: str = "No.") -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


UNSAID: dict[str, object] = {
    **dict.fromkeys(["eventTime", "eventFlags", "index", "sequence", "timeNanoPart", "count"], 0),
    **dict.fromkeys(["bidExchangeCode", "askExchangeCode"], "Q"),
}
"""What the feed sends for a field of which it knows nothing, where that is not NaN."""


class TastytradeServer:
    """Start it as a context. The switches are plain attributes; set them before they matter."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.chunks: list[int] = []
        self.stream_log: list[dict[str, Any]] = []
        self.login_count = 0
        self.stream_count = 0
        self.answers: dict[str, list[Response]] = {}
        """Path -> answers that are given once each, before the faithful one."""
        self.refuse_login = False
        self.token_lifetime = 900
        self.withdrawn: set[str] = set()
        self.data_format = "COMPACT"
        self.reorder_fields = False
        self.silent_symbols: set[str] = set()
        self.silent = False
        """Authorises, then never says a word."""
        self.never_authorise = False
        self.close_with: int | None = None
        """Close code for the next subscription; 1009 is 'too long'."""
        self.expire_after_subscription = False
        self.candles_without_end = False
        self.overrides: dict[tuple[str, str], dict[str, object]] = {}
        """(type, symbol) -> fields of the event that differ."""
        self.max_entries = 500
        self._sockets: list[WebSocket] = []
        self._changed = threading.Condition()
        routes = [
            Route("/oauth/token", self._login, methods=["POST"]),
            WebSocketRoute("/stream", self._stream),
            Route("/{path:path}", self._rest, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            host="127.0.0.1",
            port=0,
            log_level="error",
            lifespan="off",
            ws="wsproto",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "TastytradeServer":
        self._thread.start()
        assert self._server.listening.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def wait(self, enough: Callable[["TastytradeServer"], bool]) -> None:
        """Until something that the server has seen makes it true."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self), timeout=20), "it did not happen"

    def subscribed(self, kind: str) -> list[str]:
        """Symbols that were subscribed, over all connections."""
        return [
            entry["symbol"]
            for message in list(self.stream_log)
            for entry in message.get("add", [])
            if entry["type"] == kind
        ]

    def push(self, kind: str, symbol: str, **fields: object) -> None:
        """Send one live event to every connection; returns when it is on its way."""

        async def send() -> None:
            for socket in self._sockets:
                await self._send_events(socket, kind, [self._event(kind, symbol) | fields])

        self._on_loop(send())

    def drop_streams(self, code: int = 1011) -> None:
        """Close every connection."""

        async def close() -> None:
            for socket in list(self._sockets):
                await socket.close(code)

        self._on_loop(close())

    def _on_loop(self, work: Any) -> None:
        assert self._server.loop is not None
        asyncio.run_coroutine_threadsafe(work, self._server.loop).result(10)

    def _note(self, change: Callable[[], object]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    # --- REST ---

    async def _login(self, request: Request) -> Response:
        self._note(lambda: self.requests.append(("POST", request.url.path)))
        self.headers.append(dict(request.headers))
        self.login_count += 1
        once = self._once(request.url.path)
        if once:
            return once
        body = await request.json()
        wanted = {
            "grant_type": "refresh_token",
            "client_secret": SECRET,
            "refresh_token": REFRESH,
        }
        if self.refuse_login or body != wanted:
            return envelope(401, "invalid_credentials", "Invalid login, please check it.")
        return JSONResponse(
            {
                "access_token": f"access-{self.login_count}",
                "token_type": "Bearer",
                "expires_in": self.token_lifetime,
            }
        )

    async def _rest(self, request: Request) -> Response:
        # As sent: a slash in a symbol must arrive escaped.
        path = request.scope["raw_path"].decode().split("?")[0]
        self._note(lambda: self.requests.append((request.method, path)))
        self.headers.append(dict(request.headers))
        once = self._once(path)
        if once:
            return once
        if path == "/margin-requirements-public-configuration":
            return JSONResponse({"data": {"risk-free-rate": "0.04"}, "context": path})
        agent = request.headers.get("user-agent", "")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if "/" not in agent or not token.startswith("access-") or token in self.withdrawn:
            return envelope(401, "token_expired", "This token is expired")
        if path == "/api-quote-tokens":
            url = self.url.replace("http", "ws") + "/stream"
            return _data(path, {"token": "quote-token", "dxlink-url": url, "level": "api"})
        if path == "/market-data/by-type":
            return _data(path, {"items": self._rows(request)})
        if path == "/market-metrics":
            symbols = request.query_params["symbols"].split(",")
            return _data(path, {"items": [metrics_of(item) for item in symbols if item in METRICS]})
        if path == "/option-chains/AAPL/nested":
            return _data(path, {"items": nested_chain()})
        if path == "/market-metrics/historic-corporate-events/dividends/AAPL":
            return _data(path, {"items": [{"occurred-date": "2026-02-09", "amount": "0.26"}]})
        if path.startswith("/market-metrics/historic-corporate-events/"):
            return _data(path, {"items": []})
        return envelope(404, "record_not_found", "Record not found")

    def _once(self, path: str) -> Response | None:
        waiting = self.answers.get(path)
        return waiting.pop(0) if waiting else None

    def _rows(self, request: Request) -> list[dict[str, object]]:
        symbols = [
            (kind, symbol)
            for kind in ("equity", "index", "equity-option")
            for value in request.query_params.getlist(kind)
            for symbol in value.split(",")
        ]
        self.chunks.append(len(symbols))
        return [
            row_of(symbol)
            for kind, symbol in symbols
            if kind == "equity-option" or symbol in ("AAPL", "SPY") or symbol.startswith("BULK")
        ]

    # --- DXLink ---

    async def _stream(self, socket: WebSocket) -> None:
        await socket.accept()
        socket.state.channel_of = {}
        self._sockets.append(socket)
        self._note(lambda: setattr(self, "stream_count", self.stream_count + 1))
        fields: dict[int, dict[str, list[str]]] = {}
        try:
            while True:
                message = await socket.receive_json()
                self._note(partial(self.stream_log.append, message))
                await self._converse(socket, message, fields)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._sockets.remove(socket)

    async def _converse(
        self, socket: WebSocket, message: dict[str, Any], fields: dict[int, dict[str, list[str]]]
    ) -> None:
        kind, channel = message["type"], message["channel"]
        if kind == "SETUP":
            await socket.send_json({**message, "version": "1.0-server"})
            await _auth_state(socket, "UNAUTHORIZED")
        elif kind == "AUTH":
            if self.never_authorise:
                return
            right = message["token"] == "quote-token"
            await _auth_state(socket, "AUTHORIZED" if right else "UNAUTHORIZED")
        elif kind == "CHANNEL_REQUEST":
            await socket.send_json({**message, "type": "CHANNEL_OPENED"})
        elif kind == "FEED_SETUP":
            accepted = message["acceptEventFields"]
            if self.reorder_fields:
                accepted = {name: list(reversed(names)) for name, names in accepted.items()}
            fields[channel] = accepted
            socket.state.fields = fields
            for name in accepted:
                socket.state.channel_of[name] = channel
            told = {"eventFields": accepted} if self.reorder_fields else {}
            await socket.send_json(
                {
                    "type": "FEED_CONFIG",
                    "channel": channel,
                    "dataFormat": self.data_format,
                    "aggregationPeriod": 0.1,
                    **told,
                }
            )
        elif kind == "KEEPALIVE":
            await socket.send_json(message)
        elif kind == "FEED_SUBSCRIPTION":
            await self._subscription(socket, message)

    async def _subscription(self, socket: WebSocket, message: dict[str, Any]) -> None:
        added = message.get("add", [])
        code, self.close_with = self.close_with, None
        if code or len(added) > self.max_entries:
            await socket.close(code or 1009)
            return
        if self.silent:
            return
        by_kind: dict[str, list[dict[str, object]]] = {}
        for entry in added:
            if entry["symbol"] in self.silent_symbols:
                continue
            if entry["type"] == "Candle":
                for part in candles_of(
                    entry["symbol"], entry["fromTime"], ends=not self.candles_without_end
                ):
                    await self._send_events(socket, "Candle", part)
            else:
                event = self._event(entry["type"], entry["symbol"])
                by_kind.setdefault(entry["type"], []).append(event)
        for kind, events in by_kind.items():
            await self._send_events(socket, kind, events)
        if added and self.expire_after_subscription:
            self.expire_after_subscription = False
            await _auth_state(socket, "UNAUTHORIZED")

    def _event(self, kind: str, symbol: str) -> dict[str, object]:
        return event_of(kind, symbol) | self.overrides.get((kind, symbol), {})

    async def _send_events(
        self, socket: WebSocket, kind: str, events: list[dict[str, object]]
    ) -> None:
        channel = socket.state.channel_of[kind]
        data: list[object]
        if self.data_format == "FULL":
            data = [{"eventType": kind, **event} for event in events]
        else:
            names = socket.state.fields[channel][kind]
            data = [
                kind,
                [event.get(name, UNSAID.get(name, "NaN")) for event in events for name in names],
            ]
        await socket.send_json({"type": "FEED_DATA", "channel": channel, "data": data})


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.port = 0

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.port = self.servers[0].sockets[0].getsockname()[1]
        self.listening.set()


async def _auth_state(socket: WebSocket, state: str) -> None:
    await socket.send_json({"type": "AUTH_STATE", "channel": 0, "state": state, "userId": "u"})


def _data(path: str, data: dict[str, object]) -> Response:
    return JSONResponse({"data": data, "context": path})


def web_page() -> Response:
    return HTMLResponse(WEB_PAGE)
