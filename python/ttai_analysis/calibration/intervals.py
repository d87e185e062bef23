"""Confidence intervals of rates whose samples overlap in time.

For: a moving-block bootstrap over time, seeded. Not for: what is counted (outcomes.py).
Windows that begin a day apart share most of their future, so counting each as a trial of its own
makes intervals several times too narrow. Here whole stretches of time are drawn (Kuensch 1989, in
circular form of Politis and Romano 1992), with everything that was sampled in them.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.providers.base import FloatArray

DRAWS = 4000
SEED = 20_260_101
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A rate or a difference, and where it lies with the stated confidence."""

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the value lies inside."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Rates of several groups (columns) drawn together, so that differences keep what they share.

    `rates` has one entry a group, `draws` one row a draw.
    """

    rates: FloatArray
    draws: FloatArray

    def rate(self, group: int, confidence: float = CONFIDENCE) -> Interval:
        """The rate of a group."""
        return _interval(float(self.rates[group]), self.draws[:, group], confidence)

    def difference(self, group: int, other: int, confidence: float = CONFIDENCE) -> Interval:
        """The rate of a group less that of another."""
        drawn = self.draws[:, group] - self.draws[:, other]
        return _interval(float(self.rates[group] - self.rates[other]), drawn, confidence)


def block_bootstrap(
    hits: FloatArray, counts: FloatArray, block: int, *, draws: int = DRAWS, seed: int = SEED
) -> Bootstrap:
    """`hits` and `counts` have a row a point in time and a column a group; a rate is the sum of
    the one over the sum of the other. `block` is the length of a stretch, in rows."""
    rows = hits.shape[0]
    length = max(1, min(block, rows))
    generator = np.random.default_rng(seed)
    wrapped_hits, wrapped_counts = _block_sums(hits, length), _block_sums(counts, length)
    starts = generator.integers(0, rows, size=(draws, -(-rows // length)))
    drawn = np.empty((draws, hits.shape[1]))
    for draw in range(draws):
        chosen = starts[draw]
        drawn[draw] = _ratio(wrapped_hits[chosen].sum(axis=0), wrapped_counts[chosen].sum(axis=0))
    return Bootstrap(rates=_ratio(hits.sum(axis=0), counts.sum(axis=0)), draws=drawn)


def _block_sums(values: FloatArray, length: int) -> FloatArray:
    """The sum of each stretch by its first row, going round at the end."""
    wrapped = np.concatenate([values, values[: length - 1]])
    summed = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), wrapped]), axis=0)
    return np.asarray(summed[length:] - summed[:-length])


def _ratio(hits: FloatArray, counts: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(hits / counts)


def _interval(value: float, drawn: FloatArray, confidence: float) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not known.size:
        return Interval(value, float("nan"), float("nan"))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high))
