"""CSV files as columns, read again when they change.

For: parsing and caching. Not for: what may be seen at a time (provider.py).
"""

import csv
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from ttai_analysis.errors import InvalidMarketDataError

T = TypeVar("T")
MAX_CACHED_FILES = 512


class CachedFiles(Generic[T]):
    """Parsed files by path; a file whose time or size changed is parsed again."""

    def __init__(self, parse: Callable[[Path], T]) -> None:
        self._parse = parse
        self._lock = threading.Lock()
        self._parsed: dict[Path, tuple[tuple[int, int], T]] = {}

    def get(self, path: Path) -> T | None:
        """The parsed file, None when there is none."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InvalidMarketDataError(
                f"{path.name} can't be read ({type(error).__name__}).", details={"file": path.name}
            ) from error
        stamp = (status.st_mtime_ns, status.st_size)
        with self._lock:
            cached = self._parsed.get(path)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        parsed = self._parse(path)
        with self._lock:
            if len(self._parsed) >= MAX_CACHED_FILES:
                self._parsed.pop(next(iter(self._parsed)))
            self._parsed[path] = (stamp, parsed)
        return parsed


def read_rows(path: Path, required: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a CSV file with a header.

    A cell that a short row lacks is empty. Raises InvalidMarketDataError when a required column is
    missing, and for what is no readable CSV file.
    """
    details = {"file": path.name}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = [name for name in required if name not in (reader.fieldnames or ())]
            if missing:
                raise InvalidMarketDataError(
                    f"{path.name} lacks the columns {', '.join(missing)}.", details=details
                )
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidMarketDataError(
            f"{path.name} can't be read as CSV ({type(error).__name__}).", details=details
        ) from error


def number(text: str | None) -> float:
    """The number, NaN for an empty cell or what is no finite one."""
    try:
        found = float(text) if text else math.nan
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan
