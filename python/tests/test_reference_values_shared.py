"""Every published value of ../shared/data/reference/reference-values.json."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import SHARED_DATA
from published_tables import ATR_CLOSE, ATR_HIGH, ATR_LOW, BAND_CLOSE

from ttai_analysis.chart import indicators
from ttai_analysis.options.early_exercise import american_price
from ttai_analysis.options.implied_volatility import implied_volatility
from ttai_analysis.options.pricing import greeks, price
from ttai_analysis.providers.base import FloatArray

REFERENCE = SHARED_DATA / "reference"
FILE = REFERENCE / "reference-values.json"
ABSENT = "../shared/data/reference is absent"


def _entries(kind: str) -> list[Any]:
    if not FILE.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))]
    return list(json.loads(FILE.read_text())[kind])


@pytest.mark.parametrize("entry", _entries("option_price"), ids=str)
def test_option_price(entry: dict[str, Any]) -> None:
    found = price(
        entry["S"], entry["K"], entry["t"], entry["r"], entry["q"], entry["sigma"],
        entry["type"] == "call",
    )  # fmt: skip
    assert float(found) == pytest.approx(entry["price"], abs=entry["tol"])


@pytest.mark.parametrize("entry", _entries("option_greek"), ids=str)
def test_option_greek(entry: dict[str, Any]) -> None:
    inputs = (entry["S"], entry["K"], entry["t"], entry["r"], entry["q"], entry["sigma"])
    if "greek" in entry:
        is_call = entry["type"] == "call"
        found = greeks(*inputs, is_call)
        values = {
            "delta": found.delta, "gamma": found.gamma, "vega": found.vega, "rho": found.rho,
            "theta_per_day_365": found.theta / 365.0,
            "dividend_rho": _dividend_rho(*inputs, is_call=is_call),
        }  # fmt: skip
        assert float(values[entry["greek"]]) == pytest.approx(entry["value"], abs=entry["tol"])
        return
    for side, is_call in (("call", True), ("put", False)):
        found = greeks(*inputs, is_call)
        checks = {
            f"{side}_price": price(*inputs, is_call), f"{side}_delta": found.delta,
            "gamma": found.gamma, f"{side}_theta_per_year": found.theta, "vega": found.vega,
            f"{side}_rho": found.rho,
        }  # fmt: skip
        for name, value in checks.items():
            assert float(value) == pytest.approx(entry[name], rel=1e-7, abs=entry["tol"]), name


def _dividend_rho(
    spot: float, strike: float, t: float, r: float, q: float, sigma: float, *, is_call: bool
) -> FloatArray:
    step = 1e-6
    above = price(spot, strike, t, r, q + step, sigma, is_call)
    below = price(spot, strike, t, r, q - step, sigma, is_call)
    return np.asarray((above - below) / (2 * step))


@pytest.mark.parametrize("entry", _entries("implied_vol"), ids=str)
def test_implied_volatility(entry: dict[str, Any]) -> None:
    t, r = entry["t"], entry["r"]
    found = implied_volatility(
        np.array([float(entry["price"])]),
        entry["S"] * np.exp((r - entry["q"]) * t),
        np.array([float(entry["K"])]),
        t,
        np.exp(-r * t),
        entry["type"] == "call",
    )
    assert found[0] == pytest.approx(entry["iv"], abs=entry["tol"])


@pytest.mark.parametrize("entry", _entries("american_price"), ids=str)
def test_american_price(entry: dict[str, Any]) -> None:
    found = american_price(
        entry["S"], entry["K"], entry["t"], entry["r"], entry["q"], entry["sigma"],
        entry["type"] == "call",
    )  # fmt: skip
    # The published values are those of the same formula, to three digits.
    assert float(found) == pytest.approx(entry["price"], abs=min(entry["tol"], 1e-3))
    assert float(found) == pytest.approx(entry["crr_1000"], abs=entry["tol"])


@pytest.mark.parametrize("entry", _entries("parity_and_identities"), ids=str)
def test_identity(entry: dict[str, Any]) -> None:
    random = np.random.default_rng(11)
    n = 20_000
    spot, strike = random.uniform(50.0, 200.0, n), random.uniform(50.0, 200.0, n)
    t, v = random.uniform(0.02, 2.0, n), random.uniform(0.05, 1.0, n)
    r, q = random.uniform(0.0, 0.1, n), random.uniform(0.0, 0.08, n)
    inputs = (spot, strike, t, r, q, v)
    call, put = greeks(*inputs, True), greeks(*inputs, False)
    discount, carry = np.exp(-r * t), np.exp(-q * t)
    if entry["name"] == "put_call_parity":
        gap = price(*inputs, True) - price(*inputs, False) - (spot * carry - strike * discount)
        misses = [gap / spot]
    elif entry["name"] == "delta_parity":
        misses = [call.delta - put.delta - carry]
    elif entry["name"] == "gamma/vega equal for call and put":
        misses = [call.gamma - put.gamma, call.vega - put.vega]
    else:
        assert entry["name"] == "iv roundtrip"
        value, forward = price(*inputs, True), spot * carry / discount
        found = implied_volatility(value, forward, strike, t, discount, True)
        time_value = value - np.maximum(spot * carry - strike * discount, 0.0)
        misses = [(found - v)[time_value > 1e-6]]
    assert max(float(np.max(np.abs(miss))) for miss in misses) <= entry["tol"]


SHEETS = {
    "cs-atr.csv": {"high": ATR_HIGH, "low": ATR_LOW, "close": ATR_CLOSE},
    "cs-bbands.csv": {"high": BAND_CLOSE, "low": BAND_CLOSE, "close": BAND_CLOSE},
}


def _columns(name: str) -> dict[str, FloatArray]:
    with (REFERENCE / name).open() as stream:
        rows = list(csv.DictReader(stream))
    return {
        column: np.array([float(row[column]) for row in rows])
        for column in ("high", "low", "close")
    }


def _series(entry: dict[str, Any], data: dict[str, FloatArray]) -> FloatArray:
    high, low, close = data["high"], data["low"], data["close"]
    n = entry["params"].get("n", 14)
    name = entry["name"]
    if "StockCharts" in entry["params"].get("note", ""):
        # That sheet begins with the range of its first bar, which has no close before it.
        ranges = indicators.true_range(high, low, close)
        ranges[0] = high[0] - low[0]
        return indicators.wilder(ranges, n, start=0)
    if name.startswith("macd"):
        return np.asarray(getattr(indicators.macd(close), name.removeprefix("macd_")))
    if name.startswith("bb_"):
        return np.asarray(getattr(indicators.bollinger(close, n), name.removeprefix("bb_")))
    if name in ("plus_di", "minus_di", "dx", "adx"):
        return np.asarray(getattr(indicators.directional(high, low, close, n), name))
    simple = {
        "rsi_wilder": lambda: indicators.rsi(close, n),
        "atr_wilder": lambda: indicators.atr(high, low, close, n),
        "true_range": lambda: indicators.true_range(high, low, close),
        "ema": lambda: indicators.ema(close, n),
        "sma": lambda: indicators.sma(close, n),
    }
    return simple[name]()


@pytest.mark.parametrize("entry", _entries("indicator"), ids=str)
def test_indicator(entry: dict[str, Any]) -> None:
    source = entry["data"]
    if source.startswith("inline:"):
        close = np.array(json.loads(source.removeprefix("inline:")))
        data = {"high": close, "low": close, "close": close}
    elif (REFERENCE / source).is_file():
        data = _columns(source)
    else:
        data = SHEETS[Path(source).name]
    assert _series(entry, data)[entry["index"]] == pytest.approx(entry["value"], abs=entry["tol"])


def test_no_kind_of_entry_is_left_out() -> None:
    if not FILE.is_file():
        pytest.skip(ABSENT)
    held = json.loads(FILE.read_text())
    tested = ("option_price", "option_greek", "implied_vol", "american_price", "indicator",
              "parity_and_identities")  # fmt: skip
    assert set(held) == {"_about", *tested}
    assert sum(len(held[kind]) for kind in tested) >= 153
