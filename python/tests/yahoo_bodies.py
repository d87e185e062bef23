"""Yahoo's bodies by hand and as recorded, and a transport that gives them."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.options.pricing import price

Body = dict[str, Any]
DAY = 86_400
PRE_MARKET = datetime(2025, 2, 24, 9, 25, tzinfo=UTC)
"""Just after the recorded option chains were: a Monday, 04:25 in New York."""
IN_SESSION = datetime(2025, 2, 24, 16, 0, tzinfo=UTC)
LAST_CLOSE = 1_740_171_601
"""21 February 2025, 16:00:01 in New York."""
NAMES = {
    "chart": "yahoo_chart-AAPL-2020-08-31-to-2020-11-07.json",
    "without_times": "yahoo_chart-notimestamp-quotes-length.fake.json",
    "split": "yahoo_historical-via-chart-NVDA-split-2021-02-01-to-2022-01-31.csv.json",
    "AMZN": "yahoo_options_AMZN.json",
    "QQQ": "yahoo_options_QQQ.json",
    "AAPL": "yahoo_quote-AAPL.json",
}


def recorded(shared_data: Path, name: str) -> Body:
    body: Body = json.loads((shared_data / "yahoo" / NAMES[name]).read_text())
    inner: Body = body.get("body", body)
    return inner


def quote_row(symbol: str = "AAPL", **changes: Any) -> Body:
    return {
        "symbol": symbol,
        "quoteType": "EQUITY",
        "currency": "USD",
        "exchangeTimezoneName": "America/New_York",
        "marketState": "REGULAR",
        "regularMarketPrice": 100.0,
        "regularMarketTime": int(IN_SESSION.timestamp()) - 5,
        "regularMarketPreviousClose": 99.0,
        "regularMarketVolume": 1_000_000,
        "bid": 99.99,
        "ask": 100.01,
        "earningsTimestampStart": 1_746_010_740,
        "earningsTimestampEnd": 1_746_446_400,
        "isEarningsDateEstimate": True,
        **changes,
    }


def quotes_body(*found: Body) -> Body:
    return {"quoteResponse": {"result": list(found), "error": None}}


def contract(day: int, strike: float, right: str, **changes: Any) -> Body:
    return {
        "contractSymbol": f"AAPL250411{right}{int(strike * 1000):08d}",
        "strike": strike,
        "currency": "USD",
        "volume": 10,
        "openInterest": 1000,
        "contractSize": "REGULAR",
        "expiration": day * DAY,
        "impliedVolatility": 1.0000000000000003e-05,
        **changes,
    }


def options_body(
    contracts: Sequence[Body], expiries: Sequence[int] = (), quote: Body | None = None
) -> Body:
    def side(right: str) -> list[Body]:
        return [row for row in contracts if row["contractSymbol"][-9] == right]

    part = {"expirationDate": 0, "calls": side("C"), "puts": side("P")}
    result = {
        "underlyingSymbol": "AAPL",
        "expirationDates": [day * DAY for day in expiries],
        "quote": quote or quote_row(),
        "options": [part] if contracts else [],
    }
    return {"optionChain": {"result": [result], "error": None}}


def fair_contracts(day: int, dte: int) -> list[Body]:
    """A tight two-sided market about 100."""
    rows = []
    for strike in np.arange(80.0, 121.0, 2.5):
        for right, is_call in (("C", True), ("P", False)):
            fair = float(
                price(100.0, strike, dte / 365.0, 0.04, 0.0, 0.3, np.array(is_call)).item()
            )
            rows.append(
                contract(
                    day,
                    float(strike),
                    right,
                    bid=max(0.0, round(fair - 0.02, 2)),
                    ask=round(fair + 0.02, 2),
                )
            )
    return rows


def chart_body(
    times: Sequence[int], closes: Sequence[float | None], *, interval: str = "1d", **result: Any
) -> Body:
    def column(change: float) -> list[float | None]:
        return [None if close is None else close + change for close in closes]

    quote = {
        "open": column(0.0),
        "high": column(1.0),
        "low": column(-1.0),
        "close": column(0.0),
        "volume": [None if close is None else 1000 for close in closes],
    }
    meta = {
        "currency": "USD",
        "symbol": "AAPL",
        "exchangeTimezoneName": "America/New_York",
        "regularMarketTime": LAST_CLOSE,
        "dataGranularity": interval,
        **result.pop("meta", {}),
    }
    whole = {
        "meta": meta,
        "timestamp": list(times),
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": column(0.0)}]},
        **result,
    }
    return {"chart": {"result": [whole], "error": None}}


def sessions_until(moment: datetime, count: int) -> list[int]:
    """Opens of the last sessions that were over at that moment."""
    table = session_table()
    completed = table.completed(moment.timestamp())
    return [int(second) for second in table.opens[completed - count : completed]]


def not_found(symbol: str) -> Body:
    error = {"code": "Not Found", "description": f"No data found for {symbol}"}
    return {"chart": {"result": None, "error": error}}


class GivenTransport:
    """Gives what it is told to, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[object, ...]] = Counter()
        self.charts: dict[str, Body] = {}
        self.chains: dict[str, Body] = {}
        self.rows: dict[str, Body] = {}
        self.summaries: dict[str, Body] = {}
        self.articles: dict[str, Body] = {}
        self.spans: list[tuple[int, int]] = []
        self.failure: Exception | None = None

    def _count(self, *what: object) -> None:
        self.asked[what] += 1
        if self.failure is not None:
            raise self.failure

    def chart(self, symbol: str, interval: str, start: int, end: int) -> Body:
        self._count("chart", symbol, interval)
        self.spans.append((start, end))
        return self.charts.get(symbol, not_found(symbol))

    def options(self, symbol: str, expiry: int | None) -> Body:
        """Other expiries than the first have the same contracts, moved to that day."""
        self._count("options", symbol, expiry)
        body = self.chains.get(symbol)
        if body is None:
            return {"optionChain": {"result": [], "error": None}}
        if expiry is None:
            return body
        moved: Body = json.loads(json.dumps(body))
        for part in moved["optionChain"]["result"][0]["options"]:
            for row in (*part["calls"], *part["puts"]):
                row["expiration"] = expiry
        return moved

    def quotes(self, symbols: Sequence[str]) -> Body:
        self._count("quotes", *symbols)
        return quotes_body(*(self.rows[symbol] for symbol in symbols if symbol in self.rows))

    def summary(self, symbol: str) -> Body:
        self._count("summary", symbol)
        error = {"code": "Not Found", "description": "Quote not found"}
        return self.summaries.get(symbol, {"quoteSummary": {"result": None, "error": error}})

    def news(self, symbol: str) -> Body:
        self._count("news", symbol)
        return self.articles.get(symbol, {"news": []})
