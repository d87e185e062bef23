"""A provider that lies: it wraps another one and falsifies what that says in one named way.

For: tests that no lie leads to a trade (test_fault_provider.py). Not for: the misbehaviour of real
transports; here their failures are the typed errors that transports make of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np

from ttai_analysis.errors import (
    AuthError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    ServiceError,
    SymbolNotFoundError,
)
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import (
    Article,
    Bars,
    Chain,
    Earnings,
    Metrics,
    Provider,
    ProviderState,
    Quote,
    Split,
    Timeframe,
)
from ttai_analysis.timestamps import date_from_ordinal, ordinal_of

Subject = Literal["bars", "quote", "chain", "earnings", "metrics", "rate", "news", "transport"]
Change = Callable[[Any, datetime], Any]
BACK = 30
"""Bars from the end at which old faults lie."""


@dataclass(frozen=True)
class Lie:
    """`change(truth, as_of)` falsifies one `about`; `names`: the warnings, reject reasons or error
    codes of which one must be in every answer that rests on it."""

    name: str
    about: Subject
    change: Change
    names: frozenset[str]


class FaultyProvider:
    """The inner provider with one lie; without one it says exactly what the inner one says."""

    def __init__(self, inner: Provider, lie: Lie | None) -> None:
        self.name, self.source = inner.name, inner.source
        self._inner, self._lie = inner, lie

    def _told(self, about: Subject, truth: Any, as_of: datetime) -> Any:
        lie = self._lie
        if lie is None or lie.about not in (about, "transport"):
            return truth
        return lie.change(truth, as_of)

    def risk_free_rate(self, as_of: datetime) -> float | None:
        rate = self._inner.risk_free_rate(as_of)
        if self._lie is None or self._lie.about != "rate":
            return rate
        return float(self._lie.change(rate, as_of))

    def knows(self, symbol: str) -> bool:
        return self._inner.knows(symbol)

    def symbols(self) -> tuple[str, ...]:
        return self._inner.symbols()

    def bars(
        self, symbol: str, timeframe: Timeframe, period: str, as_of: datetime, *, adjusted: bool
    ) -> Bars:
        truth = self._inner.bars(symbol, timeframe, period, as_of, adjusted=adjusted)
        told: Bars = self._told("bars", truth, as_of)
        return told

    def quote(self, symbol: str, as_of: datetime) -> Quote | None:
        told: Quote | None = self._told("quote", self._inner.quote(symbol, as_of), as_of)
        return told

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Quote]:
        known = {name: self.quote(name, as_of) for name in symbols if self.knows(name)}
        return {name: quote for name, quote in known.items() if quote is not None}

    def chain(self, symbol: str, as_of: datetime, *, max_dte: int | None = None) -> Chain | None:
        truth = self._inner.chain(symbol, as_of, max_dte=max_dte)
        told: Chain | None = self._told("chain", truth, as_of)
        return told

    def earnings(self, symbol: str, as_of: datetime) -> Earnings:
        told: Earnings = self._told("earnings", self._inner.earnings(symbol, as_of), as_of)
        return told

    def metrics(self, symbol: str, as_of: datetime) -> Metrics:
        told: Metrics = self._told("metrics", self._inner.metrics(symbol, as_of), as_of)
        return told

    def news(self, symbol: str, as_of: datetime, lookback_days: int) -> tuple[Article, ...] | None:
        truth = self._inner.news(symbol, as_of, lookback_days)
        told: tuple[Article, ...] | None = self._told("news", truth, as_of)
        return told

    def state(self, as_of: datetime) -> ProviderState:
        return self._inner.state(as_of)

    def close(self) -> None:
        self._inner.close()


LIES: dict[str, Lie] = {}


def _lie(about: Subject, *names: str) -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        name = change.__name__.strip("_")
        LIES[name] = Lie(name, about, change, frozenset(names))
        return change

    return register


def _add(about: Subject, name: str, change: Change, *names: str) -> None:
    LIES[name] = Lie(name, about, change, frozenset(names))


# bars -------------------------------------------------------------------------------------------

PRICES = ("open", "high", "low", "close")
COLUMNS = ("timestamps", *PRICES, "volume")


def _rows(bars: Bars, index: Any) -> Bars:
    return replace(bars, adj_close=None, **{name: getattr(bars, name)[index] for name in COLUMNS})


def _with(bars: Bars, name: str, at: int, value: float) -> Bars:
    column = getattr(bars, name).copy()
    column[at] = value
    return replace(bars, **{name: column})


def _scaled(bars: Bars, before: int | None, factor: float) -> Bars:
    """All prices up to `before` (None: all) times the factor."""
    columns = {name: getattr(bars, name).copy() for name in PRICES}
    for column in columns.values():
        column[:before] *= factor
    return replace(bars, **columns)


def _bar(name: str, column: str, at: int, value: Callable[[Bars], float], *names: str) -> None:
    _add("bars", name, lambda bars, _: _with(bars, column, at, value(bars)), *names)


INVALID = "INVALID_MARKET_DATA"
_bar("null_bar", "close", -5, lambda _: float("nan"), INVALID)
_bar("infinite_high", "high", -5, lambda _: float("inf"), INVALID)
_bar("negative_low", "low", -5, lambda _: -1.0, INVALID)
_bar("zero_open", "open", -5, lambda _: 0.0, INVALID)
_bar("high_below_low", "high", -5, lambda bars: float(bars.low[-5]) * 0.9, INVALID)
_bar("close_above_high", "close", -5, lambda bars: float(bars.high[-5]) * 1.1, INVALID)
_bar("negative_volume", "volume", -5, lambda _: -100.0, INVALID)
_bar("bad_tick_up", "high", -BACK, lambda bars: float(bars.high[-BACK]) * 3.0, "suspected_bad_tick")
_bar("bad_tick_down", "low", -BACK, lambda bars: float(bars.low[-BACK]) / 5.0, "suspected_bad_tick")
_bar("bad_tick_today", "low", -1, lambda bars: float(bars.low[-1]) / 5.0, "suspected_bad_tick")


@_lie("bars", INVALID)
def unsorted_bars(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, np.r_[0 : len(bars) - 3, len(bars) - 2, len(bars) - 3, len(bars) - 1])


@_lie("bars", INVALID)
def reversed_bars(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, slice(None, None, -1))


@_lie("bars", INVALID)
def duplicate_bars(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, np.sort(np.r_[0 : len(bars), len(bars) - 4]))


def _split(name: str, factor: float) -> None:
    _add("bars", name, lambda bars, _: _scaled(bars, -BACK, factor), "suspected_split")


_split("split_left_in", 4.0)
_split("two_for_one_left_in", 2.0)
_split("three_for_two_left_in", 1.5)
_split("twenty_for_one_left_in", 20.0)
_split("reverse_split_left_in", 0.1)


@_lie("bars", "suspected_split")
def known_split_not_applied(bars: Bars, _: datetime) -> Bars:
    day = date_from_ordinal(int(bars.timestamps[-BACK] // 86_400))
    return replace(_scaled(bars, -BACK, 4.0), splits=(Split(day, 4.0, 1.0),))


@_lie("bars", "unadjusted_prices")
def unadjusted(bars: Bars, _: datetime) -> Bars:
    day = date_from_ordinal(int(bars.timestamps[-BACK] // 86_400))
    return replace(bars, adjusted=False, splits=(Split(day, 2.0, 1.0),))


@_lie("bars", "suspected_bad_tick")
def bad_close(bars: Bars, _: datetime) -> Bars:
    low = float(bars.low[-BACK]) * 0.3
    return _with(_with(bars, "close", -BACK, low * 1.01), "low", -BACK, low)


@_lie("bars", "stale_bars")
def stale_day(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, slice(None, -1))


@_lie("bars", "stale_bars")
def stale_week(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, slice(None, -5))


@_lie("bars", "stale_bars", "too_few_bars", "insufficient_data")
def no_bars(bars: Bars, _: datetime) -> Bars:
    return replace(_rows(bars, slice(0, 0)), as_of=None)


@_lie("bars", "too_few_bars", "insufficient_data")
def too_few_bars(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, slice(-15, None))


@_lie("bars", "frozen_prices")
def frozen_prices(bars: Bars, _: datetime) -> Bars:
    columns = {name: getattr(bars, name).copy() for name in PRICES}
    for column in columns.values():
        column[-8:] = column[-8]
    return replace(bars, **columns)


@_lie("bars", "no_traded_volume")
def zero_volume(bars: Bars, _: datetime) -> Bars:
    return replace(bars, volume=np.zeros(len(bars)))


@_lie("bars", "quote_far_from_close")
def prices_in_cents(bars: Bars, _: datetime) -> Bars:
    return _scaled(bars, None, 100.0)


@_lie("bars", "quote_far_from_close")
def bars_of_another(bars: Bars, _: datetime) -> Bars:
    return _scaled(bars, None, 0.6)


def _with_extra(bars: Bars, start: int) -> Bars:
    more = _rows(bars, np.r_[0 : len(bars), len(bars) - 1])
    more.timestamps[-1] = start
    return more


@_lie("bars", "future_bars")
def future_bar(bars: Bars, as_of: datetime) -> Bars:
    table = session_table()
    return _with_extra(bars, int(table.opens[table.completed(as_of.timestamp()) + 1]))


@_lie("bars", "future_bars")
def live_row(bars: Bars, as_of: datetime) -> Bars:
    table = session_table()
    return _with_extra(bars, int(table.opens[table.completed(as_of.timestamp())]))


@_lie("bars", "served_from_cache_after_failure")
def bars_of_a_broken_cache(bars: Bars, _: datetime) -> Bars:
    return replace(bars, warnings=(*bars.warnings, "served_from_cache_after_failure"))


# quotes -----------------------------------------------------------------------------------------


def _quote(name: str, change: Callable[[Quote, datetime], Quote | None], *names: str) -> None:
    _add("quote", name, change, *names)


_quote("no_quote", lambda _quote, _: None, "no_quote")
_quote("zero_quotes", lambda q, _: replace(q, bid=0.0, ask=0.0), "no_live_quotes")
_quote("one_sided", lambda q, _: replace(q, bid=None), "one_sided_quote")
_quote("no_ask", lambda q, _: replace(q, ask=0.0), "one_sided_quote")
_quote("crossed", lambda q, _: replace(q, bid=(q.ask or 0.0) + 0.5), "crossed_quote")
_quote("wide_quote", lambda q, _: replace(q, bid=q.price * 0.9, ask=q.price * 1.1), "wide_quote")
_quote("nan_price", lambda q, _: replace(q, price=float("nan")), INVALID)
_quote("zero_price", lambda q, _: replace(q, price=0.0), INVALID)
_quote("nan_bid", lambda q, _: replace(q, bid=float("nan")), INVALID)
_quote("infinite_ask", lambda q, _: replace(q, ask=float("inf")), INVALID)
_quote("negative_bid", lambda q, _: replace(q, bid=-1.0), INVALID)
_quote("stale_quote", lambda q, t: replace(q, as_of=t - timedelta(days=4)), "stale_quote")
_quote("clock_skew", lambda q, t: replace(q, as_of=t + timedelta(hours=1)), "future_quote")
_quote("halted", lambda q, _: replace(q, halted=True), "halted")
_quote("quote_of_another", lambda q, _: replace(q, symbol="OTHER"), INVALID)
_quote(
    "quote_far_from_close",
    lambda q, _: replace(
        q, price=q.price * 1.6, bid=q.price * 1.6 - 0.01, ask=q.price * 1.6 + 0.01
    ),
    "quote_far_from_close",
)


# chains -----------------------------------------------------------------------------------------


def _chain(name: str, change: Callable[[Chain, datetime], Chain | None], *names: str) -> None:
    _add("chain", name, change, *names)


def _nothing(chain: Chain) -> Chain:
    names = ("expiry", "strike", "is_call", "bid", "ask", "open_interest", "volume")
    columns: dict[str, Any] = {name: getattr(chain, name)[:0] for name in names}
    return replace(chain, **columns)


def _twice(chain: Chain) -> Chain:
    names = ("expiry", "strike", "is_call", "bid", "ask", "open_interest", "volume")
    columns: dict[str, Any] = {name: np.repeat(getattr(chain, name), 2) for name in names}
    return replace(chain, **columns)


def _cut(chain: Chain, share: float) -> Chain:
    return replace(chain, bid=chain.bid * share, ask=chain.ask * share)


_chain("no_chain", lambda _chain, _: None, "no_option_chain")
_chain("empty_chain", lambda c, _: _nothing(c), "no_option_chain")
_chain(
    "zero_option_quotes", lambda c, _: replace(c, bid=c.bid * 0.0, ask=c.ask * 0.0),
    "no_live_quotes",
)  # fmt: skip
_chain("crossed_options", lambda c, _: replace(c, bid=c.ask, ask=c.bid), "unreliable_chain")
_chain("locked_options", lambda c, _: replace(c, ask=c.bid), "unreliable_chain")
_chain("one_sided_options", lambda c, _: replace(c, bid=c.bid * 0.0), "one_sided_quotes")
_chain("nan_options", lambda c, _: replace(c, bid=c.bid * np.nan), "no_live_quotes")
_chain("infinite_options", lambda c, _: replace(c, ask=c.ask + np.inf), INVALID)
_chain("negative_options", lambda c, _: replace(c, bid=c.bid - 1e3), INVALID)
_chain("nan_strikes", lambda c, _: replace(c, strike=c.strike * np.nan), INVALID)
_chain("stale_chain", lambda c, t: replace(c, as_of=t - timedelta(days=8)), "stale_chain")
_chain("hour_old_chain", lambda c, t: replace(c, as_of=t - timedelta(hours=1)), "stale_chain")
_chain("future_chain", lambda c, t: replace(c, as_of=t + timedelta(hours=1)), "future_chain")
_chain(
    "stale_underlying", lambda c, t: replace(c, underlying_as_of=t - timedelta(days=1)),
    "stale_chain",
)  # fmt: skip
_chain("spot_times_three", lambda c, _: replace(c, underlying_price=c.underlying_price * 3.0),
       "spot_mismatch")  # fmt: skip
_chain("spot_halved", lambda c, _: replace(c, underlying_price=c.underlying_price / 2.0),
       "spot_mismatch")  # fmt: skip
_chain("spot_5_percent_off", lambda c, _: replace(c, underlying_price=c.underlying_price * 1.05),
       "spot_mismatch")  # fmt: skip
_chain("nan_spot", lambda c, _: replace(c, underlying_price=float("nan")), INVALID)
_chain("saturday_expiry", lambda c, _: replace(c, expiry=c.expiry + 5 - (c.expiry + 3) % 7),
       "saturday_expiry")  # fmt: skip
_chain("adjusted_deliverable",
       lambda c, _: replace(c, shares_per_contract=np.full(len(c), 150.0)),
       "non_standard_deliverable")  # fmt: skip
_chain("expired_contracts",
       lambda c, t: replace(c, expiry=c.expiry * 0 + ordinal_of(date(t.year - 1, 1, 16))),
       "expired_contracts")  # fmt: skip
_chain("duplicate_contracts", lambda c, _: _twice(c), "duplicate_contracts")
_chain("sub_intrinsic", lambda c, _: _cut(c, 0.3), "unreliable_chain")
_chain("no_open_interest", lambda c, _: replace(c, open_interest=c.open_interest * 0.0),
       "no_open_interest")  # fmt: skip
_chain("open_interest_unknown", lambda c, _: replace(c, open_interest=c.open_interest * np.nan),
       "no_open_interest")  # fmt: skip
_chain("chain_of_another", lambda c, _: replace(c, symbol="OTHER"), INVALID)
_chain("wide_options", lambda c, _: replace(c, bid=c.bid * 0.6, ask=c.ask * 1.4),
       "wide_quotes")  # fmt: skip


# earnings, metrics, the rate --------------------------------------------------------------------

_add("earnings", "earnings_today", lambda _e, t: Earnings(known=True, day=t.date()),
     "earnings_inside_dte")  # fmt: skip
_add("earnings", "earnings_tomorrow",
     lambda _e, t: Earnings(known=True, day=t.date() + timedelta(days=1)),
     "earnings_inside_dte")  # fmt: skip
_add("earnings", "earnings_unknown", lambda _e, _: Earnings(known=False), "earnings_unknown")
_add("earnings", "earnings_in_the_past",
     lambda _e, t: Earnings(known=True, day=t.date() - timedelta(days=3)),
     "earnings_unknown")  # fmt: skip
_add("metrics", "iv_history_nan", lambda m, _: replace(m, iv_history=m.iv_history * np.nan),
     "unusable_metrics")  # fmt: skip
_add("metrics", "iv_history_negative", lambda m, _: replace(m, iv_history=-m.iv_history),
     "unusable_metrics")  # fmt: skip
_add("metrics", "short_interest_nan",
     lambda m, _: replace(m, short_percent_of_float=float("nan")), "unusable_metrics")  # fmt: skip
_add("rate", "rate_in_percent", lambda _r, _: 4.0, INVALID)
_add("rate", "rate_nan", lambda _r, _: float("nan"), INVALID)


# news -------------------------------------------------------------------------------------------


def _news(name: str, change: Callable[[tuple[Article, ...], datetime], Any], *names: str) -> None:
    _add("news", name, change, *names)


_news("no_news_source", lambda _n, _: None, "provider_has_no_news")
_news("no_news", lambda _n, _: (), "no_news_data")
_news(
    "news_from_the_future",
    lambda n, t: tuple(replace(a, published_at=t + timedelta(days=1)) for a in n),
    "dropped_articles_after_as_of",
)
_news(
    "news_is_html",
    lambda n, _: tuple(replace(a, title="<!DOCTYPE html><title>Strong gains</title>") for a in n),
    "unreadable_articles",
)
_news("news_without_titles", lambda n, _: tuple(replace(a, title=" ") for a in n),
      "unreadable_articles")  # fmt: skip
_news(
    "one_story_many_times",
    lambda n, _: tuple(replace(n[0], id=str(i), title="Profit soars, beats") for i in range(9)),
    "dropped_duplicate_articles",
)
_news("news_of_another", lambda n, _: tuple(replace(a, symbol="OTHER") for a in n),
      "dropped_foreign_articles")  # fmt: skip
_news(
    "stale_news",
    lambda n, t: tuple(replace(a, published_at=t - timedelta(days=20)) for a in n),
    "stale_news",
)


# transport --------------------------------------------------------------------------------------


def _failure(name: str, error: Callable[[], ServiceError]) -> None:
    def fail(_truth: Any, _as_of: datetime) -> Any:
        raise error()

    _add("transport", name, fail, error().code)


_failure("html_for_json", lambda: ProviderError("The source sent a page instead of data."))
_failure("truncated_json", lambda: ProviderError("The source's answer ends in the middle."))
_failure("empty_body", lambda: ProviderError("The source sent nothing."))
_failure("too_many_requests", lambda: RateLimitError("Too many requests.", retry_after_seconds=60))
_failure("silence", lambda: ProviderTimeoutError("The source did not answer in time."))
_failure("refused_credentials", lambda: AuthError("The source refuses the credentials."))
_failure("breaker_open", lambda: ProviderUnavailableError("Down.", retry_after_seconds=30))
_failure("symbol_gone", lambda: SymbolNotFoundError("The source has no such symbol."))
