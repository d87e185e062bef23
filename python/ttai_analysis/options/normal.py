"""The normal distribution, vectorised, to full double precision in both tails.

For: `cdf`, `pdf` and the scaled `erfcx` without scipy (143 MB, 0.2 s to import). Not for: other
distributions.

One polynomial serves the whole half line, so that no value is worked out in three ways of which two
are thrown away: (1 + 2y) e^(y^2) erfc(y) is smooth in t = (y - k) / (y + k), which maps [0, inf) to
[-1, 1) (M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x
in 0 <= x < inf", Mathematics of Computation 36 (1981)). The coefficients are our own fit with 40
digits; the relative error is below 7e-16.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

SQRT_HALF = 0.7071067811865476
_SQRT_TWO_PI = 2.5066282746310002
_CENTRE = 3.75
_COEFFICIENTS = (
    -2.6231473239102288e-09,
    -1.955150889997112e-09,
    3.1979482072270564e-08,
    1.879090137514576e-08,
    -2.485717615561178e-07,
    -5.0844827415100166e-08,
    1.74198280957793e-06,
    -9.79262355935745e-07,
    -1.1438048558276999e-05,
    2.238756555287076e-05,
    5.164653001243621e-05,
    -0.0002901553523840272,
    0.00029371437795578086,
    0.0017556261651744186,
    -0.009746579683247044,
    0.02836227737211513,
    -0.0586933985766515,
    0.09230432116428086,
    -0.10880393014244448,
    0.08227673848999507,
    0.0035854154854790227,
    -0.14024059858554525,
    1.2375126308378275,
)
"""Of the powers of t, the highest first."""
_LARGEST = 27.3
"""Beyond it erfc is below the smallest double."""


def pdf(x: FloatArray) -> FloatArray:
    """The standard normal density."""
    return np.asarray(np.exp(-0.5 * x * x) / _SQRT_TWO_PI)


def cdf(x: FloatArray) -> FloatArray:
    """P(Z <= x), relatively accurate far into the lower tail."""
    return np.asarray(0.5 * erfc(-SQRT_HALF * np.asarray(x, dtype=np.float64)))


def erfc(x: FloatArray) -> FloatArray:
    """The complementary error function; NaN stays NaN."""
    y = np.minimum(np.abs(x), _LARGEST)
    upper = _gaussian(y) * erfcx(y)
    return np.asarray(np.where(x < 0.0, 2.0 - upper, upper))


def erfcx(y: FloatArray) -> FloatArray:
    """e^(y^2) erfc(y) for finite y >= 0."""
    t = np.asarray((y - _CENTRE) / (y + _CENTRE))
    total = _COEFFICIENTS[0] * t
    for coefficient in _COEFFICIENTS[1:-1]:
        total += coefficient
        total *= t
    total += _COEFFICIENTS[-1]
    total /= 1.0 + 2.0 * y
    return np.asarray(total)


def _gaussian(y: FloatArray) -> FloatArray:
    """exp(-y^2), the square split in two so that no bits are lost (W. J. Cody, "Rational Chebyshev
    approximations for the error function", Mathematics of Computation 23 (1969), section 4)."""
    coarse = np.trunc(y * 16.0) / 16.0
    rest = (y - coarse) * (y + coarse)
    return np.asarray(np.exp(-coarse * coarse) * np.exp(-rest))
