"""Published values entered by hand: these run everywhere, with or without ../shared."""

from typing import Any

import numpy as np
import pytest
from published_tables import ATR_CLOSE, ATR_HIGH, ATR_LOW, BAND_CLOSE

from ttai_analysis.chart.indicators import bollinger, ema, rsi, sma, true_range, wilder
from ttai_analysis.options.early_exercise import american_price
from ttai_analysis.options.implied_volatility import implied_volatility
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


JU = "Ju (1999), table of American prices, as in QuantLib's americanoption.cpp"
EXACT = "Black-Scholes-Merton with 50 digits, inverted exactly"
SHEET = "StockCharts ChartSchool worked example, as kept by bukosabino/ta"

AMERICAN = [
    # source, call?, S, K, t, r, q, sigma, price, tolerance
    (JU, False, 40, 35, 0.3333, 0.0488, 0.0, 0.2, 0.201, 1e-3),
    (JU, False, 40, 40, 0.3333, 0.0488, 0.0, 0.2, 1.576, 1e-3),
    (JU, False, 40, 40, 0.5833, 0.0488, 0.0, 0.2, 1.984, 1e-3),
    (JU, False, 40, 45, 0.0833, 0.0488, 0.0, 0.2, 5.000, 1e-3),
    (JU, False, 40, 45, 0.5833, 0.0488, 0.0, 0.2, 5.260, 1e-3),
    (JU, False, 40, 40, 0.3333, 0.0488, 0.0, 0.3, 2.477, 1e-3),
    (JU, False, 40, 45, 0.5833, 0.0488, 0.0, 0.3, 6.231, 1e-3),
    (JU, False, 40, 45, 0.5833, 0.0488, 0.0, 0.4, 7.367, 1e-3),
    (JU, True, 80, 100, 3.0, 0.03, 0.07, 0.2, 2.605, 1e-3),
    (JU, True, 100, 100, 3.0, 0.03, 0.07, 0.2, 9.065, 1e-3),
    (JU, True, 120, 100, 3.0, 0.03, 0.07, 0.2, 21.398, 1e-3),
    (JU, True, 100, 100, 3.0, 0.03, 0.07, 0.4, 20.760, 1e-3),
    (JU, True, 100, 100, 3.0, 0.00001, 0.07, 0.3, 13.158, 1e-3),
    (JU, True, 100, 100, 3.0, 0.07, 0.03, 0.3, 23.402, 1e-3),
]

IMPLIED = [
    # source, call?, S, K, t, r, q, price, volatility, tolerance
    (EXACT, False, 100, 100, 45 / 365, 0.05, 0.0, 3.191394039692801743, 0.25, 1e-9),
    (EXACT, False, 100, 80, 30 / 365, 0.045, 0.01, 0.67666066869722230934, 0.60, 1e-9),
    (EXACT, False, 100, 70, 7 / 365, 0.05, 0.0, 0.0062600017907868954542, 0.90, 1e-9),
    (EXACT, False, 100, 95, 1 / 365, 0.05, 0.0, 8.6714912605873731265e-8, 0.20, 1e-9),
    (EXACT, False, 100, 110, 1.0, 0.03, 0.02, 11.447234925727288395, 0.15, 1e-9),
    (EXACT, True, 250, 300, 60 / 365, 0.04, 0.005, 1.0835316748420144083, 0.30, 1e-9),
    (EXACT, False, 100, 99.5, 0.5 / 365, 0.05, 0.0, 0.027845793879923202704, 0.12, 1e-9),
    (EXACT, False, 500, 400, 45 / 365, 0.05, 0.013, 0.015787246894212939867, 0.22, 1e-9),
    (EXACT, False, 5, 2.5, 30 / 365, 0.05, 0.0, 0.14621261286329622408, 2.20, 1e-9),
]

BANDS = [(19, 91.291862), (20, 91.949268), (21, 92.612595), (25, 93.899592), (41, 94.432224)]
LOWER_BANDS = [(19, 86.124018), (20, 86.141052), (41, 87.468136)]
TRUE_RANGES = [(8, 0.60), (14, 1.10), (21, 0.9325), (24, 6.7701)]
AVERAGE_RANGES = [
    (13, 0.555), (14, 0.5939285714), (15, 0.5857908163), (20, 0.6743289618), (24, 1.209229133),
    (29, 1.316482269),
]  # fmt: skip


def test_at_least_sixty_values_stand_here_with_their_source() -> None:
    sourced = [*PRICES, *GREEKS, *AMERICAN, *IMPLIED]
    assert all(isinstance(case[0], str) and len(case[0]) > 10 for case in sourced)
    of_sheets = [*RSI_VALUES, *BANDS, *LOWER_BANDS, *TRUE_RANGES, *AVERAGE_RANGES]
    assert WILDER_SAMPLE
    assert SHEET
    assert len(set(sourced)) + len(of_sheets) >= 60


@pytest.mark.parametrize("case", AMERICAN, ids=lambda case: f"{case[2]}-{case[3]}-{case[7]}")
def test_published_american_price(case: tuple[Any, ...]) -> None:
    _, is_call, spot, strike, t, r, q, sigma, expected, tolerance = case
    found = float(american_price(spot, strike, t, r, q, sigma, is_call))
    assert found == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("case", IMPLIED, ids=lambda case: f"{case[2]}-{case[3]}-{case[8]}")
def test_exact_implied_volatility(case: tuple[Any, ...]) -> None:
    _, is_call, spot, strike, t, r, q, value, expected, tolerance = case
    found = implied_volatility(
        np.array([value]), spot * np.exp((r - q) * t), np.array([float(strike)]), t,
        np.exp(-r * t), is_call,
    )  # fmt: skip
    assert found[0] == pytest.approx(expected, abs=tolerance)


def test_published_bands_and_ranges() -> None:
    bands = bollinger(BAND_CLOSE)
    for index, expected in BANDS:
        assert bands.upper[index] == pytest.approx(expected, abs=2e-6), SHEET
    for index, expected in LOWER_BANDS:
        assert bands.lower[index] == pytest.approx(expected, abs=2e-6), SHEET
    ranges = true_range(ATR_HIGH, ATR_LOW, ATR_CLOSE)
    for index, expected in TRUE_RANGES:
        assert ranges[index] == pytest.approx(expected, abs=1e-9), SHEET
    ranges[0] = ATR_HIGH[0] - ATR_LOW[0]
    average = wilder(ranges, 14, start=0)
    for index, expected in AVERAGE_RANGES:
        assert average[index] == pytest.approx(expected, abs=1e-6), SHEET


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
