"""Seeded randomness that can be asked at any point in time, in any order, on any machine.

For: hashes, normals, Brownian bridges and smooth noise, all vectorised. Not for: prices.
Integer hashing only (splitmix64's finaliser), so no platform's random generator matters.
"""

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_CHUNK = np.uint64(0xFFFF)

BRIDGE_SESSIONS = 512
"""Each factor returns to its trend after this many sessions, so prices stay plausible for years."""
BRIDGE_LEVELS = 14
"""Halvings of a bridge: the last one spans 512 / 2^13 sessions, some 24 minutes."""


@lru_cache(maxsize=65_536)
def stream_key(*parts: str) -> int:
    """A 64-bit key for one stream of randomness, e.g. (seed, "AAPL", "news")."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def hashed(key: int, index: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """64 well-mixed bits for each integer index of a stream."""
    counter = np.asarray(index, dtype=np.int64).astype(np.uint64)
    with np.errstate(over="ignore"):
        z = np.uint64(key) + counter * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return np.asarray(z ^ (z >> np.uint64(31)))


def uniforms(key: int, index: npt.ArrayLike) -> FloatArray:
    """Uniform on [0, 1) for each index."""
    return np.asarray((hashed(key, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def uniform(key: int, index: int) -> float:
    """One uniform on [0, 1)."""
    return float(uniforms(key, index))


def normals(key: int, index: npt.ArrayLike) -> FloatArray:
    """About standard normal, bounded by 3.46: the sum of four 16-bit uniforms, scaled."""
    bits = hashed(key, index)
    total = (
        (bits & _CHUNK)
        + ((bits >> np.uint64(16)) & _CHUNK)
        + ((bits >> np.uint64(32)) & _CHUNK)
        + (bits >> np.uint64(48))
    ).astype(np.float64)
    return np.asarray((total / 65536.0 - 2.0) * np.sqrt(3.0))


def brownian_bridges(key: int, position: FloatArray) -> FloatArray:
    """A path whose steps over one session are standard normal: end-to-end Brownian bridges.

    Levy's construction: each halving adds independent triangles. It needs no past to be built
    first, so any moment can be asked alone. `position` is in sessions.
    """
    phase = uniform(key, -1) * BRIDGE_SESSIONS
    whole, fraction = np.divmod((position + phase) / BRIDGE_SESSIONS, 1.0)
    bridge = whole.astype(np.int64)
    path = np.zeros_like(position)
    for level in range(BRIDGE_LEVELS):
        pieces = 1 << level
        within = fraction * pieces
        piece = np.minimum(within.astype(np.int64), pieces - 1)
        triangle = 1.0 - np.abs(2.0 * (within - piece) - 1.0)
        index = (bridge << BRIDGE_LEVELS) + pieces + piece
        path += 0.5 * np.sqrt(BRIDGE_SESSIONS / pieces) * triangle * normals(key, index)
    return path


def smooth_noise(key: int, seconds: FloatArray, period: float) -> FloatArray:
    """Stationary noise of about unit size that changes over `period` seconds."""
    whole, fraction = np.divmod(seconds / period, 1.0)
    index = whole.astype(np.int64)
    left, right = normals(key, index), normals(key, index + 1)
    blend = fraction * fraction * (3.0 - 2.0 * fraction)
    return np.asarray(left + (right - left) * blend)
