"""Splits, dividends, and the same bytes however the simulated market is asked."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from helpers import NOW

from ttai_analysis.providers.base import Split
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.timestamps import ordinal_of

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
ASK = """
import json, sys
from datetime import datetime, timedelta
from ttai_analysis.providers.simulated.provider import SimulatedProvider
market, now = SimulatedProvider(seed="test"), datetime.fromisoformat(sys.argv[1])
answer = {}
for symbol in sys.argv[2:]:
    quote, chain = market.quote(symbol, now), market.chain(symbol, now)
    bars = market.bars(symbol, "daily", "1y", now, adjusted=True)
    answer[symbol] = [repr(quote), chain.bid.tolist(), bars.close.tolist(), bars.volume.tolist()]
print(json.dumps(answer))
"""


def split_symbols(market: SimulatedProvider, since: datetime) -> list[tuple[str, Split]]:
    """Listings with a split in the years before NOW."""
    found = []
    for symbol, who in market._prices.roster.position.items():
        for split in market._prices.splits.of(who):
            if since.date() < split.day < (NOW - timedelta(days=30)).date():
                found.append((symbol, split))
    return found


def test_one_symbol_and_a_batch_have_the_same_bytes() -> None:
    together = SimulatedProvider(seed="test")
    for at in (NOW, NOW + timedelta(hours=9, seconds=11), NOW - timedelta(days=900, minutes=7)):
        batch = together.quotes(together.symbols(), at)
        alone = SimulatedProvider(seed="test")
        for symbol in together.symbols()[::7]:
            assert alone.quote(symbol, at) == batch[symbol]
        odd = alone.quotes(together.symbols()[3:200:5], at)
        assert all(batch[symbol] == quote for symbol, quote in odd.items())


def test_the_order_of_questions_and_the_process_do_not_matter() -> None:
    symbols = ["AAPL", "SPY", "KO", "TSLA"]
    outputs = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", ASK, NOW.isoformat(), *order],
                capture_output=True,
                text=True,
                cwd=PACKAGE_FOLDER,
                check=True,
            ).stdout
        )
        for order in (symbols, symbols[::-1])
    ]
    assert outputs[0] == outputs[1]


def test_splits_are_continuous_when_adjusted_and_jump_when_raw(market: SimulatedProvider) -> None:
    cases = split_symbols(market, NOW - timedelta(days=1500))
    assert 20 < len(cases) < 200
    for symbol, split in cases[:30]:
        ratio = split.numerator / split.denominator
        at = datetime(split.day.year, split.day.month, split.day.day, 22, tzinfo=UTC)
        at += timedelta(days=10)
        raw = market.bars(symbol, "daily", "3mo", at, adjusted=False)
        adjusted = market.bars(symbol, "daily", "3mo", at, adjusted=True)
        assert split in raw.splits
        assert split in adjusted.splits
        day = np.searchsorted(
            raw.timestamps, datetime(split.day.year, split.day.month, split.day.day,
                                     tzinfo=UTC).timestamp())  # fmt: skip
        jump = raw.close[day - 1] / raw.open[day]
        step = adjusted.close[day - 1] / adjusted.open[day]
        assert abs(np.log(jump / ratio)) < 0.15
        assert abs(np.log(step)) < 0.15
        np.testing.assert_allclose(adjusted.close[:day] * ratio, raw.close[:day], rtol=1e-3)
        assert (adjusted.close[day:] == raw.close[day:]).all()
        # What changes hands in money does not change with the number of shares.
        np.testing.assert_allclose(
            adjusted.close[:day] * adjusted.volume[:day],
            raw.close[:day] * raw.volume[:day],
            rtol=1e-3,
        )


def test_the_quote_of_a_split_day_compares_with_an_adjusted_close(
    market: SimulatedProvider,
) -> None:
    for symbol, split in split_symbols(market, NOW - timedelta(days=1500))[:20]:
        noon = datetime(split.day.year, split.day.month, split.day.day, 16, tzinfo=UTC)
        quote = market.quote(symbol, noon)
        assert quote.prev_close is not None
        assert abs(np.log(quote.price / quote.prev_close)) < 0.2
        chain = market.chain(symbol, noon)
        assert chain.strike.min() < quote.price < chain.strike.max()
        before = market.chain(symbol, noon - timedelta(days=4))
        ratio = split.numerator / split.denominator
        there = set(zip(chain.expiry.tolist(), chain.strike.tolist(), strict=True))
        kept = [
            (expiry, round(strike / ratio, 2))
            for expiry, strike in zip(before.expiry.tolist(), before.strike.tolist(), strict=True)
            if expiry > ordinal_of(noon.date())
        ]
        assert set(kept) <= there, "a split divides the strikes that are listed"


def test_a_dividend_leaves_the_price_on_the_ex_date(market: SimulatedProvider) -> None:
    table, prices = market._table, market._prices
    checked = 0
    for symbol in ("KO", "T", "VZ", "XOM", "PFE", "JNJ"):
        who = prices.roster.position[symbol]
        for paid in market.bars(symbol, "daily", "2y", NOW, adjusted=False).dividends:
            session = table.index_of(paid.ex_date)
            assert session is not None
            moment = float(table.opens[session] - 5400)
            if prices.events.reports_within(
                np.array([who]), np.array([moment - 2.0]), np.array([moment])
            )[0]:
                continue
            before, after = prices.prices(np.array([who, who]), np.array([moment - 1.0, moment]))
            tick = 2e-3 * before
            assert before - after == pytest.approx(paid.amount, abs=tick)
            checked += 1
    assert checked > 30


def test_dividends_to_come_are_told_and_then_paid(market: SimulatedProvider) -> None:
    metrics = market.metrics("KO", NOW)
    assert metrics.next_ex_dividend is not None
    assert metrics.next_dividend is not None
    later = NOW + timedelta(days=120)
    paid = market.bars("KO", "daily", "6mo", later, adjusted=False).dividends
    found = [one for one in paid if one.ex_date == metrics.next_ex_dividend]
    assert len(found) == 1
    assert abs(found[0].amount / metrics.next_dividend - 1.0) < 0.25
    assert metrics.iv_index is not None
    assert 0.05 < metrics.iv_index < 1.0


def test_minute_bars_agree_with_quotes(market: SimulatedProvider) -> None:
    bars = market.bars("AAPL", "intraday", "5d", NOW, adjusted=False)
    for row in (0, 17, 100, len(bars) - 1):
        at = datetime.fromtimestamp(int(bars.timestamps[row]), UTC)
        assert market.quote("AAPL", at).price == bars.open[row]


def test_market_capitalisation_is_shares_times_price_whatever_splits_do(
    market: SimulatedProvider,
) -> None:
    two_years_ago = NOW - timedelta(days=730)
    symbols = ("AAPL", "KO", "SPY", *(symbol for symbol, _ in split_symbols(market, two_years_ago)))
    for symbol in symbols:
        sizes, prices = [], []
        for at in (two_years_ago, NOW):
            size = market.metrics(symbol, at).market_cap
            assert size is not None
            sizes.append(size)
            prices.append(float(market.bars(symbol, "daily", "5d", at, adjusted=False).close[-1]))
        ratio = 1.0
        for split in market.bars(symbol, "daily", "2y", NOW, adjusted=False).splits:
            ratio *= split.numerator / split.denominator
        assert sizes[0] != sizes[1]
        assert sizes[1] / sizes[0] == pytest.approx(ratio * prices[1] / prices[0], rel=2e-3)
