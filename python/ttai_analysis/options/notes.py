"""The sentences that an option analysis says in words.

For: plain wording of figures. Not for: any number of its own.
"""

import math

from ttai_analysis.models.options import (
    CLOSE_AT_DTE,
    LEAST_DAYS_OPEN,
    LegRow,
    OptionsRequest,
    Strategy,
)
from ttai_analysis.options.inputs import OptionInputs
from ttai_analysis.options.rows import TradeFigures
from ttai_analysis.options.words import in_words

NAMES: dict[Strategy, str] = {
    "csp": "cash-secured put",
    "covered_call": "covered call",
    "bull_put_spread": "bull put spread",
    "bear_call_spread": "bear call spread",
    "iron_condor": "iron condor",
}


def rationale(
    request: OptionsRequest, figures: TradeFigures, legs: list[LegRow], rejects: list[str]
) -> str:
    """Why this trade, or why none."""
    name = NAMES[request.strategy]
    strike, expiry = figures["best_strike"], figures["best_expiration"]
    if strike is None or expiry is None:
        return f"No {name} on {request.symbol} passes: {in_words(rejects, request)}."
    what = f"{strike:g}"
    if len(legs) > 1:
        what = ", ".join(f"{leg.action} {leg.strike:g} {leg.right}" for leg in legs)
    text = (
        f"{name.capitalize()} on {request.symbol}: {what} expiring {expiry.isoformat()}, "
        f"{figures['dte']} days, credit {figures['premium']:.2f}, {_delta(figures['delta'])}"
        f"model probability of profit {100 * (figures['pop'] or 0):.0f}%, "
        f"{figures['weekly_roc_pct']:.2f}% a week on the capital at risk."
    )
    return text if not rejects else f"{text} Rejected: {in_words(rejects, request)}."


def options_notes(inputs: OptionInputs, figures: TradeFigures, inside: bool | None) -> str:
    """What to know about the figures."""
    notes = ["Income at the bid; probabilities are the model's, not a forecast."]
    ratio = inputs.volatility.ratio
    if ratio is None:
        notes.append("Implied against realised volatility is unknown.")
    else:
        word = "rich" if ratio > 1.2 else "fair" if ratio >= 0.9 else "cheap"
        notes.append(f"Implied over realised volatility {ratio:.2f} ({word}).")
    if inside:
        notes.append("A report falls within the life of this trade.")
    elif inside is None and figures["best_strike"] is not None:
        notes.append("The date of the next report is unknown.")
    dte = figures["dte"]
    if dte is not None and close_at(dte) is None:
        notes.append(f"With {dte} days left it is too short to close at {CLOSE_AT_DTE} days.")
    usual = usual_tenor(inputs.volatility.iv_rank)
    if usual is not None:
        notes.append(f"At this IV rank some {usual} days are usual.")
    if inputs.metrics.next_ex_dividend is None and inputs.contracts is not None:
        notes.append("The next ex-dividend date is unknown.")
    return " ".join(notes)


def _delta(delta: float | None) -> str:
    """A wing without a market leaves that of a spread unknown."""
    return "" if delta is None or math.isnan(delta) else f"delta {round(delta, 2) + 0.0:.2f}, "


def close_at(dte: int | None) -> int | None:
    """Days to expiry at which the trade is usually closed; None for one that is hardly longer, and
    would be closed as soon as it is opened."""
    return None if dte is not None and dte <= CLOSE_AT_DTE + LEAST_DAYS_OPEN else CLOSE_AT_DTE


def usual_tenor(iv_rank: float | None) -> int | None:
    """Days to expiry that are usual at that IV rank (0..1): longer when volatility is low. A note;
    the caller's target stands."""
    if iv_rank is None:
        return None
    return 60 if iv_rank < 0.30 else 45 if iv_rank <= 0.40 else 30
