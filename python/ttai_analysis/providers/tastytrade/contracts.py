"""The contracts of an underlying from /option-chains/SYMBOL/nested, and which of them to quote.

For: standard contracts settled in the afternoon. Not for: prices, which that answer does not hold.
Left out: adjusted contracts (other deliverables, other than 100 shares, roots such as AAPL1), for
their strikes are not prices of one share; and expirations settled in the morning (AM), for the
pricing counts time to the close.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from ttai_analysis.providers.numbers import number, positive
from ttai_analysis.providers.tastytrade.values import day, records, text

STANDARD_SHARES = 100
MAX_DTE = 90
MAX_CONTRACTS = 3_000
DEVIATIONS = 3.0
"""How far from the money strikes are of interest, in standard deviations until expiry."""
MIN_REACH = 0.05


@dataclass(frozen=True, slots=True)
class Contract:
    """`occ` names it in REST, `streamer` on the stream."""

    expiry: date
    strike: float
    is_call: bool
    occ: str
    streamer: str


def contracts_of(answer: Mapping[str, object], symbol: str) -> list[Contract]:
    """All standard contracts, in order of expiry, strike and right."""
    found: dict[tuple[date, float, bool], Contract] = {}
    for chain in records(answer.get("items")):
        if not _is_standard(chain, symbol):
            continue
        for expiration in records(chain.get("expirations")):
            expires = day(expiration.get("expiration-date"))
            if expires is None or text(expiration.get("settlement-type")) == "AM":
                continue
            for row in records(expiration.get("strikes")):
                for contract in _both(row, expires):
                    key = (expires, contract.strike, contract.is_call)
                    found.setdefault(key, contract)
    return [found[key] for key in sorted(found)]


def worth_quoting(
    contracts: list[Contract],
    spot: float,
    today: date,
    volatility: float,
    held: Collection[date] = (),
) -> list[Contract]:
    """Those within reach of the money, and of expiries within 90 days or `held`; every n-th strike
    if too many.

    `volatility`: of the underlying, a decimal a year. Order is kept.
    """
    near = [
        contract
        for contract in contracts
        if (contract.expiry - today).days >= 0
        and ((contract.expiry - today).days <= MAX_DTE or contract.expiry in held)
        and abs(math.log(contract.strike / spot))
        <= MIN_REACH + DEVIATIONS * volatility * math.sqrt((contract.expiry - today).days / 365.0)
    ]
    step = math.ceil(len(near) / MAX_CONTRACTS)
    if step <= 1:
        return near
    strikes: dict[date, list[float]] = {}
    for contract in near:
        strikes.setdefault(contract.expiry, []).append(contract.strike)
    kept = {
        (expiry, strike) for expiry, all_ in strikes.items() for strike in sorted({*all_})[::step]
    }
    return [contract for contract in near if (contract.expiry, contract.strike) in kept]


def _is_standard(chain: Mapping[str, object], symbol: str) -> bool:
    root = text(chain.get("root-symbol"))
    deliverables = records(chain.get("deliverables"))
    return (
        number(chain.get("shares-per-contract")) == STANDARD_SHARES
        and text(chain.get("option-chain-type")) in ("Standard", "")
        and root.rstrip("0123456789") == root
        and len(deliverables) <= 1
        and all(text(item.get("symbol")) in ("", symbol) for item in deliverables)
    )


def _both(row: Mapping[str, object], expires: date) -> list[Contract]:
    strike = positive(row.get("strike-price"))
    if strike is None:
        return []
    return [
        Contract(expires, strike, side == "call", text(row.get(side)), text(streamer))
        for side in ("put", "call")
        if (streamer := row.get(f"{side}-streamer-symbol")) and row.get(side)
    ]
