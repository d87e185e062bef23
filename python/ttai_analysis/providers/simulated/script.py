"""Price overrides for the simulated market: a test aid.

For: `MARKET_DATA_SCRIPT`, a JSON file `{"AAPL": 212.5, "SPY": {"price": 500}}` that is read again
whenever it changes. Not for: production use; answers still say `source: "simulated"`.
"""

import json
import threading
from pathlib import Path

from ttai_analysis.errors import ProviderError


class PriceScript:
    """The overrides in force. A missing file means none; a broken one is an error."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._prices: dict[str, float] = {}

    def price(self, symbol: str) -> float | None:
        """The scripted price of the symbol, None when the market moves by itself."""
        if self._path is None:
            return None
        with self._lock:
            self._refresh(self._path)
            return self._prices.get(symbol)

    def _refresh(self, path: Path) -> None:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return
            content = path.read_bytes()
        except FileNotFoundError:
            self._stamp, self._prices = None, {}
            return
        except OSError as error:
            raise ProviderError("MARKET_DATA_SCRIPT can't be read.") from error
        self._prices = _parse(content)
        self._stamp = stamp


def _parse(content: bytes) -> dict[str, float]:
    try:
        raw = json.loads(content)
        prices = {
            str(symbol).upper(): float(entry["price"] if isinstance(entry, dict) else entry)
            for symbol, entry in raw.items()
        }
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise ProviderError(
            "MARKET_DATA_SCRIPT must be a JSON object of symbol to price."
        ) from error
    if not all(0.0 < price < 1e7 for price in prices.values()):
        raise ProviderError("MARKET_DATA_SCRIPT holds a price that is not positive.")
    return prices
