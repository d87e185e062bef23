"""QuantLib as an oracle, where it is installed: prices, greeks, volatilities, American prices."""

from typing import Any

import numpy as np
import pytest

from ttai_analysis.options.early_exercise import american_price
from ttai_analysis.options.implied_volatility import implied_volatility
from ttai_analysis.options.pricing import greeks, price

ql: Any = pytest.importorskip("QuantLib")

COUNT = 300
TODAY = 1


def _cases() -> list[tuple[float, float, int, float, float, float, bool]]:
    """Spot 100; strike, days, rate, yield, volatility, call."""
    random = np.random.default_rng(5)
    return [
        (
            100.0,
            float(100.0 * np.exp(random.normal(0.0, 0.15))),
            int(random.integers(7, 180)),
            float(random.uniform(0.0, 0.07)),
            float(random.uniform(0.0, 0.05)),
            float(random.uniform(0.12, 0.8)),
            bool(random.random() < 0.5),
        )
        for _ in range(COUNT)
    ]


def _option(case: tuple[float, float, int, float, float, float, bool], *, american: bool) -> Any:
    spot, strike, days, rate, carry, volatility, is_call = case
    today, count = ql.Date(TODAY, 1, 2026), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today

    def flat(level: float) -> Any:
        return ql.YieldTermStructureHandle(ql.FlatForward(today, level, count))

    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        flat(carry),
        flat(rate),
        ql.BlackVolTermStructureHandle(
            ql.BlackConstantVol(today, ql.NullCalendar(), volatility, count)
        ),
    )
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, strike)
    end = today + days
    exercise = ql.AmericanExercise(today, end) if american else ql.EuropeanExercise(end)
    option = ql.VanillaOption(payoff, exercise)
    engine = (
        ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.accurateScheme())
        if american
        else ql.AnalyticEuropeanEngine(process)
    )
    option.setPricingEngine(engine)
    return option


def test_european_prices_greeks_and_volatilities_agree() -> None:
    for case in _cases():
        spot, strike, days, rate, carry, volatility, is_call = case
        t = days / 365.0
        oracle = _option(case, american=False)
        value = price(spot, strike, t, rate, carry, volatility, is_call)
        assert float(value) == pytest.approx(oracle.NPV(), abs=1e-10 * spot)
        found = greeks(spot, strike, t, rate, carry, volatility, is_call)
        for name in ("delta", "gamma", "theta", "vega", "rho"):
            expected = getattr(oracle, name)()
            assert float(getattr(found, name)) == pytest.approx(expected, abs=1e-8), (name, case)
        discount = np.exp(-rate * t)
        implied = implied_volatility(
            np.array([oracle.NPV()]), spot * np.exp((rate - carry) * t), np.array([strike]), t,
            discount, is_call,
        )[0]  # fmt: skip
        if found.vega > 1e-3:
            assert implied == pytest.approx(volatility, abs=1e-9)


def test_american_prices_agree_within_the_formulas_known_error() -> None:
    """QuantLib's fixed-point engine is exact to many digits; the quadratic approximation is not."""
    cases = [case for case in _cases() if case[3] > 0.0]
    misses = np.array(
        [
            float(american_price(case[0], case[1], case[2] / 365.0, *case[3:]))
            - _option(case, american=True).NPV()
            for case in cases
        ]
    )
    assert float(np.median(np.abs(misses))) < 0.002
    assert float(np.quantile(np.abs(misses), 0.99)) < 0.05
    assert float(np.max(np.abs(misses))) < 0.08
