"""What is said of a moment does not change when the bars after it are removed or garbled.

A thousand random moments over the real bars of ../shared, or over bars that the simulated market
wrote into a folder where that is absent.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from helpers import NOW, SHARED_DATA

from ttai_analysis.chart.service import analyze_chart
from ttai_analysis.market.service import market_data, quotes
from ttai_analysis.models.chart import ChartRequest
from ttai_analysis.models.common import Model
from ttai_analysis.models.market_data import MarketDataRequest, QuotesRequest
from ttai_analysis.models.options import Constraints, OptionsRequest, Strategy
from ttai_analysis.options.service import analyze_options
from ttai_analysis.providers.base import FloatArray
from ttai_analysis.providers.files.bars import DailyFile
from ttai_analysis.providers.files.provider import FilesProvider
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.timestamps import date_from_ordinal

MOMENTS = 1000
SYMBOLS = ("SPY", "IBM", "QQQ", "BAC", "GOOG")
LONG_ENOUGH = 30
COLUMNS = ("open", "high", "low", "close", "volume")
GOOG_DAY = datetime(2015, 12, 24, 18, 0, tzinfo=UTC)
STRATEGIES: tuple[Strategy, ...] = (
    "csp", "covered_call", "bull_put_spread", "bear_call_spread", "iron_condor",
)  # fmt: skip


class Altered(FilesProvider):
    """A folder whose bars after `last_day` are gone, or hold other numbers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.last_day: int | None = None
        self.garble: str | None = None

    def _file(self, symbol: str) -> DailyFile:
        file = super()._file(symbol)
        if self.last_day is None:
            return file
        stop = int(np.searchsorted(file.days, self.last_day, side="right"))
        if self.garble is None:
            columns = {name: getattr(file, name)[:stop] for name in ("days", *COLUMNS)}
        else:
            columns = {name: self._garbled(getattr(file, name), stop) for name in COLUMNS}
        adj_close = None if file.adj_close is None else file.adj_close[: columns["close"].size]
        return replace(file, **columns, adj_close=adj_close)

    def _garbled(self, column: FloatArray, stop: int) -> FloatArray:
        garbled = column.copy()
        if self.garble == "nan":
            garbled[stop:] = np.nan
        elif self.garble == "tenfold":
            garbled[stop:] *= 10.0
        else:
            garbled[stop:] = garbled[stop:][::-1]
        return garbled


@pytest.fixture(scope="module")
def bars_folder(
    tmp_path_factory: pytest.TempPathFactory, market: SimulatedProvider
) -> Iterator[Path]:
    if SHARED_DATA.is_dir():
        yield SHARED_DATA / "market"
        return
    folder = tmp_path_factory.mktemp("market")
    (folder / "bars").mkdir()
    for symbol in SYMBOLS:
        bars = market.bars(symbol, "daily", "10y", NOW, adjusted=True)
        days = bars.timestamps // 86_400
        rows = zip(days.tolist(), *(getattr(bars, name).tolist() for name in COLUMNS), strict=True)
        lines = [f"{date_from_ordinal(day)},{','.join(map(str, row))}" for day, *row in rows]
        text = "\n".join(["date,open,high,low,close,volume", *lines])
        (folder / "bars" / f"{symbol}.csv").write_text(text)
    yield folder


def _moments(folder: Path) -> list[tuple[str, datetime, int]]:
    """Symbol, moment and the last day whose bar was complete by then."""
    provider, random = FilesProvider(folder), np.random.default_rng(20)
    found = []
    for _ in range(MOMENTS):
        symbol = SYMBOLS[int(random.integers(len(SYMBOLS)))]
        days = provider._file(symbol).days
        day = int(days[int(random.integers(LONG_ENOUGH, days.size - 1))])
        hour, minute = int(random.integers(24)), int(random.integers(60))
        moment = datetime.combine(date_from_ordinal(day), datetime.min.time(), UTC)
        moment += timedelta(hours=hour, minutes=minute)
        found.append((symbol, moment, provider._last_closed_day(moment)))
    return found


def _answers(provider: FilesProvider, symbol: str, moment: datetime, *, more: bool) -> list[str]:
    answers: list[Model] = [analyze_chart(ChartRequest(symbol=symbol), provider, moment)]
    if more:
        weekly = MarketDataRequest(symbol=symbol, timeframe="weekly")
        _, found, _ = quotes(QuotesRequest(symbols=[symbol]), provider, moment)
        answers += [
            analyze_options(OptionsRequest(symbol=symbol), provider, moment),
            market_data(weekly, provider, moment),
            *found.values(),
        ]
    return [answer.model_dump_json() for answer in answers]


def test_a_thousand_moments(bars_folder: Path) -> None:
    whole, altered = FilesProvider(bars_folder), Altered(bars_folder)
    kinds = ("nan", "tenfold", "reversed")
    decided = 0
    for number, (symbol, moment, last_day) in enumerate(_moments(bars_folder)):
        more = number % 5 == 0
        truth = _answers(whole, symbol, moment, more=more)
        altered.last_day = last_day
        for garble in (None, kinds[number % 3]):
            altered.garble = garble
            told = _answers(altered, symbol, moment, more=more)
            assert told == truth, (symbol, moment, garble)
        decided += '"recommendation":"reject"' not in truth[0]
    assert decided > 0.3 * MOMENTS, "most moments must have something to say"


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_options_on_the_real_chain(bars_folder: Path, strategy: Strategy) -> None:
    whole, altered = FilesProvider(bars_folder), Altered(bars_folder)
    request = OptionsRequest(
        symbol="GOOG", strategy=strategy, constraints=Constraints(unknown_earnings="warn")
    )
    truth = analyze_options(request, whole, GOOG_DAY)
    assert truth.recommendation == "select"
    altered.last_day = whole._last_closed_day(GOOG_DAY)
    for garble in (None, "nan", "tenfold", "reversed"):
        altered.garble = garble
        assert analyze_options(request, altered, GOOG_DAY) == truth, garble
