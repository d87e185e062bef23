"""Option chains of the simulated market: expiries, strikes, two-sided quotes, open interest.

For: quotes that agree with the underlying's quote and with put-call parity inside their spread.
Not for: the volatility behind them (surface.py).
"""

from datetime import date, timedelta

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.options.pricing import price
from ttai_analysis.providers.base import Chain, FloatArray, IntArray
from ttai_analysis.providers.simulated.noise import normals, stream_key, uniforms
from ttai_analysis.providers.simulated.surface import SECONDS_PER_YEAR, at_the_money, smile
from ttai_analysis.providers.simulated.universe import Listing
from ttai_analysis.timestamps import from_epoch, new_york_date, ordinal_of

RISK_FREE_RATE = 0.04
WEEKLIES = 9
MONTHLIES = 12
REACH_DEVIATIONS = 3.5
MAX_STRIKES_A_SIDE = 40
STRIKE_STEPS = (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0)


def expiries(table: SessionTable, today: date) -> list[date]:
    """The next Fridays and third Fridays; the Thursday before where that Friday is a holiday."""
    friday = today + timedelta(days=(4 - today.weekday()) % 7)
    weekly = [friday + timedelta(weeks=week) for week in range(WEEKLIES)]
    monthly = [_third_friday(today, months) for months in range(MONTHLIES)]
    wanted = sorted({day for day in (*weekly, *monthly) if day >= today})
    days = [day if table.index_of(day) is not None else day - timedelta(days=1) for day in wanted]
    return sorted({day for day in days if day >= today})


def _third_friday(today: date, months: int) -> date:
    month = today.month - 1 + months
    first = date(today.year + month // 12, month % 12 + 1, 1)
    return first + timedelta(days=(4 - first.weekday()) % 7 + 14)


def strikes_around(spot: float, deviation: float) -> FloatArray:
    """Listed strikes within some deviations of the price, on a round step."""
    rough = spot * 0.01
    step = next((step for step in STRIKE_STEPS if step >= rough), 100.0)
    reach = max(spot * min(0.6, REACH_DEVIATIONS * deviation), 6 * step)
    middle = round(spot / step)
    side = min(MAX_STRIKES_A_SIDE, int(reach / step))
    strikes = np.arange(max(1, middle - side), middle + side + 1) * step
    return np.asarray(strikes, dtype=np.float64)


def build_chain(seed: str, listing: Listing, table: SessionTable, now: float, spot: float) -> Chain:
    """The chain at `now` (epoch seconds) for that price of the underlying."""
    today = new_york_date(from_epoch(now))
    parts = []
    for day in expiries(table, today):
        session = table.index_of(day)
        if session is None or table.closes[session] <= now:
            continue
        years = (int(table.closes[session]) - now) / SECONDS_PER_YEAR
        parts.append(_one_expiry(seed, listing, table, now, spot, day, years))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Chain(
        symbol=listing.symbol,
        as_of=from_epoch(now),
        underlying_price=spot,
        expiry=columns[0].astype(np.int64),
        strike=columns[1],
        is_call=columns[2].astype(np.bool_),
        bid=columns[3],
        ask=columns[4],
        open_interest=columns[5],
        volume=columns[6],
    )


def _one_expiry(
    seed: str,
    listing: Listing,
    table: SessionTable,
    now: float,
    spot: float,
    day: date,
    years: float,
) -> tuple[FloatArray, ...]:
    atm = at_the_money(seed, listing, table, now, years)
    strikes = strikes_around(spot, atm * np.sqrt(years))
    carry = RISK_FREE_RATE - listing.dividend_yield
    forward = spot * np.exp(carry * years)
    volatility = smile(atm, years, np.log(strikes / forward))
    strike = np.concatenate([strikes, strikes])
    is_call = np.repeat([True, False], strikes.size)
    fair = price(
        spot,
        strike,
        years,
        RISK_FREE_RATE,
        listing.dividend_yield,
        np.concatenate([volatility, volatility]),
        is_call,
    )
    bid, ask = _quotes(listing, fair)
    index = _contract_index(day, strike, is_call)
    distance = np.log(strike / spot) / (atm * np.sqrt(years) + 0.02)
    interest = _open_interest(seed, listing, day, index, distance)
    traded = uniforms(stream_key(seed, "optionvolume", listing.symbol), index)
    volume = np.floor(interest * 0.4 * traded**2)
    expiry = np.full(strike.size, float(ordinal_of(day)))
    return expiry, strike, is_call.astype(np.float64), bid, ask, interest, volume


def _quotes(listing: Listing, fair: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bid and ask in cents about the fair price; small companies are quoted wider."""
    thin = float(np.clip((2e11 / listing.market_cap) ** 0.25, 0.5, 2.5))
    half = 0.01 + 0.012 * thin * fair**0.75
    bid = np.floor(np.maximum(0.0, fair - half) * 100.0 + 1e-9) / 100.0
    ask = np.ceil((fair + half) * 100.0 - 1e-9) / 100.0
    return np.asarray(bid), np.asarray(ask)


def _contract_index(day: date, strike: FloatArray, is_call: np.ndarray) -> IntArray:
    cents = np.round(strike * 100.0).astype(np.int64)
    return np.asarray(ordinal_of(day) * 100_000_000 + cents * 2 + is_call, dtype=np.int64)


def _open_interest(
    seed: str, listing: Listing, day: date, index: IntArray, distance: FloatArray
) -> FloatArray:
    """Most near the money, on round months, in large companies; steady through the day."""
    monthly = 15 <= day.day <= 21
    size = 900.0 * (listing.market_cap / 1e11) ** 0.5 * (4.0 if monthly else 1.0)
    luck = np.exp(0.7 * normals(stream_key(seed, "interest", listing.symbol), index))
    return np.asarray(np.floor(size * np.exp(-0.35 * distance**2) * luck))
