"""What a provider knows of one symbol at one moment, to be written down somewhere.

For: whoever keeps bars and chains for later, e.g. as a folder of the `files` provider.
Not for: writing it, nor for analysis.
"""

from dataclasses import dataclass
from datetime import datetime

from ttai_analysis.providers.base import Bars, Chain, Earnings, Provider, Quote


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Daily bars with their splits, and the market of that moment; None is what there is not.

    The bars are as traded: splits are listed and not applied, as `bars/` and `splits.csv` want it.
    `bars.adjusted` says whether the provider could give them so.
    """

    symbol: str
    source: str
    as_of: datetime
    bars: Bars
    quote: Quote | None
    chain: Chain | None
    earnings: Earnings


def snapshot(provider: Provider, symbol: str, as_of: datetime, *, period: str = "5y") -> Snapshot:
    """Everything, or the error of the first part that failed: no half snapshots.

    Raises SymbolNotFoundError, and whatever a provider's fetch raises.
    """
    return Snapshot(
        symbol=symbol,
        source=provider.source,
        as_of=as_of,
        bars=provider.bars(symbol, "daily", period, as_of, adjusted=False),
        quote=provider.quote(symbol, as_of),
        chain=provider.chain(symbol, as_of),
        earnings=provider.earnings(symbol, as_of),
    )
