"""American prices, what is read from them, contracts that are not standard, volatility about."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from helpers import NOW, one_expiry_chain

from ttai_analysis.chart.indicators import historical_volatility, range_volatility
from ttai_analysis.models.options import Constraints
from ttai_analysis.options import early_exercise
from ttai_analysis.options.chain_faults import sound_contracts
from ttai_analysis.options.contracts import (
    contracts_of,
    expiry_iv,
    forwards,
    years_to_expiry,
)
from ttai_analysis.options.early_exercise import (
    american_delta,
    american_implied_volatility,
    american_price,
    early_exercise_premium,
    exercise_is_due,
)
from ttai_analysis.options.gates import short_gates
from ttai_analysis.options.pricing import price
from ttai_analysis.options.sold import Sold
from ttai_analysis.options.volatility_context import iv_standing, volatility_context
from ttai_analysis.providers.base import Chain, Earnings, FloatArray, Metrics
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.timestamps import ordinal_of


def test_an_american_option_is_worth_its_european_one_and_its_intrinsic_value_at_least() -> None:
    random = np.random.default_rng(17)
    n = 20_000
    strike = 100.0 * np.exp(random.normal(0.0, 0.4, n))
    t, v = random.uniform(1e-4, 2.0, n), random.uniform(0.03, 1.5, n)
    r, q = random.uniform(-0.02, 0.1, n), random.uniform(-0.02, 0.1, n)
    call = random.random(n) < 0.5
    found = american_price(100.0, strike, t, r, q, v, call)
    assert np.isfinite(found).all()
    assert (found >= price(100.0, strike, t, r, q, v, call) - 1e-9).all()
    pays = np.where(call, q > 0.0, r > 0.0)
    intrinsic = np.maximum(np.where(call, 100.0 - strike, strike - 100.0), 0.0)
    assert (found >= intrinsic)[pays].all()
    assert (found == price(100.0, strike, t, r, q, v, call))[~pays].all()


@pytest.mark.parametrize(
    ("strike", "premium"), [(90.0, 0.0056), (95.0, 0.018), (105.0, 0.098), (120.0, 0.51)]
)
def test_the_premium_of_a_put_of_45_days(strike: float, premium: float) -> None:
    """Worked with a fine lattice; the approximation is a little low out of the money."""
    found = float(early_exercise_premium(100.0, strike, 45 / 365, 0.05, 0.0, 0.3, False))
    assert found == pytest.approx(premium, abs=0.006)


def test_exercise_is_due_deep_in_the_money_only() -> None:
    terms = (45 / 365, 0.05, 0.0, 0.3)
    due = exercise_is_due(100.0, np.array([90.0, 105.0, 115.0, 130.0]), *terms, False)
    assert due.tolist() == [False, False, False, True]
    assert not exercise_is_due(100.0, 50.0, *terms, True)
    assert float(american_delta(100.0, 130.0, *terms, False)) == pytest.approx(-1.0)


def test_the_volatility_of_an_american_price_is_found_again() -> None:
    strike = np.array([101.0, 105.0, 110.0, 115.0])
    terms = (100.0, strike, 0.25, 0.06, 0.0)
    value = american_price(*terms, 0.4, False)
    found = american_implied_volatility(value, *terms, False, np.full(4, 0.45))
    assert found == pytest.approx(0.4, abs=1e-6)
    assert np.isnan(
        american_implied_volatility(strike - 101.0, *terms, False, np.full(4, 0.4))
    ).any()


def test_the_volatility_of_an_american_price_does_not_depend_on_its_neighbours() -> None:
    strike = np.linspace(101.0, 118.0, 40)
    value = american_price(100.0, strike, 0.25, 0.06, 0.01, 0.4, False) * 1.01
    rest, start = (0.25, 0.06, 0.01), np.full(40, 0.45)
    together = american_implied_volatility(value, 100.0, strike, *rest, False, start)
    for row in range(40):
        one = slice(row, row + 1)
        alone = american_implied_volatility(
            value[one], 100.0, strike[one], *rest, False, start[one]
        )
        assert float(alone[0]) == pytest.approx(together[row], rel=1e-13)
    assert american_price(100.0, strike, *rest, together, False) == pytest.approx(value, rel=1e-13)


def test_a_chain_of_american_quotes_tells_one_volatility() -> None:
    chain = one_expiry_chain(dte=90, width=0.01)
    years = years_to_expiry(chain.expiry, NOW)
    fair = american_price(100.0, chain.strike, years, 0.06, 0.0, 0.3, chain.is_call)
    chain = replace(chain, bid=fair - 0.01, ask=fair + 0.01)
    found = contracts_of(chain, NOW, 0.06)
    puts = ~chain.is_call & (chain.strike > 104.0) & (chain.strike < 116.0)
    assert found.american[puts].all()
    assert found.iv[puts] == pytest.approx(0.3, abs=0.012)
    assert not found.american[~chain.is_call & (chain.strike < 100.0)].any()


def test_other_than_a_hundred_shares_are_left_out_and_named() -> None:
    chain = one_expiry_chain()
    shares = np.full(len(chain), 100.0)
    shares[:3] = 150.0
    found = contracts_of(replace(chain, shares_per_contract=shares), NOW, 0.04)
    assert len(found) == len(chain) - 3
    assert "non_standard_deliverable:3" in found.chain.warnings
    plain = contracts_of(chain, NOW, 0.04)
    assert plain.chain.warnings == ()
    assert found.iv.tolist() == pytest.approx(plain.iv[3:].tolist(), nan_ok=True)


def test_what_settles_in_the_morning_ends_at_the_open() -> None:
    day = ordinal_of((NOW + timedelta(days=2)).date())
    days = np.array([day, day])
    morning, evening = years_to_expiry(days, NOW, np.array([True, False]))
    assert (evening - morning) * 525_600 == pytest.approx(390.0)
    chain = one_expiry_chain()
    half = np.arange(len(chain)) % 2 == 0
    found = contracts_of(replace(chain, am_settled=half), NOW, 0.04)
    assert f"am_settled:{int(half.sum())}" in found.chain.warnings
    assert (found.years[half] < found.years[~half].min()).all()


def test_rank_and_percentile_come_from_the_history_first() -> None:
    history = np.linspace(0.1, 0.3, 100)
    both = Metrics(iv_history=history, iv_rank=0.2, iv_percentile=0.2)
    assert iv_standing(both) == (1.0, 1.0)
    assert iv_standing(Metrics(iv_rank=0.2, iv_percentile=0.4)) == (0.2, 0.4)
    assert iv_standing(Metrics(iv_history=history[:10], iv_rank=0.2)) == (None, None)
    assert iv_standing(Metrics(iv_rank=float("nan"), iv_percentile=17.0)) == (None, None)
    assert iv_standing(Metrics(iv_history=np.append(history, np.nan))) == (None, None)


def test_what_is_paid_above_the_realised_volatility() -> None:
    found = volatility_context(Metrics(), 0.30, 0.24)
    assert (found.ratio, found.premium) == pytest.approx((1.25, 0.06))
    assert volatility_context(Metrics(), 0.30, None).premium is None


def test_both_realised_volatilities_find_that_of_a_random_walk() -> None:
    random = np.random.default_rng(3)
    bars, steps, v = 4000, 100, 0.25
    moves = random.normal(0.0, v / np.sqrt(252 * steps), (bars, steps))
    path = 100.0 * np.exp(np.cumsum(moves.ravel())).reshape(bars, steps)
    series = (path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1])
    assert historical_volatility(series[3], bars - 1, 252.0) == pytest.approx(v, rel=0.03)
    assert range_volatility(*series, bars - 1, 252.0) == pytest.approx(v, rel=0.08)
    opens, high, low, close = (column[:20] for column in series)
    assert np.isnan(range_volatility(opens, high, low, close, 20, 252.0))
    assert np.isnan(historical_volatility(close, 20, 252.0))


def test_a_gap_counts_in_the_range_volatility() -> None:
    """Ten bars that do not move within, each a jump of 1 % from the last, up and down in turn."""
    close = 100.0 * np.exp(0.01 * (np.arange(11) % 2))
    found = range_volatility(close, close, close, close, 10, 252.0)
    assert found == pytest.approx(0.01 * np.sqrt(10 / 9 * 252.0), rel=1e-9)


def test_a_price_below_intrinsic_value_takes_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def counted(spot: FloatArray, *rest: Any) -> FloatArray:
        sizes.append(spot.size)
        return american_price(spot, *rest)

    monkeypatch.setattr(early_exercise, "american_price", counted)
    strike = np.array([110.0, 120.0, 130.0])
    terms = (100.0, strike, 0.25, 0.06, 0.0, False, np.full(3, 0.4))
    value = np.array([12.0, 19.99, 29.99])
    found = american_implied_volatility(value, *terms)
    assert np.isnan(found).tolist() == [False, True, True]
    assert set(sizes) == {1}
    # Without a reason to exercise early a price below intrinsic value is one like any other.
    strike = np.array([70.0, 80.0, 90.0])
    plain = (100.0, strike, 0.25, -0.02, 0.0)
    european = price(*plain, 0.3, True)
    assert european[0] < 30.0
    found = american_implied_volatility(european, *plain, True, np.full(3, 0.35))
    assert found == pytest.approx(0.3, abs=1e-4)


@pytest.mark.parametrize("calls", [False, True])
def test_what_is_sold_has_the_figures_that_the_whole_chain_has(
    market: SimulatedProvider, calls: bool
) -> None:
    sold, american = Sold(dte_min=21, dte_max=60, calls=calls, puts=not calls), 0
    for symbol in ("ABBV", "AAPL", "AA", "XOM"):
        chain = market.chain(symbol, NOW)
        whole, part = contracts_of(chain, NOW, 0.04), contracts_of(chain, NOW, 0.04, sold)
        rows = (whole.dte >= 21) & (whole.dte <= 60) & (chain.is_call == calls)
        american += int(whole.american[rows].sum())
        for name in ("iv", "delta", "gamma", "theta_per_day", "vega_per_point", "prob_itm",
                     "prob_touch", "american"):  # fmt: skip
            one, other = getattr(part, name), getattr(whole, name)
            assert one[rows] == pytest.approx(other[rows], rel=1e-9, abs=1e-12, nan_ok=True), name
            assert name in ("iv", "american") or np.isnan(one[~rows]).all()
        for expiry in np.unique(chain.expiry).tolist():
            assert expiry_iv(part, expiry) == pytest.approx(expiry_iv(whole, expiry), rel=1e-9)
        assert sound_contracts(part, None)[1] == sound_contracts(whole, None)[1]
    assert american > 0 or calls


def test_contracts_in_the_money_need_no_american_volatility_to_have_too_large_a_delta(
    market: SimulatedProvider,
) -> None:
    sold = Sold(dte_min=0, dte_max=400, calls=True, puts=True, max_delta=0.3)
    limits = Constraints(dte_min=0, dte_max=400, min_delta=0.0, max_delta=0.3)
    spared = 0
    for symbol in ("ABBV", "AAPL", "AA", "XOM"):
        chain = market.chain(symbol, NOW)
        whole, part = contracts_of(chain, NOW, 0.04), contracts_of(chain, NOW, 0.04, sold)
        spared += int(whole.american.sum()) - int(part.american.sum())
        for is_call in (False, True):
            one, other = (
                short_gates(found, limits, Earnings(known=True), is_call=is_call)
                for found in (part, whole)
            )
            assert one.rejected == other.rejected
            assert (one.passed == other.passed).all()
            assert one.passed.any()
        # Where a contract in the money may be sold, its wing may be there as well: all are taken.
        wide = replace(sold, max_delta=0.7)
        asked = (whole.dte >= 0) & (whole.dte <= 400)
        found = contracts_of(chain, NOW, 0.04, wide).american
        assert (found[asked] == whole.american[asked]).all()
    assert spared > 100


def test_where_all_is_in_the_money_the_volatility_there_is_that_of_the_american_price(
    market: SimulatedProvider,
) -> None:
    chain = market.chain("ABBV", NOW)
    inside = ~chain.is_call & (chain.strike > 1.02 * chain.underlying_price)
    columns = {
        name: getattr(chain, name)[inside]
        for name in ("expiry", "strike", "is_call", "bid", "ask", "open_interest", "volume")
    }
    chain = replace(chain, **columns)
    whole = contracts_of(chain, NOW, 0.04)
    part = contracts_of(chain, NOW, 0.04, Sold(dte_min=21, dte_max=60, calls=True, puts=False))
    assert whole.american.any()
    for expiry in np.unique(chain.expiry).tolist():
        assert expiry_iv(part, expiry) == pytest.approx(expiry_iv(whole, expiry), rel=1e-9)


def test_forwards_are_the_median_of_the_strikes_about_the_money() -> None:
    generator = np.random.default_rng(4)
    size = 400
    expiry = generator.choice([20_600, 20_610, 20_640, 20_700], size)
    chain = Chain(
        symbol="ANY", as_of=NOW, underlying_price=100.0, expiry=expiry,
        # Of several of the same contract the last counts; one expiry has no calls.
        strike=generator.integers(90, 111, size).astype(np.float64),
        is_call=(generator.random(size) < 0.5) & (expiry != 20_610),
        bid=np.ones(size), ask=np.ones(size), open_interest=np.ones(size), volume=np.ones(size),
    )  # fmt: skip
    mid = np.where(generator.random(size) < 0.2, np.nan, generator.uniform(1.0, 9.0, size))
    years = (expiry - 20_605) / 365.0
    found, parity = forwards(chain, years, mid, 0.05)
    for day in np.unique(expiry).tolist():
        of = {
            (float(chain.strike[row]), bool(chain.is_call[row])): row
            for row in np.flatnonzero((expiry == day) & ~np.isnan(mid) & (years > 0.0)).tolist()
        }
        both = sorted(
            {strike for strike, _ in of if {(strike, True), (strike, False)} <= of.keys()}
        )
        near = sorted(both, key=lambda strike: abs(strike - 100.0))[:6]
        votes = [
            strike + np.exp(0.05 * years[of[strike, True]])
            * (mid[of[strike, True]] - mid[of[strike, False]])
            for strike in near
        ]  # fmt: skip
        grown = 100.0 * np.exp(0.05 * max(0.0, (day - 20_605) / 365.0))
        assert parity[expiry == day].tolist() == [bool(votes)] * int((expiry == day).sum())
        assert (found[expiry == day] == (np.median(votes) if votes else grown)).all()
