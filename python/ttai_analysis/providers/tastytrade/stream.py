"""The one stream of the process: connected, watched, connected again, subscribed again.

For: what worker threads want to have fed, and whether they may believe what was fed. Each
connection begins with a new token of its own, and ends before that token does.
Not for: the protocol (dxlink.py). All of it runs on the background loop, except where said.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from httpx2.websockets import HTTPXWSException, WebSocketDisconnect

from ttai_analysis.errors import (
    AuthError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    ServiceError,
)
from ttai_analysis.providers.tastytrade.candles import Candles, Snapshot, deliver
from ttai_analysis.providers.tastytrade.compact import Event
from ttai_analysis.providers.tastytrade.dxlink import DxLink, Timing
from ttai_analysis.providers.tastytrade.live import LiveValues
from ttai_analysis.providers.tastytrade.rest import Rest
from ttai_analysis.providers.tastytrade.values import text

log = logging.getLogger(__name__)

TOKEN_PATH = "/api-quote-tokens"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
TOO_LONG = 1009
MAX_WANTED = 100_000
"""Subscriptions at once, some eight large chains; each is a row of values kept here."""
Entry = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StreamState:
    """For /readyz; seconds. `connections` counts those that were authorised."""

    connected: bool
    connections: int
    silent_for: float | None
    subscriptions: int
    last_error: str | None


class Stream:
    """`values` gets what arrives. Start `keep_running` once on the loop."""

    def __init__(
        self,
        rest: Rest,
        values: LiveValues,
        timing: Timing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest = rest
        self._values = values
        self._timing = timing
        self._clock = clock
        self._link: DxLink | None = None
        self._wanted: dict[Entry, float] = {}
        self._snapshots: list[Snapshot] = []
        self._candle_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._heard_at: float | None = None
        self._connections = 0
        self._last_error: str | None = None
        self._settled = asyncio.Event()

    def is_alive(self) -> bool:
        """Whether what was fed is what there is: connected, and heard from lately. Any thread."""
        heard = self._heard_at
        return (
            self._link is not None
            and heard is not None
            and self._clock() - heard <= self._timing.silence
        )

    def state(self) -> StreamState:
        """For any thread."""
        heard = self._heard_at
        return StreamState(
            connected=self._link is not None,
            connections=self._connections,
            silent_for=None if heard is None else self._clock() - heard,
            subscriptions=len(self._wanted),
            last_error=self._last_error,
        )

    async def want(self, entries: Iterable[Entry]) -> None:
        """Have (type, symbol) fed from now on; what is fed already is noted as still wanted.

        What is wanted beyond MAX_WANTED is not fed: REST answers for it.
        """
        now = self._clock()
        new = []
        for entry in entries:
            if entry not in self._wanted:
                if len(self._wanted) >= MAX_WANTED:
                    continue
                new.append(entry)
            self._wanted[entry] = now
        if new and self._link:
            # A connection that ends just now is followed by one that subscribes to all.
            with contextlib.suppress(HTTPXWSException):
                await self._link.subscribe(new)

    async def drop_unwanted(self, older_than: float) -> None:
        """Stop the feed of what nobody has wanted for so many seconds."""
        limit = self._clock() - older_than
        old = [entry for entry, wanted_at in self._wanted.items() if wanted_at < limit]
        for entry in old:
            del self._wanted[entry]
        if not old:
            return
        still = {symbol for _, symbol in self._wanted}
        self._values.forget({symbol for _, symbol in old} - still)
        if self._link:
            with contextlib.suppress(HTTPXWSException):
                await self._link.unsubscribe(old)

    async def candles(self, symbol: str, from_time: int) -> Candles:
        """The candles of `symbol` (with its interval) since `from_time`, ms since 1970.

        Raises ProviderUnavailableError without a connection or when it ends meanwhile; the caller
        sets the deadline. A part of a history is never given for the whole.
        """
        lock = self._candle_locks.setdefault(symbol, asyncio.Lock())
        async with lock:
            link = await self._connected()
            snapshot = Snapshot(symbol)
            self._snapshots.append(snapshot)
            try:
                await link.subscribe([("Candle", symbol)], from_time=from_time)
                await snapshot.done
            finally:
                self._snapshots.remove(snapshot)
                if self._link is link:
                    with contextlib.suppress(HTTPXWSException):
                        await link.unsubscribe([("Candle", symbol)])
            return snapshot.candles()

    async def keep_running(self) -> None:
        """Connect, and again whenever the connection ends; does not return."""
        failures = 0
        while True:
            before = self._connections
            error = await self._one_connection()
            self._end(error)
            failures = 1 if self._connections > before else failures + 1
            await asyncio.sleep(self._backoff(failures, error))

    async def _one_connection(self) -> ServiceError | None:
        """Why it ended; None for the end of its token's life."""
        problem: ServiceError | None = None
        try:
            quote_token = await self._rest.get(TOKEN_PATH)
            url, token = text(quote_token.get("dxlink-url")), text(quote_token.get("token"))
            if not url or not token:
                return ProviderError("tastytrade gave no token for its stream.")
            async with self._rest.http.websocket(
                url,
                keepalive_ping_interval_seconds=None,
                max_message_size_bytes=MAX_MESSAGE_BYTES,
            ) as socket:
                # Caught inside: what leaves the websocket's context comes in a group.
                try:
                    link = DxLink(socket, self._take, self._heard, self._timing)
                    await link.open(token)
                    await self._serve(link)
                except (ServiceError, HTTPXWSException) as error:
                    problem = _as_service_error(error)
        except ServiceError as error:
            problem = error
        except Exception as error:
            problem = problem or _as_service_error(error)
        return problem

    async def _serve(self, link: DxLink) -> None:
        self._link = link
        self._connections += 1
        self._last_error = None
        await link.subscribe(list(self._wanted))
        self._settled.set()
        beat = asyncio.create_task(link.keep_alive())
        try:
            async with asyncio.timeout(self._timing.token_life) as life:
                await link.listen()
        except TimeoutError:
            if not life.expired():
                raise
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _connected(self) -> DxLink:
        await self._settled.wait()
        if self._link is None:
            raise ProviderUnavailableError(
                f"The stream of market data is not connected. {self._last_error or ''}".strip()
            )
        return self._link

    def _take(self, kind: str, event: Event) -> None:
        if kind == "Candle":
            deliver(event, self._snapshots)
        else:
            self._values.take(kind, event)

    def _heard(self) -> None:
        self._heard_at = self._clock()

    def _end(self, error: ServiceError | None) -> None:
        self._link = None
        # Nothing feeds them any more: they must not be taken for the present market.
        self._values.forget()
        if error is None:
            self._settled.clear()
        else:
            self._last_error = f"{error.code}: {error.message}"
            log.warning("the stream ended: %s", self._last_error)
            self._settled.set()
        for snapshot in self._snapshots:
            if not snapshot.done.done():
                snapshot.done.set_exception(
                    ProviderUnavailableError("The stream ended before the history was complete.")
                )

    def _backoff(self, failures: int, error: ServiceError | None) -> float:
        if error is None:
            return 0.0
        if isinstance(error, AuthError) and failures > 1:
            return self._timing.backoff_after_refusal
        pause = min(
            self._timing.longest_backoff, self._timing.first_backoff * 2.0 ** (failures - 1)
        )
        return pause * (0.5 + 0.5 * random.random())


def _as_service_error(error: Exception) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, WebSocketDisconnect):
        if error.code == TOO_LONG:
            return ProviderError("The stream was closed: a message was too long (1009).")
        return ProviderUnavailableError(f"The stream was closed with {error.code}.")
    if isinstance(error, TimeoutError):
        return ProviderTimeoutError("The stream could not be opened in time.")
    return ProviderUnavailableError(f"The stream cannot be reached ({type(error).__name__}).")
