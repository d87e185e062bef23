"""Published values entered by hand: these run everywhere, with or without ../shared."""

from typing import Any

import numpy as np
import pytest

from ttai_analysis.chart.indicators import bollinger, ema, rsi, sma
from ttai_analysis.options.odds import probability_below, probability_of_touch
from ttai_analysis.options.pricing import greeks, price

HAUG = "Haug, Option Pricing Formulas (1998)"
HULL = "Hull, Options, Futures and Other Derivatives"
WILDER_SAMPLE = "Stock prices of the published RSI(5) example, as in reference-values.json"

PRICES = [
    # source, call?, S, K, t, r, q, sigma, price, tolerance
    (f"{HAUG} p.2", True, 60, 65, 0.25, 0.08, 0.0, 0.30, 2.1334, 1e-4),
    (f"{HAUG} p.4", False, 100, 95, 0.50, 0.10, 0.05, 0.20, 2.4648, 1e-4),
    (f"{HAUG} p.6", False, 19, 19, 0.75, 0.10, 0.10, 0.28, 1.7011, 1e-4),
    (f"{HAUG} p.8", False, 75, 70, 0.50, 0.10, 0.05, 0.35, 4.0870, 1e-4),
    (f"{HAUG} p.24", True, 100, 100, 0.10, 0.10, 0.10, 0.15, 1.8734, 1e-4),
    (f"{HAUG} p.24", True, 110, 100, 0.10, 0.10, 0.10, 0.25, 10.3556, 1e-4),
    (f"{HAUG} p.24", True, 90, 100, 0.50, 0.10, 0.10, 0.25, 2.7026, 1e-4),
    (f"{HAUG} p.27", True, 42, 40, 0.75, 0.04, 0.08, 0.35, 5.0975, 1e-4),
    (f"{HULL} ex. 15.6", True, 42, 40, 0.50, 0.10, 0.0, 0.20, 4.76, 5e-3),
    (f"{HULL} ex. 15.6", False, 42, 40, 0.50, 0.10, 0.0, 0.20, 0.81, 5e-3),
    (f"{HULL} ex. 17.1", True, 930, 900, 2 / 12, 0.08, 0.03, 0.20, 51.83, 5e-3),
]

GREEKS = [
    (f"{HAUG} p.11", "delta", True, 105, 100, 0.5, 0.10, 0.10, 0.36, 0.5946, 1e-4),
    (f"{HAUG} p.13", "gamma", True, 55, 60, 0.75, 0.10, 0.0, 0.30, 0.0278, 1e-4),
    (f"{HAUG} p.14", "vega", True, 55, 60, 0.75, 0.10, 0.0, 0.30, 18.9358, 1e-4),
    (f"{HAUG} p.15", "theta", False, 430, 405, 1 / 12, 0.07, 0.05, 0.20, -31.1924, 1e-3),
    (f"{HAUG} p.16", "rho", True, 72, 75, 1.0, 0.09, 0.0, 0.19, 38.7325, 1e-4),
    (f"{HULL} ch. 19", "delta", True, 49, 50, 0.3846, 0.05, 0.0, 0.20, 0.522, 1e-3),
    (f"{HULL} ch. 19", "gamma", True, 49, 50, 0.3846, 0.05, 0.0, 0.20, 0.066, 1e-3),
    (f"{HULL} ch. 19", "theta", True, 49, 50, 0.3846, 0.05, 0.0, 0.20, -4.31, 1e-2),
    (f"{HULL} ch. 19", "vega", True, 49, 50, 0.3846, 0.05, 0.0, 0.20, 12.1, 5e-2),
    (f"{HULL} ch. 19", "rho", True, 49, 50, 0.3846, 0.05, 0.0, 0.20, 8.91, 1e-2),
]

RSI_PRICES = np.array(
    [81.59, 81.06, 82.87, 83.0, 83.61, 83.15, 82.84, 83.99, 84.55, 84.36, 85.53, 86.54, 86.89,
     87.77, 87.29]
)  # fmt: skip
RSI_VALUES = [
    (5, 72.034),
    (6, 64.927),
    (7, 75.936),
    (8, 79.796),
    (9, 74.713),
    (10, 83.033),
    (12, 88.755),
    (13, 91.483),
    (14, 78.498),
]


@pytest.mark.parametrize("case", PRICES, ids=lambda case: f"{case[0]}-{case[2]}-{case[3]}")
def test_published_option_price(case: tuple[Any, ...]) -> None:
    _, is_call, spot, strike, t, r, q, sigma, expected, tolerance = case
    assert float(price(spot, strike, t, r, q, sigma, is_call)) == pytest.approx(
        expected, abs=tolerance
    )


@pytest.mark.parametrize("case", GREEKS, ids=lambda case: f"{case[0]}-{case[1]}")
def test_published_greek(case: tuple[Any, ...]) -> None:
    _, name, is_call, spot, strike, t, r, q, sigma, expected, tolerance = case
    found = getattr(greeks(spot, strike, t, r, q, sigma, is_call), name)
    assert float(found) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(("index", "expected"), RSI_VALUES)
def test_published_rsi(index: int, expected: float) -> None:
    assert rsi(RSI_PRICES, 5)[index] == pytest.approx(expected, abs=6e-4), WILDER_SAMPLE


def test_probabilities_of_the_worked_example() -> None:
    """S=100, K=92, 45 days, v=.3: P(ITM) .216, delta .186, P(touch) .431 (analysis.md)."""
    t = 45 / 365
    rate = 0.04
    forward = 100 * np.exp(rate * t)
    assert float(probability_below(92.0, forward, t, 0.3)) == pytest.approx(0.216, abs=2e-3)
    assert float(greeks(100, 92, t, rate, 0, 0.3, False).delta) == pytest.approx(-0.186, abs=3e-3)
    touch = float(probability_of_touch(92.0, 100.0, t, rate, 0.0, 0.3))
    assert touch == pytest.approx(0.431, abs=6e-3)


def test_averages_are_seeded_as_published() -> None:
    values = np.arange(1.0, 11.0)
    assert sma(values, 4)[3] == 2.5
    assert ema(values, 4)[3] == 2.5
    assert ema(values, 4)[4] == pytest.approx(2.5 + 0.4 * (5 - 2.5))
    bands = bollinger(np.array([1.0, 2.0, 3.0, 4.0]), n=4)
    assert bands.upper[3] == pytest.approx(2.5 + 2 * np.sqrt(1.25))
