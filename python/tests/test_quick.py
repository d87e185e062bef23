"""Quick looks: quotes are fetched once for each request, and a fetch that fails hurts nobody."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import pytest
from helpers import NOW

from ttai_analysis.errors import ProviderError
from ttai_analysis.models.quick import QuickBatchRequest, QuickRequest
from ttai_analysis.providers.base import Provider, Quote
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.quick.batch import analyze_batch
from ttai_analysis.quick.service import analyze_quick

SYMBOLS = ["AAPL", "ZZZZ", "MSFT", "AAPL"]


class Counting:
    """The market, noting what is asked of its quotes; `fails`: many at once cannot be had."""

    def __init__(self, market: SimulatedProvider, *, fails: bool = False) -> None:
        self._market = market
        self._fails = fails
        self.asked: list[str | list[str]] = []

    def __getattr__(self, name: str) -> object:
        attribute: object = getattr(self._market, name)
        return attribute

    def quote(self, symbol: str, as_of: datetime) -> Quote:
        self.asked.append(symbol)
        return self._market.quote(symbol, as_of)

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Quote]:
        self.asked.append(list(symbols))
        if self._fails:
            raise ProviderError("Not today.")
        return self._market.quotes(symbols, as_of)


def test_a_quick_look_asks_for_the_quote_once(market: SimulatedProvider) -> None:
    counting = Counting(market)
    found = analyze_quick(QuickRequest(symbol="AAPL"), cast(Provider, counting), NOW)
    assert counting.asked == ["AAPL"]
    assert found.price == market.quote("AAPL", NOW).price


@pytest.mark.parametrize("fails", [False, True])
def test_a_batch_asks_for_all_quotes_together(market: SimulatedProvider, fails: bool) -> None:
    counting = Counting(market, fails=fails)
    found = analyze_batch(QuickBatchRequest(symbols=SYMBOLS), cast(Provider, counting), NOW)
    together = ["AAPL", "ZZZZ", "MSFT"]
    assert counting.asked == ([together, "AAPL", "MSFT"] if fails else [together])
    assert list(found.errors) == ["ZZZZ"]
    for symbol in ("AAPL", "MSFT"):
        assert found.results[symbol] == analyze_quick(QuickRequest(symbol=symbol), market, NOW)
