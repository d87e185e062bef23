"""A provider whose quotes are asked for once, for the looks of one request.

For: chart and options of a symbol that rest on the same quote, and one fetch for a whole batch.
Not for: keeping quotes beyond a request (providers cache by themselves).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from ttai_analysis.errors import ServiceError
from ttai_analysis.providers.base import Provider, Quote


def with_quotes_once(provider: Provider, as_of: datetime, symbols: Sequence[str] = ()) -> Provider:
    """The provider, with each quote remembered from its first use on; those of `symbols` are
    fetched together now. What fails here is asked for again, and fails, where it is needed."""
    try:
        found = provider.quotes(symbols, as_of) if symbols else {}
    except ServiceError:
        found = {}
    return cast(Provider, _QuotesOnce(provider, as_of, found))


class _QuotesOnce:
    def __init__(self, provider: Provider, as_of: datetime, found: dict[str, Quote]) -> None:
        self._provider = provider
        self._known: dict[tuple[str, datetime], Quote | None] = {
            (symbol, as_of): quote for symbol, quote in found.items()
        }

    def __getattr__(self, name: str) -> object:
        attribute: object = getattr(self._provider, name)
        return attribute

    def quote(self, symbol: str, as_of: datetime) -> Quote | None:
        """As the provider gives it; see there."""
        asked = (symbol, as_of)
        if asked not in self._known:
            self._known[asked] = self._provider.quote(symbol, as_of)
        return self._known[asked]
