"""Seeded randomness that can be asked at any point, in any order, on any machine.

For: hashes, normals, Brownian bridges and smooth noise, all vectorised over keys and points. Not
for: prices. Integer hashing only (splitmix64's finaliser), so no platform's random generator
matters. Everything is elementwise: a point asked alone and in a batch has the same bytes.
"""

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
KeyArray = npt.NDArray[np.uint64]
Key = KeyArray | int

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0x94D049BB133111EB)
_MIX_0 = np.uint64(0xBF58476D1CE4E5B9)
_CHUNK = np.uint64(0xFFFF)

BRIDGE_LEVELS = 7
BRIDGE_PIECES = 1 << BRIDGE_LEVELS
"""A bridge has 128 straight pieces: of some three minutes over a full session."""


@lru_cache(maxsize=65_536)
def stream_key(*parts: str) -> int:
    """A 64-bit key for one stream of randomness, e.g. (seed, "AAPL", "news")."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def hashed(key: Key, index: npt.ArrayLike) -> KeyArray:
    """64 well-mixed bits for each integer index of a stream."""
    counter = np.asarray(index, dtype=np.int64).astype(np.uint64)
    with np.errstate(over="ignore"):
        z = np.asarray(key, dtype=np.uint64) + counter * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MIX_0
        z = (z ^ (z >> np.uint64(27))) * _MIX_1
    return np.asarray(z ^ (z >> np.uint64(31)))


def uniforms(key: Key, index: npt.ArrayLike) -> FloatArray:
    """Uniform on [0, 1) for each index."""
    return np.asarray((hashed(key, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def uniform(key: int, index: int) -> float:
    """One uniform on [0, 1)."""
    return float(uniforms(key, index))


def normals(key: Key, index: npt.ArrayLike) -> FloatArray:
    """About standard normal, bounded by 3.46: the sum of four 16-bit uniforms, scaled."""
    bits = hashed(key, index)
    total = (
        (bits & _CHUNK)
        + ((bits >> np.uint64(16)) & _CHUNK)
        + ((bits >> np.uint64(32)) & _CHUNK)
        + (bits >> np.uint64(48))
    ).astype(np.float64)
    return np.asarray((total / 65536.0 - 2.0) * np.sqrt(3.0))


def bridges(key: KeyArray, index: IntArray) -> FloatArray:
    """Brownian bridges from 0 to 0 over unit time, one row of 129 nodes for each key and index.

    Levy's construction: each halving sets the middles. Straight between the nodes, so the nodes
    hold the highest and the lowest point.
    """
    start = index[..., None] << (BRIDGE_LEVELS + 1)
    draws = normals(key[..., None], start + np.arange(1, BRIDGE_PIECES))
    path = np.zeros((*index.shape, BRIDGE_PIECES + 1))
    for level in range(BRIDGE_LEVELS):
        pieces = 1 << level
        step = BRIDGE_PIECES // pieces
        left, right = path[..., :-1:step], path[..., step::step]
        path[..., step // 2 :: step] = 0.5 * (left + right) + (
            0.5 * np.sqrt(1.0 / pieces) * draws[..., pieces - 1 : 2 * pieces - 1]
        )
    return path


def between_nodes(path: FloatArray, share: FloatArray) -> FloatArray:
    """The value of each row's path at that share (0 to 1) of its time."""
    within = np.clip(share, 0.0, 1.0) * BRIDGE_PIECES
    piece = np.minimum(within.astype(np.int64), BRIDGE_PIECES - 1)
    row = np.arange(piece.size)
    left, right = path[row, piece], path[row, piece + 1]
    part = within - piece
    return np.asarray(left * (1.0 - part) + right * part)


def smooth_noise(key: Key, at: FloatArray, period: float) -> FloatArray:
    """Stationary noise of about unit size that changes over `period` (in the units of `at`)."""
    whole, fraction = np.divmod(at / period, 1.0)
    index = whole.astype(np.int64)
    return blended(normals(key, index), normals(key, index + 1), fraction)


def blended(left: FloatArray, right: FloatArray, fraction: FloatArray) -> FloatArray:
    """From left to right without a corner."""
    return np.asarray(left + (right - left) * (fraction * fraction * (3.0 - 2.0 * fraction)))
