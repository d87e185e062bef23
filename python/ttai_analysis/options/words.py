"""Why nothing is sold, in words instead of codes.

For: the rationale. Not for: deciding (gates.py, selection.py), nor `rejectReasons`, which keep the
codes.
"""

from ttai_analysis.models.options import OptionsRequest

REASONS = {
    "no_candidate": "no contract is left",
    "no_usable_contracts": "no contract of the chain can be judged",
    "earnings_inside_dte": "a report falls before expiry",
    "earnings_unknown": "the date of the next report is unknown",
}
FAULTS = {
    "stale_bars": "the bars are old",
    "future_bars": "bars are of the future",
    "suspected_split": "the bars look as if a split were left in",
    "suspected_bad_tick": "a price of the bars looks wrong",
    "unadjusted_prices": "the bars are not adjusted for splits",
    "frozen_prices": "the prices of the bars do not move",
    "too_few_bars": "there are too few bars",
    "no_traded_volume": "the bars show no trades",
    "unusable_bars": "the bars cannot be used",
    "no_quote": "the underlying has no quote",
    "no_live_quotes": "no contract has a live quote",
    "one_sided_quote": "the underlying has only a bid or only an ask",
    "crossed_quote": "the underlying's bid is above its ask",
    "wide_quote": "the underlying's bid and ask are far apart",
    "stale_quote": "the underlying's quote is old",
    "future_quote": "the underlying's quote is of the future",
    "halted": "trading is halted",
    "quote_far_from_close": "the underlying's price is far from its last close",
    "unusable_quote": "the underlying's quote cannot be used",
    "no_option_chain": "there is no option chain",
    "stale_chain": "the option chain is old",
    "future_chain": "the option chain is of the future",
    "spot_mismatch": "the chain says another price of the underlying",
    "unreliable_chain": "too many quotes of the chain contradict each other",
    "unusable_metrics": "the symbol's own figures cannot be used",
    "served_from_cache_after_failure": "the source failed and the data is kept from before",
}
"""Of the codes in quality.py that forbid a trade."""


def stopped_in_words(gate: str, request: OptionsRequest) -> str:
    """What a gate asks that the last contracts do not fulfil, with the caller's own limit."""
    limits = request.constraints
    words = {
        "dte": f"days to expiry outside {limits.dte_min} to {limits.dte_max}",
        "bid": f"no two-sided market with a bid of at least {limits.min_bid:g}",
        "iv": "prices that tell no volatility",
        "delta": f"delta outside {limits.min_delta:g} to {limits.max_delta:g}",
        "spread": f"a spread above {limits.max_spread_pct:g}% of the middle",
        "oi": f"open interest below {limits.min_open_interest:g}",
        "wing": "no contract to buy at about the asked width, for less than is received",
        "pair": "no put spread and call spread of one expiry that can be sold together",
        "credit": f"a credit below {limits.min_bid:g}",
        "roc": f"a weekly return below {limits.min_weekly_roc_pct:g}%",
        "capital": f"more capital than {limits.max_capital or 0.0:g}",
        "basis": f"a strike below the cost basis of {request.cost_basis or 0.0:g}",
        "earnings": "a report before expiry, or one whose date is unknown",
    }
    return words[gate]


def in_words(reasons: list[str], request: OptionsRequest) -> str:
    """The codes of `rejectReasons` as parts of a sentence."""
    told = []
    for reason in reasons:
        gate = reason.removeprefix("stopped_by_")
        if gate != reason:
            told.append(f"the last were stopped by {stopped_in_words(gate, request)}")
        else:
            told.append(REASONS.get(reason) or FAULTS[reason])
    return "; ".join(told)
