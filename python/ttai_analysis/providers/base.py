"""What every market data provider gives, normalised: bars, quotes, chains, earnings, news.

For: the shapes between providers and analyses. Not for: any provider's own work.
All prices are per share in `currency`; times are UTC; nothing after `as_of` may ever be returned.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Timeframe = Literal["daily", "weekly", "intraday"]
MarketSession = Literal["pre", "regular", "post", "closed"]


@dataclass(frozen=True, slots=True)
class Split:
    """`numerator` new shares for `denominator` old ones, first traded on `day`."""

    day: date
    numerator: float
    denominator: float


@dataclass(frozen=True, slots=True)
class Dividend:
    """Cash per share; holders before `ex_date` receive it."""

    ex_date: date
    amount: float


@dataclass(frozen=True, slots=True)
class Bars:
    """Completed bars, oldest first: columns of equal length.

    `timestamps` are epoch seconds of each bar's start. `adjusted` says that splits (not dividends)
    are applied to everything before them; `as_of` is when the last bar was complete.
    """

    timestamps: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    as_of: datetime | None
    adjusted: bool
    adj_close: FloatArray | None = None
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.timestamps.size)


@dataclass(frozen=True, slots=True)
class Quote:
    """The last trade and the market around it; `as_of` is the time of the trade."""

    symbol: str
    price: float
    bid: float | None
    ask: float | None
    volume: float | None
    prev_close: float | None
    as_of: datetime
    session: MarketSession
    halted: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """Option quotes of one underlying as columns of equal length.

    `expiry` in days since 1970; NaN in a column means the provider does not know. Greeks and
    implied volatility are never taken from a provider: this service computes them.
    `shares_per_contract` None: 100 for all; `am_settled` None: all settle at the close.
    `underlying_as_of`: the time of the underlying's price, None: that of the chain.
    `complete`: up to its last expiry it has all that is listed.
    """

    symbol: str
    as_of: datetime
    underlying_price: float
    expiry: IntArray
    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray
    ask: FloatArray
    open_interest: FloatArray
    volume: FloatArray
    shares_per_contract: FloatArray | None = None
    am_settled: BoolArray | None = None
    underlying_as_of: datetime | None = None
    complete: bool = False
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.strike.size)

    def part(self, rows: BoolArray) -> "Chain":
        """Only those contracts."""
        columns = {
            item.name: getattr(self, item.name)[rows]
            for item in fields(self)
            if isinstance(getattr(self, item.name), np.ndarray)
        }
        return replace(self, **columns)


@dataclass(frozen=True, slots=True)
class Earnings:
    """What is known about the next report.

    `known=False`: nobody told us. `known=True, day=None`: there is none to come (a fund).
    """

    known: bool
    day: date | None = None
    estimated: bool | None = None
    time_of_day: Literal["before_open", "after_close"] | None = None


UNKNOWN_EARNINGS = Earnings(known=False)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Facts about a symbol; None means unknown. IV in decimals, short interest in % of float,
    `next_dividend` in currency per share. The source's own `iv_index`, rank and percentile are used
    only where there is no `iv_history` to work them out from."""

    iv_history: FloatArray | None = None
    market_cap: float | None = None
    beta: float | None = None
    sector: str | None = None
    short_percent_of_float: float | None = None
    dividend_yield: float | None = None
    next_ex_dividend: date | None = None
    next_dividend: float | None = None
    iv_index: float | None = None
    iv_rank: float | None = None
    iv_percentile: float | None = None
    as_of: datetime | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """One piece of news."""

    id: str
    symbol: str
    title: str
    summary: str
    published_at: datetime
    source: str
    url: str | None


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What /readyz tells about a provider. `starting`: it was never asked yet."""

    ready: bool
    detail: Mapping[str, object] = field(default_factory=dict)
    starting: bool = False


#: The providers, by name, whose quotes move around the clock. Files of theirs keep the hours of the
#: exchange.
NEVER_CLOSING = frozenset({"simulated"})


class Provider(Protocol):
    """A source of market data. Every method is a pure function of its arguments and the source.

    All but `knows` raise SymbolNotFoundError for a symbol that the source does not have.
    """

    name: str

    @property
    def source(self) -> str:
        """Whose data it is, as every answer says: `simulated` is invented, whoever hands it on."""
        ...

    def risk_free_rate(self, as_of: datetime) -> float | None:
        """The continuously compounded rate as a decimal; None when the source has none."""
        ...

    def knows(self, symbol: str) -> bool:
        """Whether the source has this symbol at all."""
        ...

    def symbols(self) -> tuple[str, ...]:
        """All symbols of the source, sorted."""
        ...

    def bars(
        self, symbol: str, timeframe: Timeframe, period: str, as_of: datetime, *, adjusted: bool
    ) -> Bars:
        """Bars that were complete at `as_of`, reaching back by `period`."""
        ...

    def quote(self, symbol: str, as_of: datetime) -> Quote | None:
        """The last trade at or before `as_of`; None when there was none."""
        ...

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Quote]:
        """The quotes of those that the source has, in the order asked, by as few fetches as it
        takes; unknown symbols and those without a quote are absent."""
        ...

    def chain(self, symbol: str, as_of: datetime, *, held: Collection[date] = ()) -> Chain | None:
        """The option chain of that day at or before `as_of`; None when there is none. Where each
        expiry costs a fetch, those far off may be left out, but never those of contracts held."""
        ...

    def earnings(self, symbol: str, as_of: datetime) -> Earnings:
        """The next report as known at `as_of`."""
        ...

    def metrics(self, symbol: str, as_of: datetime) -> Metrics:
        """Facts about the symbol as known at `as_of`."""
        ...

    def news(self, symbol: str, as_of: datetime, lookback_days: int) -> tuple[Article, ...] | None:
        """Articles published in the lookback, newest first; None: this source has no news."""
        ...

    def state(self, as_of: datetime) -> ProviderState:
        """Whether it can be asked."""
        ...

    def close(self) -> None:
        """Ends threads and connections; it is not asked again."""
        ...
