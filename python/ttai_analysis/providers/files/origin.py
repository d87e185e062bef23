"""Whether a folder of bars holds invented prices: its files name their source in a column.

For: saying "simulated" of what was stored from the simulated market, whoever reads it later. Not
for: which real source the others came from; that is their owner's to know.
"""

import csv
from pathlib import Path

SIMULATED = "simulated"


class Origin:
    """Looks into the files again when one of the folder was added or replaced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[tuple[int, ...], bool] | None = None

    def is_simulated(self) -> bool:
        """Whether any file says that its first bar was invented: then nothing passes as real."""
        paths = sorted(self._folder.glob("*.csv"))
        try:
            stamp = tuple(path.stat().st_mtime_ns for path in (self._folder, *paths))
        except OSError:
            return False
        if self._seen is None or self._seen[0] != stamp:
            self._seen = (stamp, any(_first_source(path) == SIMULATED for path in paths))
        return self._seen[1]


def _first_source(path: Path) -> str | None:
    """What the first row says; None where it says nothing, or cannot be read: who reads the whole
    file tells what is wrong with it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return next(csv.DictReader(stream), {}).get("source")
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
