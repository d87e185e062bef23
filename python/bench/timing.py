"""How long something takes, and what that came to.

For: repeated runs in this process. Not for: what is measured.
"""

import gc
import time
from collections.abc import Callable, Sequence

Figures = dict[str, object]


def best_of(work: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the quickest run after one to warm up: the one least disturbed by others."""
    work()
    return min(timed(work) for _ in range(repeats))


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of one run."""
    gc.collect()
    began = time.perf_counter()
    work()
    return 1000.0 * (time.perf_counter() - began)


def quantiles(milliseconds: Sequence[float]) -> Figures:
    """p50, p99 and the longest."""
    ordered = sorted(milliseconds)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)

    return {"p50Ms": at(0.5), "p99Ms": at(0.99), "maxMs": at(1.0), "requests": len(ordered)}
