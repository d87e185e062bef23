"""Chains of the simulated market: no free money at the quotes, steady listings, sane spreads."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from helpers import NOW

from ttai_analysis.options.contracts import contracts_of
from ttai_analysis.providers.base import Chain
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.providers.simulated.spreads import option_quotes
from ttai_analysis.timestamps import ordinal_of

RATE = 0.04
FORTY = tuple(range(40))


def some_chain(market: SimulatedProvider, number: int) -> tuple[Chain, datetime]:
    """The chain of one of many symbols, at a moment of its own within six years."""
    symbols = market.symbols()
    symbol = symbols[(number * 131 + 7) % len(symbols)]
    at = NOW - timedelta(hours=1237 * number + 3, minutes=17 * number)
    return market.chain(symbol, at), at


def sides(chain: Chain) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the calls and of the puts of the same contracts."""
    half = len(chain) // 2
    calls, puts = np.arange(half), np.arange(half, 2 * half)
    assert chain.is_call[calls].all()
    assert not chain.is_call[puts].any()
    assert (chain.strike[calls] == chain.strike[puts]).all()
    assert (chain.expiry[calls] == chain.expiry[puts]).all()
    return calls, puts


@pytest.mark.parametrize("number", FORTY)
def test_parity_holds_inside_the_spread_at_every_strike(
    market: SimulatedProvider, number: int
) -> None:
    chain, at = some_chain(market, number)
    calls, puts = sides(chain)
    years = contracts_of(chain, at, RATE).years[calls]
    who, now = market._prices.roster.position[chain.symbol], at.timestamp()
    moments, drops = market._prices.events.drops_ahead(who, now, now + 2 * 365 * 86_400)
    inside = (moments - now)[None, :] <= (years * 365 * 86_400)[:, None]
    held = chain.underlying_price * np.exp(-(inside * drops).sum(axis=1))
    owed = np.exp(-RATE * years) * chain.strike[calls]
    both = (chain.bid[calls] > 0.0) & (chain.bid[puts] > 0.0)
    assert both.sum() > 60
    # Buying the call and selling the put, or the reverse, never beats the forward; the call is
    # dearer where it may be exercised for a dividend, by no more than that.
    assert (chain.ask[calls] - chain.bid[puts] >= held - owed - 1e-9)[both].all()
    assert (chain.bid[calls] - chain.ask[puts] <= chain.underlying_price - owed + 1e-9)[both].all()
    plain = both & ((held == chain.underlying_price) | (chain.strike[calls] > 1.2 * held))
    assert (chain.bid[calls] - chain.ask[puts] <= held - owed + 1e-9)[plain].all()
    intrinsic = np.where(chain.is_call, 1.0, -1.0) * (chain.underlying_price - chain.strike)
    assert (chain.ask >= intrinsic - 1e-9).all()


@pytest.mark.parametrize("number", FORTY)
def test_there_is_no_arbitrage_between_strikes_or_expiries(
    market: SimulatedProvider, number: int
) -> None:
    chain, _ = some_chain(market, number)
    for side in sides(chain):
        calls = bool(chain.is_call[side[0]])
        expiries = np.unique(chain.expiry)
        for expiry in expiries:
            rows = side[chain.expiry[side] == expiry]
            strike, bid, ask = chain.strike[rows], chain.bid[rows], chain.ask[rows]
            cheaper, dearer = (ask[:-1], bid[1:]) if calls else (ask[1:], bid[:-1])
            assert (cheaper >= dearer).all(), "a better contract is cheaper"
            low, high = strike[1:-1] - strike[:-2], strike[2:] - strike[1:-1]
            wings = (high * ask[:-2] + low * ask[2:]) / (low + high)
            assert (wings >= bid[1:-1] - 1e-9).all(), "a butterfly pays for being bought"
        for near, far in pairwise(expiries):
            before = {float(chain.strike[row]): row for row in side[chain.expiry[side] == near]}
            for row in side[chain.expiry[side] == far]:
                other = before.get(float(chain.strike[row]))
                if other is not None:
                    assert chain.ask[row] >= chain.bid[other], "a longer option is cheaper"


def test_strikes_stay_listed_through_a_session_and_until_they_expire(
    market: SimulatedProvider,
) -> None:
    for symbol in ("AAPL", "TSLA", "F", "SPY", *market.symbols()[5::60]):
        begin = market.chain(symbol, NOW.replace(hour=13, minute=30))
        listed = set(zip(begin.expiry.tolist(), begin.strike.tolist(), strict=True))
        for minutes in (1, 30, 111, 389, 400, 900, 1300):
            later = market.chain(
                symbol, NOW.replace(hour=13, minute=30) + timedelta(minutes=minutes)
            )
            assert listed == set(zip(later.expiry.tolist(), later.strike.tolist(), strict=True))
            assert begin.open_interest.tolist() == later.open_interest.tolist()
        for days in (1, 7, 20, 40):
            now = NOW + timedelta(days=days)
            chain = market.chain(symbol, now)
            there = set(zip(chain.expiry.tolist(), chain.strike.tolist(), strict=True))
            today = ordinal_of(now.date())
            assert {one for one in listed if one[0] > today} <= there


def test_relative_spreads_widen_away_from_the_money(market: SimulatedProvider) -> None:
    for symbol in ("AAPL", "SPY", "TSLA"):
        chain = market.chain(symbol, NOW)
        contracts = contracts_of(chain, NOW, RATE)
        rows = np.flatnonzero(
            ~chain.is_call & (chain.strike < chain.underlying_price) & (contracts.dte == 30)
        )
        rows = rows[chain.bid[rows] >= 0.2]
        width = contracts.spread_pct[rows]
        thirds = np.array_split(width, 3)
        assert thirds[0].mean() > thirds[1].mean() > thirds[2].mean()


def test_spreads_widen_with_distance_haste_and_a_near_expiry() -> None:
    fair, none = np.full(6, 2.0), np.zeros(6)

    def width(deviations: object, days: object, factor: float) -> np.ndarray:
        bid, ask = option_quotes(fair, none, np.asarray(deviations), np.asarray(days), 1e10, factor)
        return ask - bid

    month = np.full(6, 30.0)
    assert (np.diff(width([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], month, 1.0)) >= 0.0).all()
    assert width([5.0] * 6, month, 1.0)[0] > 1.3 * width(none, month, 1.0)[0]
    assert width(none, np.full(6, 1.0), 1.0)[0] > 1.1 * width(none, month, 1.0)[0]
    assert width(none, month, 2.0)[0] > 1.6 * width(none, month, 1.0)[0]


def test_spreads_widen_near_the_bell(market: SimulatedProvider) -> None:
    noon, bell = NOW.replace(hour=17), NOW.replace(hour=13, minute=30)
    quiet, hurried = market.quote("SPY", noon), market.quote("SPY", bell)
    assert quiet.bid is not None
    assert hurried.bid is not None
    assert hurried.price - hurried.bid > 1.3 * (quiet.price - quiet.bid)
    calm, rushed = market.chain("AAPL", noon), market.chain("AAPL", bell)
    assert np.median(rushed.ask - rushed.bid) > 1.3 * np.median(calm.ask - calm.bid)


def test_strikes_are_added_as_the_price_moves(market: SimulatedProvider) -> None:
    for number in FORTY:
        chain, at = some_chain(market, number)
        near = chain.expiry - ordinal_of(at.date()) < 56
        who = market._prices.roster.position[chain.symbol]
        volatility = market._prices.roster.volatility[who]
        reach = min(0.6, 2.5 * volatility * np.sqrt(63 / 365))
        for expiry in np.unique(chain.expiry[near]):
            strikes = chain.strike[chain.expiry == expiry]
            assert strikes.min() < chain.underlying_price * (1.0 - 0.7 * reach)
            assert strikes.max() > chain.underlying_price * (1.0 + 0.7 * reach)


def test_a_scripted_price_lists_strikes_around_itself(market: SimulatedProvider) -> None:
    chains = market._chains
    who = market._prices.roster.position["AAPL"]
    chain = chains.chain(who, datetime(2026, 3, 18, 15, 30, tzinfo=UTC).timestamp(), 40.0,
                         scripted=True)  # fmt: skip
    assert chain.strike.min() < 36.0 < 44.0 < chain.strike.max()
