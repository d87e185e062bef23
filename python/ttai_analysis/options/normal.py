"""The normal distribution, vectorised, to full double precision in both tails.

For: `cdf` and `pdf` without scipy (143 MB, 0.2 s to import). Not for: other distributions.
Rational approximations: W. J. Cody, "Rational Chebyshev approximations for the error function",
Mathematics of Computation 23 (1969), tables II and III.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_SQRT_HALF = 0.7071067811865476
_SQRT_TWO_PI = 2.5066282746310002
_ONE_OVER_SQRT_PI = 0.5641895835477563

_SMALL_NUMERATOR = (
    1.85777706184603153e-1,
    3.16112374387056560e0,
    1.13864154151050156e2,
    3.77485237685302021e2,
    3.20937758913846947e3,
)
_SMALL_DENOMINATOR = (
    1.0,
    2.36012909523441209e1,
    2.44024637934444173e2,
    1.28261652607737228e3,
    2.84423683343917062e3,
)
_MIDDLE_NUMERATOR = (
    2.15311535474403846e-8,
    5.64188496988670089e-1,
    8.88314979438837594e0,
    6.61191906371416295e1,
    2.98635138197400131e2,
    8.81952221241769090e2,
    1.71204761263407058e3,
    2.05107837782607147e3,
    1.23033935479799725e3,
)
_MIDDLE_DENOMINATOR = (
    1.0,
    1.57449261107098347e1,
    1.17693950891312499e2,
    5.37181101862009858e2,
    1.62138957456669019e3,
    3.29079923573345963e3,
    4.36261909014324716e3,
    3.43936767414372164e3,
    1.23033935480374942e3,
)
_LARGE_NUMERATOR = (
    1.63153871373020978e-2,
    3.05326634961232344e-1,
    3.60344899949804439e-1,
    1.25781726111229246e-1,
    1.60837851487422766e-2,
    6.58749161529837803e-4,
)
_LARGE_DENOMINATOR = (
    1.0,
    2.56852019228982242e0,
    1.87295284992346725e0,
    5.27905102951428412e-1,
    6.05183413124413191e-2,
    2.33520497626869185e-3,
)


def pdf(x: FloatArray) -> FloatArray:
    """The standard normal density."""
    return np.asarray(np.exp(-0.5 * x * x) / _SQRT_TWO_PI)


def cdf(x: FloatArray) -> FloatArray:
    """P(Z <= x), relatively accurate far into the lower tail."""
    return np.asarray(0.5 * erfc(-_SQRT_HALF * np.asarray(x, dtype=np.float64)))


def erfc(x: FloatArray) -> FloatArray:
    """The complementary error function; NaN stays NaN."""
    y = np.abs(x)
    small = 1.0 - x * _ratio(_SMALL_NUMERATOR, _SMALL_DENOMINATOR, np.minimum(y, 0.5) ** 2)
    middle = _gaussian(y) * _ratio(_MIDDLE_NUMERATOR, _MIDDLE_DENOMINATOR, np.clip(y, 0.4, 4.0))
    inverse = 1.0 / np.maximum(y, 4.0) ** 2
    series = inverse * _ratio(_LARGE_NUMERATOR, _LARGE_DENOMINATOR, inverse)
    large = _gaussian(y) * (_ONE_OVER_SQRT_PI - series) / np.maximum(y, 4.0)
    upper = np.where(y <= 4.0, middle, large)
    return np.asarray(np.where(y <= 0.46875, small, np.where(x < 0.0, 2.0 - upper, upper)))


def _gaussian(y: FloatArray) -> FloatArray:
    """exp(-y^2), the square split in two so that no bits are lost (Cody, section 4)."""
    bounded = np.minimum(y, 27.3)
    coarse = np.trunc(bounded * 16.0) / 16.0
    rest = (bounded - coarse) * (bounded + coarse)
    return np.asarray(np.exp(-coarse * coarse) * np.exp(-rest))


def _ratio(
    numerator: tuple[float, ...], denominator: tuple[float, ...], x: FloatArray
) -> FloatArray:
    return np.asarray(_polynomial(numerator, x) / _polynomial(denominator, x))


def _polynomial(coefficients: tuple[float, ...], x: FloatArray) -> FloatArray:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total
