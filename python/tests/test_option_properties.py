"""Identities that hold for every option: parity, round trips, bounds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttai_analysis.options import normal
from ttai_analysis.options.implied_volatility import implied_volatility
from ttai_analysis.options.odds import expected_move, probability_below, probability_of_touch
from ttai_analysis.options.pricing import greeks, price

spots = st.floats(1.0, 2000.0)
moneyness = st.floats(0.6, 1.6)
years = st.floats(1 / 365, 3.0)
rates = st.floats(0.0, 0.12)
yields = st.floats(0.0, 0.08)
volatilities = st.floats(0.05, 2.5)


@given(spots, moneyness, years, rates, yields, volatilities)
def test_put_call_parity(s: float, m: float, t: float, r: float, q: float, v: float) -> None:
    strike = s * m
    call, put = price(s, strike, t, r, q, v, True), price(s, strike, t, r, q, v, False)
    expected = s * math.exp(-q * t) - strike * math.exp(-r * t)
    assert float(call - put) == pytest.approx(expected, abs=1e-10 * max(s, strike))


@given(spots, moneyness, years, rates, yields, volatilities)
def test_greeks_of_call_and_put_agree(
    s: float, m: float, t: float, r: float, q: float, v: float
) -> None:
    call, put = greeks(s, s * m, t, r, q, v, True), greeks(s, s * m, t, r, q, v, False)
    assert float(call.delta - put.delta) == pytest.approx(math.exp(-q * t), abs=1e-12)
    assert float(call.gamma) == pytest.approx(float(put.gamma), abs=1e-12)
    assert float(call.vega) == pytest.approx(float(put.vega), abs=1e-9)


@settings(max_examples=300)
@given(spots, moneyness, years, rates, volatilities, st.booleans())
def test_implied_volatility_round_trip(
    s: float, m: float, t: float, r: float, v: float, is_call: bool
) -> None:
    strike, discount = s * m, math.exp(-r * t)
    forward = s / discount
    value = price(s, np.array([strike]), t, r, 0.0, v, is_call)
    intrinsic = max(0.0, (forward - strike) if is_call else (strike - forward)) * discount
    scale = math.sqrt(forward * strike) * discount
    found = implied_volatility(value, forward, np.array([strike]), t, discount, is_call)[0]
    time_value = (float(value[0]) - intrinsic) / scale
    if time_value > 1e-6 and scale - float(value[0]) > 1e-6 * scale:
        assert found == pytest.approx(v, abs=1e-9)


@given(spots, moneyness, years, rates, st.booleans())
def test_a_price_below_intrinsic_has_no_volatility(
    s: float, m: float, t: float, r: float, is_call: bool
) -> None:
    strike, discount = s * m, math.exp(-r * t)
    forward = s / discount
    intrinsic = max(0.0, (forward - strike) if is_call else (strike - forward)) * discount
    below = np.array([intrinsic * 0.999 - 1e-9])
    found = implied_volatility(below, forward, np.array([strike]), t, discount, is_call)
    assert np.isnan(found[0])


@given(st.floats(-37.0, 37.0))
def test_normal_tail_matches_the_standard_library(x: float) -> None:
    expected = 0.5 * math.erfc(-x / math.sqrt(2.0))
    assert float(normal.cdf(np.array([x]))[0]) == pytest.approx(expected, rel=2e-12, abs=1e-300)


@given(moneyness, years, volatilities)
def test_touching_is_at_least_as_likely_as_ending_there(m: float, t: float, v: float) -> None:
    below = float(probability_below(100.0 * m, 100.0, t, v))
    ending = below if m < 1.0 else 1.0 - below
    assert float(probability_of_touch(100.0 * m, 100.0, t, 0.0, 0.0, v)) >= ending - 1e-12


def test_expected_move_is_one_deviation() -> None:
    assert float(expected_move(100.0, 0.2, 1.0)) == pytest.approx(20.0)
