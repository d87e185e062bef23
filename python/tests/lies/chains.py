"""Lies about option chains: quotes, contracts, the price of the underlying, the time."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from lies.base import INVALID, Lies
from ttai_analysis.providers.base import Chain
from ttai_analysis.timestamps import ordinal_of

CHAINS = Lies("chain")


def _nothing(chain: Chain) -> Chain:
    names = ("expiry", "strike", "is_call", "bid", "ask", "open_interest", "volume")
    columns: dict[str, Any] = {name: getattr(chain, name)[:0] for name in names}
    return replace(chain, **columns)


def _twice(chain: Chain) -> Chain:
    names = ("expiry", "strike", "is_call", "bid", "ask", "open_interest", "volume")
    columns: dict[str, Any] = {name: np.repeat(getattr(chain, name), 2) for name in names}
    return replace(chain, **columns)


def _cut(chain: Chain, share: float) -> Chain:
    return replace(chain, bid=chain.bid * share, ask=chain.ask * share)


def _puts_times(chain: Chain, factor: float) -> Chain:
    share = np.where(chain.is_call, 1.0, factor)
    return replace(chain, bid=chain.bid * share, ask=chain.ask * share)


CHAINS.add("no_chain", lambda _chain, _: None, "no_option_chain")
CHAINS.add("empty_chain", lambda c, _: _nothing(c), "no_option_chain")
CHAINS.add(
    "zero_option_quotes",
    lambda c, _: replace(c, bid=c.bid * 0.0, ask=c.ask * 0.0),
    "no_live_quotes",
)
CHAINS.add("crossed_options", lambda c, _: replace(c, bid=c.ask, ask=c.bid), "unreliable_chain")
CHAINS.add("locked_options", lambda c, _: replace(c, ask=c.bid), "unreliable_chain")
CHAINS.add("one_sided_options", lambda c, _: replace(c, bid=c.bid * 0.0), "one_sided_quotes")
CHAINS.add("nan_options", lambda c, _: replace(c, bid=c.bid * np.nan), "no_live_quotes")
CHAINS.add("infinite_options", lambda c, _: replace(c, ask=c.ask + np.inf), INVALID)
CHAINS.add("negative_options", lambda c, _: replace(c, bid=c.bid - 1e3), INVALID)
CHAINS.add("nan_strikes", lambda c, _: replace(c, strike=c.strike * np.nan), INVALID)
CHAINS.add("stale_chain", lambda c, t: replace(c, as_of=t - timedelta(days=8)), "stale_chain")
CHAINS.add("hour_old_chain", lambda c, t: replace(c, as_of=t - timedelta(hours=1)), "stale_chain")
CHAINS.add("future_chain", lambda c, t: replace(c, as_of=t + timedelta(hours=1)), "future_chain")
CHAINS.add(
    "stale_underlying",
    lambda c, t: replace(c, underlying_as_of=t - timedelta(days=1)),
    "stale_chain",
)
CHAINS.add(
    "spot_times_three",
    lambda c, _: replace(c, underlying_price=c.underlying_price * 3.0),
    "spot_mismatch",
)
CHAINS.add(
    "spot_halved",
    lambda c, _: replace(c, underlying_price=c.underlying_price / 2.0),
    "spot_mismatch",
)
CHAINS.add(
    "spot_5_percent_off",
    lambda c, _: replace(c, underlying_price=c.underlying_price * 1.05),
    "spot_mismatch",
)
CHAINS.add("nan_spot", lambda c, _: replace(c, underlying_price=float("nan")), INVALID)
CHAINS.add(
    "saturday_expiry",
    lambda c, _: replace(c, expiry=c.expiry + 5 - (c.expiry + 3) % 7),
    "saturday_expiry",
)
CHAINS.add(
    "adjusted_deliverable",
    lambda c, _: replace(c, shares_per_contract=np.full(len(c), 150.0)),
    "non_standard_deliverable",
)
CHAINS.add(
    "expired_contracts",
    lambda c, t: replace(c, expiry=c.expiry * 0 + ordinal_of(date(t.year - 1, 1, 16))),
    "expired_contracts",
)
CHAINS.add("duplicate_contracts", lambda c, _: _twice(c), "duplicate_contracts")
CHAINS.add("sub_intrinsic", lambda c, _: _cut(c, 0.3), "unreliable_chain")
CHAINS.add(
    "no_open_interest",
    lambda c, _: replace(c, open_interest=c.open_interest * 0.0),
    "no_open_interest",
)
CHAINS.add(
    "open_interest_unknown",
    lambda c, _: replace(c, open_interest=c.open_interest * np.nan),
    "no_open_interest",
)
CHAINS.add("puts_too_dear", lambda c, _: _puts_times(c, 1.3), "unreliable_chain")
CHAINS.add("puts_too_cheap", lambda c, _: _puts_times(c, 0.7), "unreliable_chain")
CHAINS.add("chain_of_another", lambda c, _: replace(c, symbol="OTHER"), INVALID)
CHAINS.add("wide_options", lambda c, _: replace(c, bid=c.bid * 0.6, ask=c.ask * 1.4), "wide_quotes")
