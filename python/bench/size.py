"""What the packages of the runtime lock take on disk.

For: the sum over the files that are installed here. Not for: what else is in this environment.
"""

import re
from importlib import metadata
from pathlib import Path

from bench.timing import Figures

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"
LARGEST = 5


def measure() -> Figures:
    """Megabytes, whole and of the largest packages; packages for other systems are left out."""
    names = re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    sizes: dict[str, float] = {}
    for name in names:
        try:
            files = metadata.files(name) or []
        except metadata.PackageNotFoundError:
            continue
        paths = [Path(str(file.locate())) for file in files]
        sizes[name] = sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:LARGEST]
    return {
        "packages": len(sizes),
        "installedMb": round(sum(sizes.values()), 1),
        "largestMb": {name: round(size, 1) for name, size in largest},
    }
