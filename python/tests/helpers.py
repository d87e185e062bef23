"""What several tests share: the moment of the tests, a client, bars made by hand."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from ttai_analysis.app import create_app
from ttai_analysis.chart.series import Series
from ttai_analysis.context import ServiceContext
from ttai_analysis.providers.base import Chain, FloatArray
from ttai_analysis.settings import Settings
from ttai_analysis.timestamps import ordinal_of

NOW = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)
"""A Wednesday, in session, not near a change of clocks' hour."""
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
BASE = "http://service"
AT_100 = "KMI"
"""A symbol that the simulated market trades at about 100 then, as the chains made by hand say."""


class Client:
    """Calls the application in this process; every call is complete when it returns."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
                return await http.request(method, path, **arguments)

        return asyncio.run(run())

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.call("GET", path, **arguments)

    def post(self, path: str, body: Any, **arguments: Any) -> httpx.Response:
        return self.call("POST", path, json=body, **arguments)

    def answer(self, path: str, body: Any) -> dict[str, Any]:
        response = self.post(path, body)
        assert response.status_code == 200, response.text
        return parse(response)


def client_for(settings: Settings) -> Client:
    return Client(create_app(ServiceContext(settings)))


def parse(response: httpx.Response) -> dict[str, Any]:
    """The JSON object, refusing NaN and Infinity."""

    def refuse(name: str) -> float:
        raise AssertionError(f"{name} in an answer")

    found = json.loads(response.content, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


def error_of(response: httpx.Response) -> dict[str, Any]:
    body = parse(response)
    assert list(body) == ["error"]
    error = body["error"]
    assert isinstance(error, dict)
    assert {"code", "message", "retryable"} <= error.keys()
    return error


def series_of(close: FloatArray, *, spread: float = 0.01, volume: float = 2e6) -> Series:
    """Bars about given closes, one per weekday."""
    days = np.arange(close.size) + 18_000
    opens = np.concatenate([close[:1], close[:-1]])
    top = np.maximum(opens, close) * (1.0 + spread / 2.0)
    bottom = np.minimum(opens, close) * (1.0 - spread / 2.0)
    return Series(
        timestamps=(days * 86_400).astype(np.int64),
        open=opens,
        high=top,
        low=bottom,
        close=close,
        volume=np.full(close.size, volume),
    )


def input_bars(series: Series) -> list[dict[str, float]]:
    """The series as a request's bars."""
    return [
        {"timestamp": int(at), "open": o, "high": h, "low": low, "close": c, "volume": v}
        for at, o, h, low, c, v in zip(
            series.timestamps.tolist(),
            series.open.tolist(),
            series.high.tolist(),
            series.low.tolist(),
            series.close.tolist(),
            series.volume.tolist(),
            strict=True,
        )
    ]


def one_expiry_chain(
    *, dte: int = 44, spot: float = 100.0, iv: float = 0.3, width: float = 0.02
) -> Chain:
    """A fair chain of one expiry (a Friday) with a tight, two-sided market."""
    from ttai_analysis.options.pricing import price

    strikes = np.arange(70.0, 131.0, 2.5)
    strike = np.concatenate([strikes, strikes])
    is_call = np.repeat([True, False], strikes.size)
    fair = price(spot, strike, dte / 365.0, 0.04, 0.0, iv, is_call)
    day = ordinal_of((NOW + timedelta(days=dte)).date())
    return Chain(
        symbol="TEST",
        as_of=NOW,
        underlying_price=spot,
        expiry=np.full(strike.size, day, dtype=np.int64),
        strike=strike,
        is_call=is_call,
        bid=np.maximum(0.0, np.round(fair - width, 2)),
        ask=np.round(fair + width, 2),
        open_interest=np.full(strike.size, 1000.0),
        volume=np.full(strike.size, 50.0),
    )


def chain_body(chain: Chain, **changes: Any) -> dict[str, Any]:
    """The chain as a request's `optionChain`; `changes` overwrite every contract's fields."""
    from ttai_analysis.timestamps import date_from_ordinal

    return {
        "underlyingPrice": chain.underlying_price,
        "options": [
            {
                "expiration": date_from_ordinal(int(chain.expiry[row])).isoformat(),
                "strike": float(chain.strike[row]),
                "right": "C" if chain.is_call[row] else "P",
                "bid": float(chain.bid[row]),
                "ask": float(chain.ask[row]),
                "openInterest": float(chain.open_interest[row]),
                **changes,
            }
            for row in range(len(chain))
        ],
    }
