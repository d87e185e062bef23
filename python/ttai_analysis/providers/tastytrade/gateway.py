"""tastytrade as plain functions: the loop, the REST client, the stream and what guards them.

For: one object that worker threads may call; every call has a deadline. Not for: what is asked.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from ttai_analysis.deadline import remaining_seconds
from ttai_analysis.providers.resilience.breaker import Breaker
from ttai_analysis.providers.resilience.upstream import Upstream
from ttai_analysis.providers.tastytrade.candles import Candles
from ttai_analysis.providers.tastytrade.dxlink import Timing
from ttai_analysis.providers.tastytrade.live import LiveRow, LiveValues
from ttai_analysis.providers.tastytrade.loop import BackgroundLoop
from ttai_analysis.providers.tastytrade.rest import Parameters, Rest, Sleep
from ttai_analysis.providers.tastytrade.stream import Entry, Stream
from ttai_analysis.settings import TastytradeSettings
from ttai_analysis.timestamps import Clock, format_rfc3339

T = TypeVar("T")

REQUESTS_PER_SECOND, BURST = 4.0, 20
UNWANTED_AFTER_SECONDS = 1_800.0
SWEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that calls may take, and how to wait between attempts; tests' are short."""

    rest: float = 20.0
    candles: float = 15.0
    live: float = 3.0
    """For the first values of a new subscription; then REST answers."""
    sleep: Sleep = asyncio.sleep
    timing: Timing = field(default_factory=Timing)


class Gateway:
    """Connects at once, in the background. `seconds` is a steady clock."""

    def __init__(
        self,
        settings: TastytradeSettings,
        clock: Clock,
        waits: Waits,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._waits = waits
        self._seconds = seconds
        self._loop = BackgroundLoop("tastytrade")
        self._upstream = self._guarded("tastytrade")
        # By itself: while the stream is down, REST still answers.
        self._history = self._guarded("tastytrade's stream")
        # By itself: an account that is refused must not take the market's data away.
        self._accounts = self._guarded("tastytrade's accounts")
        self.values = LiveValues(clock)
        self._rest, self._stream = self._loop.run(self._make(settings), waits.rest)
        self._loop.start(self._stream.keep_running())
        self._loop.start(self._sweep())

    def get(
        self,
        key: Hashable,
        keep_seconds: float,
        path: str,
        parameters: Parameters | None = None,
        *,
        public: bool = False,
    ) -> dict[str, object]:
        """The `data` of a GET, kept for so long under `key`. Raises a ServiceError."""
        if not public:
            # Before the breaker, which would say no more than that it is open.
            self._rest.token.refuse_if_refused()
        return self._upstream.get(
            key,
            keep_seconds,
            lambda: self._loop.run(
                self._rest.get(path, parameters, public=public), self._waits.rest
            ),
        )

    def get_of_account(self, path: str) -> dict[str, object]:
        """The `data` of a GET that is of the customer and not of the market, asked anew."""
        self._rest.token.refuse_if_refused()
        return self._accounts.get(
            object(), 0.0, lambda: self._loop.run(self._rest.get(path), self._waits.rest)
        )

    def get_many(
        self,
        kind: str,
        names: Sequence[str],
        keep_seconds: float,
        fetch: Callable[[Sequence[str]], tuple[str, Parameters]],
        read: Callable[[dict[str, object]], Mapping[str, T]],
        *,
        at_once: int,
    ) -> dict[str, T | None]:
        """Names with what `read` finds of them in the answers to `fetch` (path, parameters)."""
        self._rest.token.refuse_if_refused()

        def ask(some: Sequence[str]) -> Mapping[str, T]:
            path, parameters = fetch(some)
            return read(self._loop.run(self._rest.get(path, parameters), self._waits.rest))

        return self._upstream.get_many(kind, names, keep_seconds, ask, at_once=at_once)

    def candles(self, key: Hashable, keep_seconds: float, symbol: str, from_time: int) -> Candles:
        """History over the stream, complete or not at all, kept under `key`."""
        self._rest.token.refuse_if_refused()
        return self._history.get(
            key,
            keep_seconds,
            lambda: self._loop.run(self._stream.candles(symbol, from_time), self._waits.candles),
        )

    def want(self, entries: Collection[Entry]) -> None:
        """Have (type, symbol) fed from now on."""
        self._loop.run(self._stream.want(entries), self._waits.rest)

    def stream_is_alive(self) -> bool:
        """Whether `values` are the present market."""
        return self._stream.is_alive()

    def wait_live(
        self, symbols: Collection[str], enough: Callable[[LiveRow], bool]
    ) -> dict[str, LiveRow]:
        """Fed rows that are `enough`: all of them, or those that came in time; none when dead."""
        if not self.stream_is_alive():
            return {}
        # No longer than half of what the request has left: REST answers for the rest.
        seconds = min(self._waits.live, 0.5 * remaining_seconds(2.0 * self._waits.live))
        found = self.values.wait_for(symbols, enough, seconds)
        return found if self.stream_is_alive() else {}

    def is_ready(self) -> bool:
        """Logged in, and not left alone by the breaker."""
        return self._rest.token.state().logged_in and self._upstream.detail()["breaker"] != "open"

    def is_starting(self) -> bool:
        """The first login is under way."""
        token, stream = self._rest.token.state(), self._stream.state()
        failed = (
            token.refused or stream.last_error or self._upstream.detail()["breaker"] != "closed"
        )
        return not token.logged_in and not failed

    def detail(self) -> dict[str, object]:
        """For /readyz."""
        token, stream = self._rest.token.state(), self._stream.state()
        until = None
        if token.valid_for is not None:
            until = format_rfc3339(self._clock() + timedelta(seconds=token.valid_for))
        return {
            "tokenValidUntil": until,
            "loginRefused": token.refused,
            "stream": {
                "connected": stream.connected,
                "alive": self.stream_is_alive(),
                "connections": stream.connections,
                "silentSeconds": None if stream.silent_for is None else round(stream.silent_for, 1),
                "subscriptions": stream.subscriptions,
                "lastError": stream.last_error,
                **self.values.counts(),
                "history": self._history.detail(),
            },
            **self._upstream.detail(),
        }

    def close(self) -> None:
        """End the stream and the connections."""
        self._loop.close()

    def _guarded(self, name: str) -> Upstream:
        return Upstream(
            name,
            requests_per_second=REQUESTS_PER_SECOND,
            burst=BURST,
            breaker=Breaker(name, clock=self._seconds),
            clock=self._seconds,
        )

    async def _make(self, settings: TastytradeSettings) -> tuple[Rest, Stream]:
        rest = Rest(settings, clock=self._seconds, sleep=self._waits.sleep)
        return rest, Stream(rest, self.values, self._waits.timing, self._seconds)

    async def _sweep(self) -> None:
        try:
            while True:
                await asyncio.sleep(SWEEP_SECONDS)
                await self._stream.drop_unwanted(UNWANTED_AFTER_SECONDS)
        finally:
            await self._rest.close()
