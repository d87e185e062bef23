"""The universe as columns: what the vectorised parts need to know of each listing and factor.

For: one array per figure, and a key per stream of randomness. Not for: the figures themselves
(universe.csv). Streams are numbered: each listing's own, then the market's, then the sectors'.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.providers.simulated.noise import (
    FloatArray,
    IntArray,
    KeyArray,
    stream_key,
    uniforms,
)
from ttai_analysis.providers.simulated.universe import Listing, listings

MARKET_VOLATILITY = 0.15
SECTOR_VOLATILITY = 0.09
MIN_OWN_VOLATILITY = 0.04


@dataclass(frozen=True)
class Roster:
    """Columns by a listing's position; volatilities are annual decimals in calm-to-usual times."""

    seed: str
    listings: tuple[Listing, ...]
    position: dict[str, int]
    symbols: tuple[str, ...]
    log_price: FloatArray
    beta: FloatArray
    volatility: FloatArray
    dividend_yield: FloatArray
    market_volatility: FloatArray
    sector_volatility: FloatArray
    own_volatility: FloatArray
    is_fund: np.ndarray
    market: int
    sector: IntArray
    stream_names: tuple[tuple[str, ...], ...]

    def keys(self, *names: str) -> KeyArray:
        """A key for each listing: (seed, *names, symbol)."""
        return np.array([stream_key(self.seed, *names, symbol) for symbol in self.symbols],
                        dtype=np.uint64)  # fmt: skip

    def stream_keys(self, name: str) -> KeyArray:
        """A key for each stream: (seed, name, *stream)."""
        return np.array([stream_key(self.seed, name, *parts) for parts in self.stream_names],
                        dtype=np.uint64)  # fmt: skip

    def phases(self, keys: KeyArray, period: int) -> IntArray:
        """Where in its period each key begins, from 0 to period - 1."""
        return np.asarray((uniforms(keys, 0) * period).astype(np.int64))


def roster(seed: str) -> Roster:
    """The columns of the universe for one seed."""
    every = tuple(listings().values())
    sectors = sorted({listing.sector for listing in every if not listing.is_fund})
    market = len(every)
    place = {name: market + 1 + number for number, name in enumerate(sectors)}
    beta = np.array([listing.beta for listing in every])
    volatility = np.array([listing.volatility for listing in every])
    is_fund = np.array([listing.is_fund for listing in every])
    by_market = beta * MARKET_VOLATILITY
    by_sector = np.where(is_fund, 0.0, SECTOR_VOLATILITY)
    rest = volatility**2 - by_market**2 - by_sector**2
    return Roster(
        seed=seed,
        listings=every,
        position={listing.symbol: number for number, listing in enumerate(every)},
        symbols=tuple(listing.symbol for listing in every),
        log_price=np.log(np.array([listing.price for listing in every])),
        beta=beta,
        volatility=volatility,
        dividend_yield=np.array([listing.dividend_yield for listing in every]),
        market_volatility=by_market,
        sector_volatility=by_sector,
        own_volatility=np.sqrt(np.maximum(rest, MIN_OWN_VOLATILITY**2)),
        is_fund=is_fund,
        market=market,
        sector=np.array([place.get(listing.sector, market) for listing in every], dtype=np.int64),
        stream_names=(
            *(("own", listing.symbol) for listing in every),
            ("market",),
            *(("sector", name) for name in sectors),
        ),
    )
