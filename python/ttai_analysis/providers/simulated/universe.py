"""The listed companies and funds of the simulated market.

For: symbols with their sector, usual price and character. Not for: prices at a time.
Prices, betas and yields are rough figures that make the market plausible; they are not quotes.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

FUND = "fund"


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol: price in dollars about which it moves, annual volatility as a decimal."""

    symbol: str
    name: str
    sector: str
    price: float
    beta: float
    volatility: float
    market_cap: float
    dividend_yield: float

    @property
    def is_fund(self) -> bool:
        """Funds report no earnings."""
        return self.sector == FUND


@lru_cache(maxsize=1)
def listings() -> dict[str, Listing]:
    """All listings by symbol, sorted."""
    text = files(__package__).joinpath("universe.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["symbol"]: Listing(
            symbol=row["symbol"],
            name=row["name"],
            sector=row["sector"],
            price=float(row["price"]),
            beta=float(row["beta"]),
            volatility=float(row["volatilityPct"]) / 100.0,
            market_cap=float(row["marketCapBillion"]) * 1e9,
            dividend_yield=float(row["dividendYieldPct"]) / 100.0,
        )
        for row in rows
    }
