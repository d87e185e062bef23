"""The words in which `quality.warnings` tells what is wrong with market data.

For: one place for the codes, and which forbid a trade. A warning is `code` or `code:detail`.
Not for: finding the faults (each room finds its own).
"""

import re
from collections.abc import Iterable

FORBIDDING = frozenset(
    {
        # bars
        "stale_bars", "future_bars", "suspected_split", "suspected_bad_tick", "unadjusted_prices",
        "frozen_prices", "too_few_bars", "no_traded_volume", "unusable_bars",
        # quotes
        "no_quote", "no_live_quotes", "one_sided_quote", "crossed_quote", "wide_quote",
        "stale_quote", "future_quote", "halted", "quote_far_from_close", "unusable_quote",
        # chains
        "no_option_chain", "stale_chain", "future_chain", "spot_mismatch", "unreliable_chain",
        # metrics
        "unusable_metrics",
        # what a cache gave because the source failed
        "served_from_cache_after_failure",
    }
)  # fmt: skip
"""With one of these nothing is `select`, `bullish` or `positive`."""

TELLING = frozenset(
    {
        # bars
        "dropped_empty_bars", "dropped_incomplete_bars", "dropped_bars_after_as_of",
        "duplicate_bars", "zero_volume_bars", "live_bar_dropped", "reduced_history",
        "period_clamped", "dropped_bars_without_session", "dropped_contradictory_bars",
        "bars_without_time", "ragged_bars_cut", "dropped_bars_before_suspected_split",
        "dropped_bars_before_suspected_bad_tick", "dropped_bars_before_frozen_prices",
        # quotes
        "locked_quote", "closed_market_quote", "receive_time_stamped", "delayed_minutes",
        "price_from_request",
        # chains
        "crossed_quotes", "locked_quotes", "one_sided_quotes", "wide_quotes", "sub_intrinsic",
        "no_open_interest",
        "non_standard_deliverable", "saturday_expiry", "am_settled", "expired_contracts",
        "duplicate_contracts", "forward_assumed_for_some_expiries", "risk_free_rate_assumed",
        "iv_outlier", "parity_violated", "provider_iv_ignored", "expiries_not_fetched",
        "contract_without_strike_or_expiry",
        # legs of a position
        "model_price", "no_price", "not_in_chain", "expired", "no_settlement_price",
        # other
        "earnings_unknown", "provider_has_no_news",
        "dropped_articles_after_as_of", "dropped_duplicate_articles", "dropped_foreign_articles",
        "unreadable_articles", "stale_news", "scripted_price",
        "failed", "stale", "without_price", "prose_unavailable",
        # tastytrade: its history does not say what it is adjusted for; REST instead of its stream
        "split_adjustment_not_stated", "unadjusted_bars_unavailable", "dividends_unavailable",
        "not_streamed", "contracts_not_quoted",
    }
)  # fmt: skip
"""These are said, and weigh only where a rule says so."""


def code_of(warning: str) -> str:
    """The code of a warning, without its detail."""
    return warning.partition(":")[0]


def forbidding(warnings: Iterable[str]) -> list[str]:
    """The codes among the warnings that forbid a trade, each once, in order."""
    codes = [code_of(warning) for warning in warnings]
    return list(dict.fromkeys(code for code in codes if code in FORBIDDING))


_WARNING = re.compile(r"([a-z_]+)(?::[\w.\-]{1,40})?")


def known_warnings(told: Iterable[object]) -> list[str]:
    """What a caller's data says against itself, as an answer of this service said it; anything
    else is left out."""
    found = (_WARNING.fullmatch(word) for word in told if isinstance(word, str))
    words = [match[0] for match in found if match and match[1] in FORBIDDING | TELLING]
    return list(dict.fromkeys(words))
