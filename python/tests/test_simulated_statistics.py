"""The simulated market over years: volatility, premium, gaps, reports, sectors, tone."""

from datetime import timedelta

import numpy as np
import pytest
from helpers import NOW

from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.research.sentiment import tone_of

FIVE_YEARS = 1260
SYMBOLS = ("SPY", "AAPL", "KO", "TSLA", "BAC", "QQQ")


def daily_returns(market: SimulatedProvider, symbol: str, years: str = "5y") -> np.ndarray:
    bars = market.bars(symbol, "daily", years, NOW, adjusted=True)
    assert bars.adj_close is not None
    return np.diff(np.log(bars.adj_close))


def implied(market: SimulatedProvider, symbol: str, days: int) -> np.ndarray:
    """Implied volatility at each of the last closes, oldest first."""
    found: list[float] = []
    at = NOW
    while len(found) < days:
        history = market.metrics(symbol, at).iv_history
        assert history is not None
        found = [*history[:-1].tolist(), *found]
        at = market._table.session(
            market._table.completed(at.timestamp()) - history.size + 1
        ).closes_at - timedelta(seconds=1)
    return np.array(found[-days:])


def trailing(returns: np.ndarray, sessions: int) -> np.ndarray:
    """Realised volatility over each run of so many sessions, annual."""
    windows = np.lib.stride_tricks.sliding_window_view(returns, sessions)
    return np.asarray(windows.std(axis=1, ddof=1) * np.sqrt(252.0))


def test_implied_volatility_is_dearer_than_realised_most_days(market: SimulatedProvider) -> None:
    shares, ratios, follows = [], [], []
    for symbol in ("SPY", "QQQ", "IWM", "DIA"):
        realised = trailing(daily_returns(market, symbol), 20)[-1200:]
        level = implied(market, symbol, 1200)
        shares.append(float((level > realised).mean()))
        ratios.append(float(level.mean() / realised.mean()))
        follows.append(float(np.corrcoef(level, realised)[0, 1]))
    assert 0.70 < np.mean(shares) < 0.92
    assert 1.1 < np.mean(ratios) < 1.4
    assert np.mean(follows) > 0.45, "realised volatility follows implied"


def test_volatility_has_calm_and_stormy_times(market: SimulatedProvider) -> None:
    level = implied(market, "SPY", FIVE_YEARS)
    calm, usual, wild = np.percentile(level, [5, 50, 98])
    assert wild / usual > 1.35
    assert usual / calm > 1.1
    assert abs(np.log(level[1:] / level[:-1])).max() < 0.25, "moods do not jump from day to day"


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_yearly_volatility_is_that_of_the_listing(market: SimulatedProvider, symbol: str) -> None:
    listing = market._prices.roster.listings[market._prices.roster.position[symbol]]
    realised = daily_returns(market, symbol, "10y").std() * np.sqrt(252.0)
    assert 0.75 < realised / listing.volatility < 1.4


def test_nights_bring_gaps_and_days_have_fat_tails(market: SimulatedProvider) -> None:
    gaps, moves = [], []
    for symbol in SYMBOLS:
        bars = market.bars(symbol, "daily", "10y", NOW, adjusted=True)
        gaps.append(np.var(np.log(bars.open[1:] / bars.close[:-1])))
        moves.append(np.log(bars.close[1:] / bars.close[:-1]))
    share = np.sum(gaps) / np.sum([np.var(one) for one in moves])
    assert 0.2 < share < 0.65
    kurtosis = [float(((one - one.mean()) ** 4).mean() / one.var() ** 2) for one in moves]
    assert np.mean(kurtosis) > 4.1


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_highs_and_lows_fit_the_way_from_open_to_close(
    market: SimulatedProvider, symbol: str
) -> None:
    bars = market.bars(symbol, "daily", "10y", NOW, adjusted=True)
    by_range = np.mean(np.log(bars.high / bars.low) ** 2) / (4.0 * np.log(2.0))
    by_ends = np.mean(np.log(bars.close / bars.open) ** 2)
    assert 0.9 < np.sqrt(by_range / by_ends) < 1.1


def test_sectors_move_together(market: SimulatedProvider) -> None:
    by_sector: dict[str, list[np.ndarray]] = {}
    for listing in market._prices.roster.listings:
        group = by_sector.setdefault(listing.sector, [])
        if listing.sector in ("energy", "technology", "utilities") and len(group) < 12:
            group.append(daily_returns(market, listing.symbol, "3y"))
    names = ("energy", "technology", "utilities")
    rows = np.corrcoef(np.concatenate([by_sector[name] for name in names]))
    group_of = np.repeat(np.arange(3), 12)
    same = group_of[:, None] == group_of
    others = ~np.eye(36, dtype=bool)
    assert rows[same & others].mean() > rows[~same].mean() + 0.05


def test_a_report_moves_the_price_and_the_move_stays(market: SimulatedProvider) -> None:
    events, prices = market._prices.events, market._prices
    at_once, kept = [], []
    for symbol in market.symbols()[:60]:
        who = prices.roster.position[symbol]
        for report in events.reports(who, NOW.timestamp() - 7e7, NOW.timestamp() - 1e7):
            row = np.array([who])
            before = events.report_level(row, np.array([report.effective_at - 1.0]))
            after = events.report_level(row, np.array([float(report.effective_at)]))
            later = events.report_level(row, np.array([report.effective_at + 4e6]))
            at_once.append(float(after[0] - before[0]))
            kept.append(float(later[0] - before[0]))
            pair = np.array([report.effective_at - 1.0, float(report.effective_at)])
            jump = np.diff(np.log(prices.prices(np.array([who, who]), pair)))[0]
            assert jump == pytest.approx(report.surprise, abs=0.02)
    assert len(at_once) > 200
    assert at_once == pytest.approx(kept)


def test_the_tone_of_news_agrees_with_the_move(market: SimulatedProvider) -> None:
    tones, moves = [], []
    for symbol in market.symbols()[::9]:
        who = market._prices.roster.position[symbol]
        for article in market.news(symbol, NOW, 120):
            score = tone_of([article], NOW).score
            if score is None or score == 0.0 or article.id.split("-")[-1][0] == "e":
                continue
            at = article.published_at.timestamp()
            pair = np.array([at - 86_400.0, at])
            before, after = market._prices.prices(np.array([who, who]), pair)
            tones.append(np.sign(score))
            moves.append(np.sign(np.log(after / before)))
    assert len(tones) > 300
    assert np.corrcoef(tones, moves)[0, 1] > 0.8


def test_grave_news_is_rare(market: SimulatedProvider) -> None:
    from ttai_analysis.research.service import red_flags

    every, grave = 0, 0
    for symbol in market.symbols()[::5]:
        articles = list(market.news(symbol, NOW, 90))
        every += len(articles)
        grave += sum(flag.severity == "high" for flag in red_flags(articles))
    assert 0.0 < grave / every < 0.06
