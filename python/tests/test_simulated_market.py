"""The simulated market: the same past for ever, consistent within itself, alive."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from helpers import NOW, client_for
from hypothesis import given, settings
from hypothesis import strategies as st

from ttai_analysis.errors import ProviderError, SymbolNotFoundError
from ttai_analysis.options.contracts import contracts_of
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.settings import Settings

SYMBOLS = ("AAPL", "SPY", "BAC", "TSLA", "F", "BRK.B")
WELL_KNOWN = ("AAPL", "MSFT", "SPY", "QQQ", "IBM", "BAC", "GOOG", "NVDA", "AMZN", "META")
LAST_YEARS = st.datetimes(NOW.replace(tzinfo=None) - timedelta(days=3000),
                          NOW.replace(tzinfo=None))  # fmt: skip


def test_it_lists_some_five_hundred_symbols(market: SimulatedProvider) -> None:
    assert 450 <= len(market.symbols()) <= 600
    assert set(WELL_KNOWN) <= set(market.symbols())


def test_an_unknown_symbol_is_not_found(market: SimulatedProvider) -> None:
    with pytest.raises(SymbolNotFoundError):
        market.quote("NOPE", NOW)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SYMBOLS), LAST_YEARS)
def test_another_instance_tells_the_same_past(symbol: str, moment: object) -> None:
    at = moment.replace(tzinfo=NOW.tzinfo)  # type: ignore[attr-defined]
    first, second = SimulatedProvider(seed="test"), SimulatedProvider(seed="test")
    second.quote(symbol, NOW)
    assert first.quote(symbol, at) == second.quote(symbol, at)
    ours = first.bars(symbol, "daily", "3mo", at, adjusted=True)
    theirs = second.bars(symbol, "daily", "1y", at, adjusted=True)
    assert ours.close.tolist() == theirs.close[-len(ours) :].tolist()


def test_another_seed_is_another_market(market: SimulatedProvider) -> None:
    other = SimulatedProvider(seed="other")
    assert other.quote("AAPL", NOW).price != market.quote("AAPL", NOW).price


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_bars_are_sound_and_keep_to_sessions(market: SimulatedProvider, symbol: str) -> None:
    bars = market.bars(symbol, "daily", "2y", NOW, adjusted=True)
    assert 495 <= len(bars) <= 505
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (np.diff(bars.timestamps) > 0).all()
    annual = np.std(np.diff(np.log(bars.close))) * np.sqrt(252.0)
    assert 0.08 < annual < 1.0


def test_five_minute_bars_lie_within_their_day(market: SimulatedProvider) -> None:
    minutes = market.bars("AAPL", "intraday", "1d", NOW - timedelta(hours=16), adjusted=True)
    daily = market.bars("AAPL", "daily", "5d", NOW - timedelta(hours=16), adjusted=True)
    today = minutes.timestamps >= daily.timestamps[-1]
    assert today.sum() == 78
    assert minutes.high[today].max() <= daily.high[-1] + 1e-9
    assert minutes.low[today].min() >= daily.low[-1] - 1e-9
    assert minutes.open[today][0] == daily.open[-1]


def test_the_close_is_the_quote_at_the_close(market: SimulatedProvider) -> None:
    bars = market.bars("IBM", "daily", "5d", NOW, adjusted=True)
    assert bars.as_of is not None
    assert market.quote("IBM", bars.as_of).price == bars.close[-1]


def test_weekly_bars_are_made_of_daily_ones(market: SimulatedProvider) -> None:
    weekly = market.bars("IBM", "weekly", "3mo", NOW, adjusted=True)
    daily = market.bars("IBM", "daily", "3mo", NOW, adjusted=True)
    last = (daily.timestamps >= weekly.timestamps[-1]) & (
        daily.timestamps < weekly.timestamps[-1] + 6 * 86_400
    )
    assert weekly.high[-1] == daily.high[last].max()
    assert weekly.close[-1] == daily.close[last][-1]
    assert weekly.volume[-1] == daily.volume[last].sum()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_quote_moves_within_a_minute_even_on_a_sunday(
    market: SimulatedProvider, symbol: str
) -> None:
    sunday = NOW.replace(day=15, hour=11)
    for start in range(0, 3600, 600):
        prices = [
            market.quote(symbol, sunday + timedelta(seconds=start + second)).price
            for second in range(0, 120, 5)
        ]
        assert max(prices) > min(prices)
        assert max(prices) / min(prices) < 1.02
    assert market.quote(symbol, sunday).session == "regular"


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_chain_agrees_with_its_quote_and_with_parity(
    market: SimulatedProvider, symbol: str
) -> None:
    chain = market.chain(symbol, NOW)
    quote = market.quote(symbol, NOW)
    assert chain.underlying_price == quote.price
    assert (chain.ask >= chain.bid).all()
    contracts = contracts_of(chain, NOW, market.risk_free_rate(NOW))
    calls = {
        (int(chain.expiry[row]), float(chain.strike[row])): row
        for row in np.flatnonzero(chain.is_call & contracts.two_sided)
    }
    checked = 0
    told = market.metrics(symbol, NOW).next_dividend or 0.0
    for row in np.flatnonzero(~chain.is_call & contracts.two_sided):
        other = calls.get((int(chain.expiry[row]), float(chain.strike[row])))
        if other is None:
            continue
        carried = np.exp(-contracts.rate * contracts.years[row]) * (
            contracts.forward[row] - chain.strike[row]
        )
        width = (chain.ask[row] - chain.bid[row]) + (chain.ask[other] - chain.bid[other])
        difference = contracts.mid[other] - contracts.mid[row] - carried
        # Calls are dearer that will be exercised for a dividend, and lift what parity says is the
        # forward of an expiry soon behind it.
        dividends = max(
            0.0,
            quote.price - np.exp(-contracts.rate * contracts.years[row]) * (contracts.forward[row]),
        )
        slack = 0.5 * width + 0.02
        assert -slack - told <= difference <= slack + max(told, dividends)
        checked += 1
    assert checked > 100


def test_the_chain_has_a_smile_and_a_term_structure(market: SimulatedProvider) -> None:
    chain = market.chain("SPY", NOW)
    contracts = contracts_of(chain, NOW, market.risk_free_rate(NOW))
    assert np.unique(chain.expiry).size >= 12
    puts = np.flatnonzero(~chain.is_call & (contracts.dte > 25) & (contracts.dte < 60))
    low = puts[np.abs(contracts.delta[puts] + 0.15) < 0.05]
    middle = puts[np.abs(contracts.delta[puts] + 0.50) < 0.05]
    assert np.nanmean(contracts.iv[low]) > np.nanmean(contracts.iv[middle])
    assert (chain.open_interest >= 0).all()


def test_reports_and_dividends_come_quarterly(market: SimulatedProvider) -> None:
    earnings = market.earnings("AAPL", NOW)
    assert earnings.known
    assert earnings.day is not None
    assert 0 <= (earnings.day - NOW.date()).days <= 95
    assert market.earnings("SPY", NOW).day is None
    paid = market.bars("KO", "daily", "1y", NOW, adjusted=True).dividends
    assert 3 <= len(paid) <= 5


def test_news_never_comes_from_the_future(market: SimulatedProvider) -> None:
    for symbol in SYMBOLS:
        articles = market.news(symbol, NOW, 30)
        assert articles
        assert all(article.published_at <= NOW for article in articles)
        assert all(article.source == "simulated" for article in articles)


def test_a_script_steers_prices_and_is_read_again(tmp_path: Path) -> None:
    script = tmp_path / "prices.json"
    client = client_for(Settings(as_of=NOW, script=script))
    body = {"symbols": ["AAPL", "SPY"]}
    free = client.answer("/quotes", body)
    script.write_text(json.dumps({"AAPL": 123.45}))
    steered = client.answer("/quotes", body)
    assert steered["AAPL"]["price"] == 123.45
    assert steered["AAPL"]["source"] == "simulated"
    assert steered["SPY"] == free["SPY"]
    script.write_text(json.dumps({"AAPL": {"price": 99.5}}))
    assert client.answer("/quotes", body)["AAPL"]["price"] == 99.5
    options = client.answer("/analyze/options", {"symbol": "AAPL"})
    assert options["underlyingPrice"] == 99.5
    script.unlink()
    assert client.answer("/quotes", body) == free


@pytest.mark.parametrize(
    "content", [b"[1, 2", b"\xff", b"[" * 100_000, b'{"AAPL": 1' + b"0" * 400 + b"}"]
)
def test_a_broken_script_is_said(tmp_path: Path, content: bytes) -> None:
    script = tmp_path / "prices.json"
    script.write_bytes(content)
    with pytest.raises(ProviderError):
        SimulatedProvider(seed="test", script=script).quote("AAPL", NOW)
