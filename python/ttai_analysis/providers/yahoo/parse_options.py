"""Yahoo's option chains: quotes and sizes only; its volatilities are residue of a solver.

For: bodies of /v7/finance/options, one per expiry, to one chain. Not for: fetching.
Before the open Yahoo gives bid = ask = 0 throughout, or yesterday's: neither can be traded on, so
no contract has a quote then, and whoever analyses the chain selects nothing.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ttai_analysis.errors import ProviderError, SymbolNotFoundError
from ttai_analysis.providers.base import Chain
from ttai_analysis.providers.yahoo.fields import Json, branch, number, positive, rows, text
from ttai_analysis.providers.yahoo.parse_quote import session_of, traded_at
from ttai_analysis.timestamps import SECONDS_PER_DAY

SATURDAY = 5
STANDARD_SIZE = "REGULAR"
OCC_TAIL = 15
"""A contract's symbol ends with yymmdd, C or P, and the strike in eight digits."""

MAX_CHAIN_DAYS, MAX_EXPIRIES, WANTED_DAYS = 75, 16, 45
"""Each expiry is a request: those within so many days, and of many those next to the wanted."""


@dataclass(frozen=True, slots=True)
class OptionsBody:
    """The parts of one body: the expiries there are (epoch seconds), the quote, the contracts."""

    expiries: tuple[int, ...]
    quote: Json
    contracts: tuple[tuple[Json, bool], ...]
    """With whether it is a call."""


def parse_options(symbol: str, body: Json) -> OptionsBody:
    """Raises SymbolNotFoundError, or ProviderError for a body of another shape."""
    answer = branch(body, "optionChain")
    results = answer.get("result")
    if isinstance(results, list) and not results and not answer.get("error"):
        raise SymbolNotFoundError(f"Yahoo has no symbol {symbol}.", details={"symbol": symbol})
    if not isinstance(results, list) or not rows(results):
        raise ProviderError("Yahoo's answer holds no option chain.")
    result = rows(results)[0]
    expiries = result.get("expirationDates")
    contracts = [
        (row, name == "calls")
        for part in rows(result.get("options"))
        for name in ("calls", "puts")
        for row in rows(part.get(name))
    ]
    return OptionsBody(
        expiries=tuple(
            sorted(
                int(seconds)
                for value in (expiries if isinstance(expiries, list) else [])
                if (seconds := positive(value)) is not None
            )
        ),
        quote=branch(result, "quote"),
        contracts=tuple(contracts),
    )


def expiry_of(contract: Json) -> int:
    """Epoch seconds; 0 when the contract has none."""
    return int(positive(contract.get("expiration")) or 0)


def expiries_worth_fetching(
    expiries: Sequence[int], today: int, held: Collection[int]
) -> tuple[list[int], int]:
    """The expiries to fetch, in order, and how many are not. `held`, in days since 1970, are
    fetched however near or far they are."""
    days = {expiry: expiry // SECONDS_PER_DAY - today for expiry in expiries}
    near = [expiry for expiry in expiries if 0 <= days[expiry] <= MAX_CHAIN_DAYS]
    best = sorted(near, key=lambda expiry: abs(days[expiry] - WANTED_DAYS))[:MAX_EXPIRIES]
    needed = [expiry for expiry in expiries if expiry // SECONDS_PER_DAY in held]
    wanted = sorted({*best, *needed})
    return wanted, len(expiries) - len(wanted)


def chain_of(
    symbol: str, bodies: Sequence[OptionsBody], as_of: datetime, warnings: Sequence[str] = ()
) -> Chain | None:
    """One chain of all bodies; None without contracts, or without a price of the underlying.

    It is as old as the last trade of its underlying: outside sessions its quotes are the last ones.
    """
    quote = bodies[0].quote
    price, at = positive(quote.get("regularMarketPrice")), traded_at(quote)
    if price is None or at is None:
        return None
    skipped: Counter[str] = Counter()
    found: dict[tuple[int, float, bool], tuple[float, float, float, float]] = {}
    for row, is_call in (pair for body in bodies for pair in body.contracts):
        expiry, strike = positive(row.get("expiration")), positive(row.get("strike"))
        if expiry is None or strike is None:
            skipped["contract_without_strike_or_expiry"] += 1
            continue
        day = int(expiry) // SECONDS_PER_DAY
        reason = _reason_to_skip(row, day)
        if reason is not None:
            skipped[reason] += 1
            continue
        found[(day, strike, is_call)] = (
            number(row.get("bid")) or 0.0,
            number(row.get("ask")) or 0.0,
            _or_nan(row.get("openInterest")),
            _or_nan(row.get("volume")),
        )
    if not found:
        return None
    keys = sorted(found)
    columns = np.array([found[key] for key in keys], dtype=np.float64)
    live = session_of(quote) != "pre"
    bid, ask = (np.maximum(columns[:, index], 0.0) * live for index in (0, 1))
    told = [*warnings, *(f"{name}:{count}" for name, count in sorted(skipped.items()))]
    if not (bid > 0.0).any():
        told.append("no_live_quotes")
    return Chain(
        symbol=symbol,
        as_of=min(at, as_of),
        underlying_price=price,
        expiry=np.array([day for day, _, _ in keys], dtype=np.int64),
        strike=np.array([strike for _, strike, _ in keys], dtype=np.float64),
        is_call=np.array([is_call for _, _, is_call in keys], dtype=np.bool_),
        bid=bid,
        ask=ask,
        open_interest=columns[:, 2],
        volume=columns[:, 3],
        complete=not (warnings or skipped),
        warnings=tuple(told),
    )


def _reason_to_skip(row: Json, day: int) -> str | None:
    """Contracts that are not for 100 shares of the stock, or that end on no trading day.

    Those that a split or a merger has changed have a root with a digit: `AAPL1250228P00100000`.
    """
    size = text(row.get("contractSize")) or STANDARD_SIZE
    root = (text(row.get("contractSymbol")) or "")[:-OCC_TAIL]
    if size != STANDARD_SIZE or root[-1:].isdigit():
        return "non_standard_deliverable"
    return "saturday_expiry" if (day + 3) % 7 == SATURDAY else None


def _or_nan(value: object) -> float:
    found = number(value)
    return float("nan") if found is None or found < 0.0 else found
