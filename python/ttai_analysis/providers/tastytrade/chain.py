"""An option chain: contracts from REST, their prices from the stream, else from REST.

For: columns of `Chain`. Not for: greeks and volatility, which this service computes; the feed's
greeks are subscribed to with the quotes and kept in live.py to be compared with ours.
"""

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from ttai_analysis.providers.base import Chain
from ttai_analysis.providers.tastytrade.contracts import Contract
from ttai_analysis.providers.tastytrade.gateway import Gateway
from ttai_analysis.providers.tastytrade.live import LiveRow
from ttai_analysis.providers.tastytrade.market_rows import MarketRow, MarketRows
from ttai_analysis.timestamps import ordinal_of

OPTION_EVENTS = ("Quote", "Summary", "Trade", "Greeks")
MAX_OVER_REST = 1_000
"""Ten requests; contracts beyond it, farthest from the money, stay without a quote."""

Priced = LiveRow | MarketRow | None


def quoted_chain(
    symbol: str,
    spot: float,
    contracts: Sequence[Contract],
    gateway: Gateway,
    rows: MarketRows,
    as_of: datetime,
) -> Chain:
    """The contracts with what is known of each; `as_of` is that of its newest quote.

    A contract without a quote has bid and ask 0, as an exchange without a market has.
    """
    prices = _prices(spot, contracts, gateway, rows)
    found = [prices.get(contract.occ) for contract in contracts]
    times = [at for priced in found if (at := _quoted_at(priced)) is not None]
    return Chain(
        symbol=symbol,
        as_of=min(max(times, default=as_of), as_of),
        underlying_price=spot,
        expiry=np.array([ordinal_of(contract.expiry) for contract in contracts], dtype=np.int64),
        strike=np.array([contract.strike for contract in contracts], dtype=np.float64),
        is_call=np.array([contract.is_call for contract in contracts], dtype=np.bool_),
        bid=np.array([priced.bid if priced and priced.bid else 0.0 for priced in found]),
        ask=np.array([priced.ask if priced and priced.ask else 0.0 for priced in found]),
        open_interest=np.array(
            [_or_nan(priced.open_interest if priced else None) for priced in found]
        ),
        warnings=(f"contracts_not_quoted:{found.count(None)}",) if None in found else (),
        volume=np.array([_or_nan(priced.volume if priced else None) for priced in found]),
    )


def _prices(
    spot: float, contracts: Sequence[Contract], gateway: Gateway, rows: MarketRows
) -> dict[str, Priced]:
    gateway.want([(kind, contract.streamer) for contract in contracts for kind in OPTION_EVENTS])
    live = gateway.wait_live([contract.streamer for contract in contracts], _is_complete)
    prices: dict[str, Priced] = {
        contract.occ: live[contract.streamer] for contract in contracts if contract.streamer in live
    }
    unknown = [contract for contract in contracts if contract.occ not in prices]
    unknown.sort(key=lambda contract: abs(math.log(contract.strike / spot)))
    prices.update(rows.of([contract.occ for contract in unknown[:MAX_OVER_REST]]))
    return prices


def _is_complete(row: LiveRow) -> bool:
    """A contract that has never traded has no Trade, one without a market no Greeks."""
    return row.quoted_at is not None and row.summarised_at is not None


def _quoted_at(priced: Priced) -> datetime | None:
    if priced is None:
        return None
    return priced.quoted_at if isinstance(priced, LiveRow) else priced.at


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
