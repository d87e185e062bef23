"""A provider that lies: it wraps another one and falsifies what that says in one named way.

For: tests that no lie leads to a trade (test_fault_provider.py). Not for: the lies (lies/), nor the
misbehaviour of real transports.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from lies import Lie, Subject

from ttai_analysis.providers.base import (
    Article,
    Bars,
    Chain,
    Earnings,
    Metrics,
    Provider,
    ProviderState,
    Quote,
    Timeframe,
)


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

    def chain(self, symbol: str, as_of: datetime, *, held: Collection[date] = ()) -> Chain | None:
        truth = self._inner.chain(symbol, as_of, held=held)
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
