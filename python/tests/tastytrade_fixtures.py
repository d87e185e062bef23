"""What the tests of the tastytrade provider share: a server, providers with short waits."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from helpers import NOW
from tastytrade_server import REFRESH, SECRET, TastytradeServer

from ttai_analysis.providers.tastytrade import stream
from ttai_analysis.providers.tastytrade.dxlink import Timing
from ttai_analysis.providers.tastytrade.gateway import Waits
from ttai_analysis.providers.tastytrade.live import LiveRow
from ttai_analysis.providers.tastytrade.provider import TastytradeProvider
from ttai_analysis.settings import TastytradeSettings
from ttai_analysis.timestamps import pinned_clock

SOON = Timing(first_backoff=0.01, longest_backoff=0.05, backoff_after_refusal=0.05)
Connect = Callable[..., TastytradeProvider]


@pytest.fixture
def server() -> Iterator[TastytradeServer]:
    with TastytradeServer() as running:
        yield running


@pytest.fixture
def connect(server: TastytradeServer) -> Iterator[Connect]:
    """Makes providers; `pauses` collects what they would have slept between attempts."""
    made: list[TastytradeProvider] = []

    def make(
        *,
        timing: Timing = SOON,
        candles: float = 15.0,
        live: float = 15.0,
        pauses: list[float] | None = None,
        seconds: Callable[[], float] | None = None,
    ) -> TastytradeProvider:
        async def note(pause: float) -> None:
            if pauses is not None:
                pauses.append(pause)

        waits = Waits(candles=candles, live=live, sleep=note, timing=timing)
        settings = TastytradeSettings(SECRET, REFRESH, server.url)
        clock = pinned_clock(NOW)
        provider = TastytradeProvider(settings, clock, waits, seconds or time.monotonic)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


class _SetWhenLogged(logging.Handler):
    def __init__(self, event: threading.Event) -> None:
        super().__init__()
        self._event = event

    def emit(self, record: logging.LogRecord) -> None:
        self._event.set()


@pytest.fixture
def stream_ended() -> Iterator[threading.Event]:
    """Set when a stream has ended and what it had fed is forgotten: it is logged then."""
    event = threading.Event()
    logger, handler = logging.getLogger(stream.__name__), _SetWhenLogged(event)
    logger.addHandler(handler)
    yield event
    logger.removeHandler(handler)


def live_row(
    provider: TastytradeProvider, symbol: str, enough: Callable[[LiveRow], bool] | None = None
) -> LiveRow:
    """The fed row, once there is one (that is `enough`)."""
    wanted = enough or (lambda row: row.quoted_at is not None and row.price is not None)
    found = provider.live_values.wait_for([symbol], wanted, 20.0)
    assert symbol in found, "nothing was fed"
    return found[symbol]


def with_timing(**changes: float) -> Timing:
    return replace(SOON, **changes)
