"""What the local tastytrade quotes: AAPL (options, reports, dividends) and SPY (a fund).

For: rows, chains, events and candles in tastytrade's and dxFeed's shapes; prices of options are
fair ones at one volatility. Not for: speaking to anybody (tastytrade_server.py).
"""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from helpers import NOW

from ttai_analysis.options.pricing import price
from ttai_analysis.providers.simulated.provider import SimulatedProvider

SPOT, IV, RATE = 100.0, 0.30, 0.04
EXPIRIES = (date(2026, 4, 17), date(2026, 5, 1), date(2026, 5, 15))
STRIKES = tuple(70.0 + 2.5 * step for step in range(25))
FLAG_BEGIN, FLAG_END, FLAG_REMOVE = 0x4, 0x8, 0x2

MARKET = SimulatedProvider(seed="tastytrade")


def occ(expiry: date, strike: float, right: str, root: str = "AAPL") -> str:
    return f"{root:<6}{expiry:%y%m%d}{right}{round(strike * 1000):08d}"


def streamer(expiry: date, strike: float, right: str, root: str = "AAPL") -> str:
    return f".{root}{expiry:%y%m%d}{right}{strike:g}"


def event_of(kind: str, symbol: str) -> dict[str, object]:
    event: dict[str, object] = {"eventSymbol": symbol, "eventTime": 0}
    option = symbol.startswith(".")
    if kind == "Quote":
        fair = _fair_of(symbol) if option else _spot(symbol)
        half = max(0.01, round(0.01 * fair, 2)) if option else 0.01
        event |= {"bidPrice": round(fair - half, 2), "askPrice": round(fair + half, 2)}
        event |= {"bidTime": 0, "askTime": 0, "bidSize": 10, "askSize": "NaN"}
    elif kind == "Trade":
        at = (NOW - timedelta(seconds=5)).timestamp() * 1000
        event |= {"time": at, "price": _spot(symbol) if not option else "NaN"}
        event |= {"dayVolume": 1_000_000.0}
    elif kind == "Summary":
        event |= {"prevDayClosePrice": _spot(symbol) - 1.0, "openInterest": 1200}
    elif kind == "Greeks":
        event |= {"time": 0, "price": _fair_of(symbol), "volatility": IV, "delta": -0.2}
        event |= {"gamma": 0.02, "theta": -0.05, "rho": -0.01, "vega": 0.1}
    return event


def candles_of(symbol: str, from_time: int, *, ends: bool) -> list[list[dict[str, object]]]:
    """Newest first, in two messages, the flag of the end on the last one."""
    ticker, _, attributes = symbol.partition("{")
    # As dxFeed does: `1d` comes back as `d`.
    shown = f"{ticker}{{{attributes.replace('=1', '=', 1)}"
    if ticker not in ("AAPL", "SPY"):
        flags = FLAG_BEGIN | FLAG_END | FLAG_REMOVE
        return [[{"eventSymbol": shown, "eventFlags": flags, "index": 0, "time": 0}]]
    rows = _history(ticker, intraday="5m" in attributes)
    events: list[dict[str, object]] = [
        {
            "eventSymbol": shown,
            "eventFlags": 0,
            "index": at << 22,
            "time": at * 1000,
            **dict(zip(("open", "high", "low", "close", "volume"), values, strict=True)),
        }
        for at, values in reversed(rows)
        if at * 1000 >= from_time
    ]
    if events:
        events[0]["eventFlags"] = FLAG_BEGIN
        events[-1]["eventFlags"] = FLAG_END if ends else 0
    half = len(events) // 2
    return [events[:half], events[half:]]


def _spot(symbol: str) -> float:
    return 576.89 if symbol == "SPY" else SPOT


def _fair(expiry: date, strike: float, right: str) -> float:
    closes = datetime(expiry.year, expiry.month, expiry.day, 20, 0, tzinfo=UTC)
    years = (closes - NOW).total_seconds() / (365 * 86_400)
    value = price(SPOT, np.array([strike]), years, RATE, 0.0, IV, np.array([right == "C"]))
    return max(0.02, round(float(value[0]), 2))


def _fair_of(streamer_symbol: str) -> float:
    body = streamer_symbol.lstrip(".ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return _fair(
        datetime.strptime(body[:6], "%y%m%d").replace(tzinfo=UTC).date(), float(body[7:]), body[6]
    )


def row_of(symbol: str) -> dict[str, object]:
    """Numbers as texts, as numbers, and as "NaN", as they come."""
    if len(symbol) == 21:
        expiry = datetime.strptime(symbol[6:12], "%y%m%d").replace(tzinfo=UTC).date()
        fair = _fair(expiry, int(symbol[13:]) / 1000, symbol[12])
        row = {"bid": str(round(fair - 0.01, 2)), "ask": round(fair + 0.01, 2), "last": "NaN"}
        row |= {"volume": "NaN", "open-interest": 1200, "instrument-type": "Equity Option"}
    else:
        spot = _spot(symbol)
        row = {"bid": str(spot - 0.01), "ask": spot + 0.01, "last": str(spot), "beta": "NaN"}
        row |= {"volume": "2000000.0", "prev-close": str(spot - 1.0), "instrument-type": "Equity"}
    at = NOW - timedelta(seconds=20)
    return {"symbol": symbol, "updated-at": at.isoformat(), "trading-halted": False, **row}


METRICS = ("AAPL", "SPY")


def metrics_of(symbol: str) -> dict[str, object]:
    item: dict[str, object] = {
        "symbol": symbol,
        "implied-volatility-index": "0.3125",
        "tw-implied-volatility-index-rank": "0.41",
        "implied-volatility-index-rank": "0.40",
        "implied-volatility-percentile": "0.63",
        "liquidity-rating": 4,
        "beta": "1.2",
        "market-cap": "NaN" if symbol == "SPY" else 3.1e12,
    }
    if symbol == "AAPL":
        item["earnings"] = {
            "expected-report-date": "2026-06-30",
            "estimated": True,
            "time-of-day": "AMC",
        }
    return item


def nested_chain() -> list[dict[str, object]]:
    """The standard chain, and what must be left out: adjusted contracts and morning settlement."""
    return [
        _nested("AAPL", 100, "Standard", "PM", EXPIRIES),
        _nested("AAPL1", 100, "Non-standard", "PM", EXPIRIES[:1]),
        _nested("AAPL", 150, "Standard", "PM", EXPIRIES[:1]),
        _nested("AAPL", 100, "Standard", "AM", (date(2026, 4, 16),)),
    ]


def _nested(
    root: str, shares: int, kind: str, settlement: str, expiries: tuple[date, ...]
) -> dict[str, object]:
    return {
        "underlying-symbol": "AAPL",
        "root-symbol": root,
        "option-chain-type": kind,
        "shares-per-contract": shares,
        "tick-sizes": [{"value": "0.01"}],
        "deliverables": [
            {
                "id": 1,
                "root-symbol": root,
                "deliverable-type": "Shares",
                "description": f"{shares} shares of AAPL",
                "amount": str(shares),
                "symbol": "AAPL",
                "instrument-type": "Equity",
                "percent": "100",
            }
        ],
        "expirations": [
            {
                "expiration-type": "Regular",
                "expiration-date": expiry.isoformat(),
                "days-to-expiration": (expiry - NOW.date()).days,
                "settlement-type": settlement,
                "strikes": [
                    {
                        "strike-price": str(strike),
                        "call": occ(expiry, strike, "C", root),
                        "put": occ(expiry, strike, "P", root),
                        "call-streamer-symbol": streamer(expiry, strike, "C", root),
                        "put-streamer-symbol": streamer(expiry, strike, "P", root),
                    }
                    for strike in STRIKES
                ],
            }
            for expiry in expiries
        ],
    }


def _history(symbol: str, *, intraday: bool) -> list[tuple[int, tuple[float, ...]]]:
    """Candles up to now, the last one still running; daily ones are stamped with midnight UTC."""
    if intraday:
        bars = MARKET.bars(symbol, "intraday", "5d", NOW, adjusted=True)
    else:
        bars = MARKET.bars(symbol, "daily", "2y", NOW, adjusted=True)
    # The last close is where the quote is.
    scale = _spot(symbol) / float(bars.close[-1])
    rows = []
    for at, *values in zip(
        bars.timestamps.tolist(),
        (scale * bars.open).tolist(),
        (scale * bars.high).tolist(),
        (scale * bars.low).tolist(),
        (scale * bars.close).tolist(),
        bars.volume.tolist(),
        strict=True,
    ):
        rows.append((at if intraday else at // 86_400 * 86_400, tuple(values)))
    step = 300 if intraday else 86_400
    running = int(NOW.timestamp()) // step * step
    rows.append((running, (1.0, 2.0, 0.5, 1.5, 10.0)))
    return rows
