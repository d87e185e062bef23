"""One connection of a client: how long it may take to say what it wants, and how many there are.

For: what must be bounded before there is a request. Not for: requests (middleware.py).
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ttai_analysis.errors import InvalidRequestError
from ttai_analysis.web.responses import JSON_TYPE, error_bytes

HEAD_SECONDS = 10.0
"""For the head of a request, from the connection or its first byte on."""
MAX_CONNECTIONS = 1_000
"""Beyond it the newest is closed at once: each may hold an answer that nobody reads."""


class BoundedConnection(H11Protocol):
    """uvicorn's own waits for ever for a request, and answers what is none in plain text."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head of a request."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came; wait on where it is a part of a head only."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        super().connection_lost(exc)
        self._stop_watching()

    def send_400_response(self, msg: str) -> None:
        """The error envelope for what is no HTTP request."""
        body = error_bytes(InvalidRequestError(msg))
        headers = [
            (b"content-type", JSON_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        try:
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
        except h11.LocalProtocolError:
            pass  # an answer is on its way already; it is the last one
        self.transport.close()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_watching()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_watching(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
