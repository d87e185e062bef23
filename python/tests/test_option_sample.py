"""200,000 random contracts inside the no-arbitrage bounds: parity, repricing, volatility.

The bounds are those of the price in doubles; "can tell" is where one rounding of the spot moves the
volatility by less than 1e-10, which vega decides.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from ttai_analysis.options.implied_volatility import implied_volatility
from ttai_analysis.options.pricing import BoolArray, FloatArray, greeks, price

COUNT = 200_000
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Sample:
    spot: FloatArray
    strike: FloatArray
    t: FloatArray
    r: FloatArray
    q: FloatArray
    volatility: FloatArray
    is_call: BoolArray
    value: FloatArray
    forward: FloatArray
    discount: FloatArray

    def found(self) -> FloatArray:
        return implied_volatility(
            self.value, self.forward, self.strike, self.t, self.discount, self.is_call
        )


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Drawn until there are enough whose price lies strictly between its bounds."""
    random = np.random.default_rng(20_251_127)
    n = 320_000
    spot = np.exp(random.uniform(np.log(0.5), np.log(5_000.0), n))
    strike = spot * np.exp(random.normal(0.0, 0.35, n))
    t = np.exp(random.uniform(np.log(1 / 365), np.log(3.0), n))
    r, q = random.uniform(-0.01, 0.12, n), random.uniform(0.0, 0.08, n)
    volatility = np.exp(random.uniform(np.log(0.05), np.log(2.5), n))
    is_call = random.random(n) < 0.5
    value = price(spot, strike, t, r, q, volatility, is_call)
    forward, discount = spot * np.exp((r - q) * t), np.exp(-r * t)
    undiscounted = value / discount
    intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
    inside = (undiscounted > intrinsic) & (undiscounted < np.where(is_call, forward, strike))
    rows = np.flatnonzero(inside)[:COUNT]
    assert rows.size == COUNT
    return Sample(
        spot[rows], strike[rows], t[rows], r[rows], q[rows], volatility[rows], is_call[rows],
        value[rows], forward[rows], discount[rows],
    )  # fmt: skip


def test_put_call_parity_holds_for_all(sample: Sample) -> None:
    inputs = (sample.spot, sample.strike, sample.t, sample.r, sample.q, sample.volatility)
    gap = price(*inputs, True) - price(*inputs, False)
    exact = sample.spot * np.exp(-sample.q * sample.t) - sample.strike * sample.discount
    assert float(np.max(np.abs(gap - exact) / sample.spot)) < 1e-10


def test_no_volatility_is_missing_and_each_reprices(sample: Sample) -> None:
    found = sample.found()
    assert int(np.isnan(found).sum()) == 0
    again = price(sample.spot, sample.strike, sample.t, sample.r, sample.q, found, sample.is_call)
    assert float(np.max(np.abs(again - sample.value) / sample.spot)) < 1e-9


def test_the_volatility_itself_wherever_doubles_can_tell(sample: Sample) -> None:
    vega = greeks(
        sample.spot, sample.strike, sample.t, sample.r, sample.q, sample.volatility, sample.is_call
    ).vega
    tells = EPSILON * sample.spot < 1e-10 * vega
    assert int(tells.sum()) > 0.7 * COUNT
    assert float(np.max(np.abs(sample.found() - sample.volatility)[tells])) < 1e-9


def test_a_contract_has_the_same_volatility_alone_and_among_others(sample: Sample) -> None:
    together = sample.found()
    for row in range(0, COUNT, COUNT // 200):
        one = slice(row, row + 1)
        alone = implied_volatility(
            sample.value[one], sample.forward[one], sample.strike[one], sample.t[one],
            sample.discount[one], sample.is_call[one],
        )  # fmt: skip
        assert alone[0] == together[row]


def test_prices_on_or_outside_the_bounds_have_none(sample: Sample) -> None:
    rows = slice(0, 20_000)
    forward, strike, call = sample.forward[rows], sample.strike[rows], sample.is_call[rows]
    intrinsic = np.maximum(np.where(call, forward - strike, strike - forward), 0.0)
    for value in (
        intrinsic,
        intrinsic - 0.01,
        np.where(call, forward, strike),
        2 * forward + strike,
    ):
        found = implied_volatility(value, forward, strike, sample.t[rows], 1.0, call)
        assert np.isnan(found).all()


@pytest.mark.parametrize(
    "row",
    [
        (5e-324, 100.0, 50.0, 0.1),  # the smallest double
        (1e-200, 100.0, 150.0, 0.1),
        (np.nextafter(50.0, 100.0), 100.0, 50.0, 0.1),  # one rounding above intrinsic
        (np.nextafter(100.0, 0.0), 100.0, 150.0, 0.1),  # one rounding below the bound
        (1e-9, 100.0, 100.0, 1e-6),
        (99.9999, 100.0, 100.0, 10.0),
        (1e-3, 1.0, 1e6, 1.0),
        (1e160, 1e200, 1e160, 1.0),
    ],
)
def test_the_extremes_strictly_inside_have_a_volatility(row: tuple[float, ...]) -> None:
    value, forward, strike, t = row
    inside = max(forward - strike, 0.0) < value < forward
    found = implied_volatility(np.array([value]), forward, np.array([strike]), t, 1.0, True)[0]
    assert np.isfinite(found) == inside
    if inside:
        again = float(price(forward, strike, t, 0.0, 0.0, float(found), True))
        assert again == pytest.approx(value, abs=1e-9 * forward)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_give_none(broken: float) -> None:
    good = (5.0, 100.0, 100.0, 0.25, 0.99)
    for place in range(5):
        value, forward, strike, t, discount = (
            broken if place == at else number for at, number in enumerate(good)
        )
        found = implied_volatility(
            np.array([value]), forward, np.array([strike]), t, discount, True
        )
        assert np.isnan(found[0]) or (place == 3 and broken == np.inf)
    for t in (0.0, -0.1):
        assert np.isnan(implied_volatility(np.array([5.0]), 100.0, np.array([100.0]), t, 1.0, True))
