"""The real GOOG chain: neighbours and both sides agree, what has no volatility has none."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ttai_analysis.options.contracts import Contracts, contracts_of
from ttai_analysis.providers.files.provider import FilesProvider

AS_OF = datetime(2015, 12, 24, 18, 0, tzinfo=UTC)
RATE = 0.02


@pytest.fixture(scope="module")
def goog(shared_data: Path) -> Contracts:
    chain = FilesProvider(shared_data / "market").chain("GOOG", AS_OF)
    assert chain is not None
    return contracts_of(chain, AS_OF, RATE)


def _near(goog: Contracts) -> np.ndarray:
    """Within 10 % of the money and 20 to 120 days, with a volatility."""
    chain = goog.chain
    close = np.abs(chain.strike / chain.underlying_price - 1.0) <= 0.10
    return np.asarray(close & (goog.dte >= 20) & (goog.dte <= 120) & ~np.isnan(goog.iv))


def test_neighbouring_strikes_have_like_volatilities(goog: Contracts) -> None:
    chain, near, gaps = goog.chain, _near(goog), []
    for expiry in np.unique(chain.expiry[near]):
        for is_call in (False, True):
            rows = np.flatnonzero(near & (chain.expiry == expiry) & (chain.is_call == is_call))
            ordered = rows[np.argsort(chain.strike[rows])]
            gaps.extend(np.abs(np.diff(goog.iv[ordered])).tolist())
    assert len(gaps) > 400
    assert float(np.median(gaps)) < 0.03


def test_calls_and_puts_agree(goog: Contracts) -> None:
    chain, near = goog.chain, _near(goog)
    calls = {
        (int(chain.expiry[row]), float(chain.strike[row])): float(goog.iv[row])
        for row in np.flatnonzero(near & chain.is_call)
    }
    gaps = [
        abs(calls[key] - float(goog.iv[row]))
        for row in np.flatnonzero(near & ~chain.is_call)
        if (key := (int(chain.expiry[row]), float(chain.strike[row]))) in calls
    ]
    assert len(gaps) > 200
    assert float(np.median(gaps)) < 0.005


def test_quotes_below_intrinsic_have_no_volatility(goog: Contracts) -> None:
    chain = goog.chain
    discount = np.exp(-goog.rate * goog.years)
    worth = np.where(chain.is_call, goog.forward - chain.strike, chain.strike - goog.forward)
    with np.errstate(invalid="ignore"):
        below = goog.two_sided & (goog.mid <= np.maximum(worth, 0.0) * discount)
    assert int(below.sum()) > 50
    assert np.isnan(goog.iv[below]).all()
    assert not np.isnan(goog.iv[goog.two_sided & ~below & (goog.years > 0.0)]).any()
