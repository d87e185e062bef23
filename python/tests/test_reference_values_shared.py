"""Every published value of ../shared/data/reference/reference-values.json."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import SHARED_DATA

from ttai_analysis.chart import indicators
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
        pytest.skip(f"the bars {Path(source).name} are not in ../shared")
    assert _series(entry, data)[entry["index"]] == pytest.approx(entry["value"], abs=entry["tol"])
