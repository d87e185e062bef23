"""One connection that speaks DXLink: handshake, channels, subscriptions, keep-alive, events.

For: the protocol. Nothing here waits without a deadline: a peer that falls silent ends the
connection. Not for: connecting again (stream.py), keeping values (live.py).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ttai_analysis.errors import AuthError, ProviderError, ProviderTimeoutError
from ttai_analysis.providers.tastytrade.compact import (
    CANDLE_FIELDS,
    LIVE_FIELDS,
    Event,
    events_of,
)
from ttai_analysis.providers.tastytrade.values import record, text

VERSION = "0.1-TTAI/1.0"
LIVE_CHANNEL, CANDLE_CHANNEL = 1, 3
CHANNEL_FIELDS: dict[int, Mapping[str, Sequence[str]]] = {
    LIVE_CHANNEL: LIVE_FIELDS,
    CANDLE_CHANNEL: CANDLE_FIELDS,
}
CHUNK = 500
"""Entries in one subscription message; the server closes with 1009 on one that is too long."""
SERVER_TIMEOUT_SECONDS = 60
"""The server closes when it hears nothing for so long."""

OnEvent = Callable[[str, Event], None]
Sleep = Callable[[float], Awaitable[None]]


class Socket(Protocol):
    """What is used of a websocket."""

    async def receive_text(self, timeout: float | None = None) -> str:
        """The next message; TimeoutError when there is none in time."""
        ...

    async def send_text(self, data: str) -> None:
        """Send a message."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; the tests' are smaller."""

    handshake: float = 10.0
    keep_alive: float = 30.0
    silence: float = 75.0
    """The server sends KEEPALIVE too: nothing at all for so long means that nobody is there."""
    first_backoff: float = 1.0
    longest_backoff: float = 60.0
    backoff_after_refusal: float = 600.0
    token_life: float = 23 * 3600.0


class DxLink:
    """`on_event` and `on_message` are called on the loop's thread, for each event and message."""

    def __init__(
        self,
        socket: Socket,
        on_event: OnEvent,
        on_message: Callable[[], None],
        timing: Timing,
    ) -> None:
        self._socket = socket
        self._on_event = on_event
        self._on_message = on_message
        self._timing = timing
        self._fields = dict(CHANNEL_FIELDS)

    async def open(self, token: str) -> None:
        """Authorise and open both channels. Raises AuthError, ProviderTimeoutError."""
        try:
            async with asyncio.timeout(self._timing.handshake):
                await self._authorise(token)
                for channel in CHANNEL_FIELDS:
                    await self._open_channel(channel)
        except TimeoutError as error:
            raise ProviderTimeoutError("The stream did not finish its handshake.") from error

    async def subscribe(
        self, entries: Iterable[tuple[str, str]], *, from_time: int | None = None
    ) -> None:
        """Begin to receive (type, symbol); candles reach back to `from_time` (ms since 1970)."""
        extra = {} if from_time is None else {"fromTime": from_time}
        await self._change("add", entries, extra)

    async def unsubscribe(self, entries: Iterable[tuple[str, str]]) -> None:
        """Stop to receive (type, symbol)."""
        await self._change("remove", entries, {})

    async def keep_alive(self) -> None:
        """Tell the server every half minute that we are here; does not return."""
        while True:
            await asyncio.sleep(self._timing.keep_alive)
            await self._send(0, "KEEPALIVE")

    async def listen(self) -> None:
        """Hand on events until the connection ends. Raises a ServiceError that says why."""
        while True:
            self._handle(await self._receive(self._timing.silence))

    async def _authorise(self, token: str) -> None:
        await self._send(
            0,
            "SETUP",
            version=VERSION,
            keepaliveTimeout=SERVER_TIMEOUT_SECONDS,
            acceptKeepaliveTimeout=SERVER_TIMEOUT_SECONDS,
        )
        sent = False
        while True:
            message = await self._receive(self._timing.handshake)
            if message.get("type") != "AUTH_STATE":
                self._handle(message)
            elif message.get("state") == "AUTHORIZED":
                return
            elif sent:
                raise AuthError("The stream does not accept its token.")
            else:
                await self._send(0, "AUTH", token=token)
                sent = True

    async def _open_channel(self, channel: int) -> None:
        await self._send(
            channel, "CHANNEL_REQUEST", service="FEED", parameters={"contract": "AUTO"}
        )
        await self._await("CHANNEL_OPENED", channel)
        await self._send(
            channel,
            "FEED_SETUP",
            acceptAggregationPeriod=0.1,
            acceptDataFormat="COMPACT",
            acceptEventFields={kind: list(names) for kind, names in self._fields[channel].items()},
        )
        await self._await("FEED_CONFIG", channel)

    async def _await(self, kind: str, channel: int) -> None:
        while True:
            message = await self._receive(self._timing.handshake)
            self._handle(message)
            if message.get("type") == kind and message.get("channel") == channel:
                return

    def _handle(self, message: Mapping[str, Any]) -> None:
        kind, channel = message.get("type"), message.get("channel")
        if kind == "FEED_DATA" and isinstance(channel, int):
            for name, event in events_of(message.get("data") or [], self._fields.get(channel, {})):
                self._on_event(name, event)
        elif kind == "FEED_CONFIG" and isinstance(channel, int):
            # The server's word on the order of fields counts, not our wish.
            told = {name: list(map(str, names)) for name, names in _fields_told(message).items()}
            self._fields[channel] = {**self._fields.get(channel, {}), **told}
        elif kind == "AUTH_STATE" and message.get("state") != "AUTHORIZED":
            raise AuthError("The stream's token has expired.")
        elif kind == "CHANNEL_CLOSED":
            raise ProviderError("The stream closed a channel.")
        elif kind == "ERROR":
            name = text(message.get("error")) or "UNKNOWN"
            if name == "UNAUTHORIZED":
                raise AuthError("The stream does not accept its token.")
            raise ProviderError(f"The stream reported {name}.", details={"error": name})

    async def _change(
        self, what: str, entries: Iterable[tuple[str, str]], extra: Mapping[str, int]
    ) -> None:
        by_channel: dict[int, list[dict[str, object]]] = {}
        for kind, symbol in entries:
            channel = CANDLE_CHANNEL if kind == "Candle" else LIVE_CHANNEL
            by_channel.setdefault(channel, []).append({"type": kind, "symbol": symbol, **extra})
        for channel, rows in by_channel.items():
            for start in range(0, len(rows), CHUNK):
                await self._send(
                    channel, "FEED_SUBSCRIPTION", **{what: rows[start : start + CHUNK]}
                )

    async def _send(self, channel: int, kind: str, **content: object) -> None:
        message = {"type": kind, "channel": channel, **content}
        await self._socket.send_text(json.dumps(message, separators=(",", ":")))

    async def _receive(self, seconds: float) -> Mapping[str, Any]:
        try:
            message = json.loads(await self._socket.receive_text(seconds))
        except TimeoutError as error:
            raise ProviderTimeoutError(f"The stream was silent for {seconds:g} s.") from error
        except (ValueError, RecursionError) as error:
            raise ProviderError("The stream sent something that is not JSON.") from error
        self._on_message()
        return record(message)


def _fields_told(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: names
        for name, names in record(message.get("eventFields")).items()
        if isinstance(names, list)
    }
