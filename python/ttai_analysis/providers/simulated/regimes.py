"""How wild the simulated market is: calm, usual and stormy times, for all and for each listing.

For: the log of a multiplier of volatility at any slot (weekday), which the prices follow and the
options price (surface.py). Not for: prices. Averages of the squared multipliers are about one.
"""

import numpy as np

from ttai_analysis.providers.simulated.noise import (
    FloatArray,
    IntArray,
    KeyArray,
    blended,
    normals,
    smooth_noise,
    stream_key,
    uniforms,
)

COMMON_WAVES = ((126.0, 0.14), (21.0, 0.08))
OWN_WAVES = ((84.0, 0.12), (17.0, 0.07))
REGIME_SLOTS = 42.0
STORM_SHARE, STORM = 0.1, 0.55
CALM_SHARE, CALM = 0.5, -0.18
COMMON_MEAN = -0.06
OWN_MEAN = -0.015
COMMON_PULL = 0.5
"""How much of the market's mood a listing's own moves take over, in logs."""


class Regimes:
    """The moods of one seeded market."""

    def __init__(self, seed: str) -> None:
        self._keys = tuple(stream_key(seed, "mood", str(n)) for n in range(len(COMMON_WAVES)))
        self._regime = stream_key(seed, "regime")

    def common(self, position: FloatArray) -> FloatArray:
        """The log multiplier of the market's and the sectors' volatility."""
        level = np.full(position.shape, COMMON_MEAN)
        for key, (period, size) in zip(self._keys, COMMON_WAVES, strict=True):
            level = level + size * smooth_noise(key, position, period)
        whole, fraction = np.divmod(position / REGIME_SLOTS, 1.0)
        index = whole.astype(np.int64)
        steep = np.clip((fraction - 0.35) / 0.3, 0.0, 1.0)
        return level + blended(self._mood(index), self._mood(index + 1), steep)

    def _mood(self, index: IntArray) -> FloatArray:
        draw = uniforms(self._regime, index)
        return np.where(draw < STORM_SHARE, STORM, np.where(draw < CALM_SHARE, CALM, 0.0))


def own_keys(keys: KeyArray) -> tuple[KeyArray, ...]:
    """One key per wave, from a listing's key."""
    return tuple(np.asarray(keys + np.uint64(1 + layer)) for layer in range(len(OWN_WAVES)))


def own(keys: KeyArray, position: FloatArray) -> FloatArray:
    """The log multiplier of a listing's own volatility, without the market's mood."""
    level = np.full(np.broadcast_shapes(keys.shape, position.shape), OWN_MEAN)
    for key, (period, size) in zip(own_keys(keys), OWN_WAVES, strict=True):
        level = level + size * smooth_noise(key, position, period)
    return level


def own_over_slots(keys: KeyArray, first: IntArray, count: int) -> FloatArray:
    """As `own` at `count` whole slots from each key's first; hashes only the knots."""
    slots = first[:, None] + np.arange(count)
    level = np.full(slots.shape, OWN_MEAN)
    for key, (period, size) in zip(own_keys(keys), OWN_WAVES, strict=True):
        whole, fraction = np.divmod(slots / period, 1.0)
        index = whole.astype(np.int64)
        lowest = index[:, :1]
        knots = normals(key[:, None], lowest + np.arange(int(count / period) + 3))
        place = index - lowest
        left = np.take_along_axis(knots, place, axis=1)
        right = np.take_along_axis(knots, place + 1, axis=1)
        level = level + size * blended(left, right, fraction)
    return level
