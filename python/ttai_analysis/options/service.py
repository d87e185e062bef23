"""/analyze/options: from a request and a provider to the answer.

For: gathering, selecting, explaining. Not for: formulas (the other files of this room).
"""

from dataclasses import replace
from datetime import date, datetime

from ttai_analysis.answers import age_seconds, answer_head
from ttai_analysis.models.common import Evidence, Quality, sound_data
from ttai_analysis.models.options import (
    Management,
    OptionsAnalysis,
    OptionsRequest,
    RejectedCounts,
)
from ttai_analysis.options.dividends import dividend_figures
from ttai_analysis.options.inputs import OptionInputs, gather
from ttai_analysis.options.notes import close_at, options_notes, rationale
from ttai_analysis.options.rows import (
    TradeFigures,
    alternatives,
    context_figures,
    leg_rows,
    no_figures,
    trade_figures,
)
from ttai_analysis.options.scoring import evidence_of
from ttai_analysis.options.selection import Ranked, Selection, select_trades
from ttai_analysis.providers.base import Provider
from ttai_analysis.quality import code_of, forbidding


def options_as_of(request: OptionsRequest) -> datetime | None:
    """The moment the request speaks of: its own asOf, else that of the chain it carries."""
    if request.as_of is not None or request.option_chain is None:
        return request.as_of
    return request.option_chain.as_of


def analyze_options(
    request: OptionsRequest, provider: Provider, as_of: datetime
) -> OptionsAnalysis:
    """The answer; without anything to sell it is a `reject` that says why."""
    inputs = gather(request, provider, as_of)
    selection = Selection([], False, 0, RejectedCounts(), [])
    if inputs.contracts is not None:
        selection = select_trades(request, inputs.contracts, inputs.earnings, inputs.view)
    best = selection.ranked[0] if selection.ranked else None
    if inputs.contracts is not None and best is not None:
        expiry = int(inputs.contracts.chain.expiry[best.trade.short])
        volatility = inputs.volatility.of_expiry(inputs.contracts, expiry)
        inputs = replace(inputs, volatility=volatility)
    rejects = reject_reasons(inputs, selection)
    figures = no_figures() if best is None else _figures(inputs, best)
    return _answer(request, inputs, selection, best, rejects, figures, as_of)


def reject_reasons(inputs: OptionInputs, selection: Selection) -> list[str]:
    """Why nothing is selected; empty when something is. Data that forbids a trade comes last, for
    it says nothing about the trade."""
    reasons = [*trade_reasons(inputs, selection), *forbidding(inputs.warnings)]
    return list(dict.fromkeys(reasons))


def trade_reasons(inputs: OptionInputs, selection: Selection) -> list[str]:
    """Why no contract passes; empty when one does. Of the gates the one that stopped the last, for
    most contracts fail at the first of all."""
    contracts = inputs.contracts
    if contracts is None:
        return ["no_usable_contracts" if inputs.listed else "no_option_chain"]
    if not contracts.two_sided.any():
        return ["no_live_quotes"]
    if selection.ranked and not selection.earnings_only:
        return []
    if selection.earnings_only:
        return ["earnings_inside_dte" if inputs.earnings.known else "earnings_unknown"]
    return ["no_candidate", *(f"stopped_by_{gate}" for gate in selection.stopped_by)]


def _figures(inputs: OptionInputs, best: Ranked) -> TradeFigures:
    if inputs.contracts is None:
        return no_figures()
    return trade_figures(inputs.contracts, best.trade, inputs.view, inputs.volatility.iv)


def _answer(
    request: OptionsRequest,
    inputs: OptionInputs,
    selection: Selection,
    best: Ranked | None,
    rejects: list[str],
    figures: TradeFigures,
    as_of: datetime,
) -> OptionsAnalysis:
    contracts, earnings = inputs.contracts, inputs.earnings
    legs = leg_rows(contracts, best.trade) if contracts and best else []
    inside = earnings_inside(earnings.known, earnings.day, figures["best_expiration"])
    return OptionsAnalysis(
        **answer_head("/analyze/options", request, inputs.source, as_of),
        quality=_quality(inputs, as_of),
        evidence=[*_gates(inputs, selection), *(evidence_of(best.shares) if best else [])],
        symbol=request.symbol,
        strategy=request.strategy,
        recommendation="reject" if rejects else "select",
        underlying_price=inputs.spot,
        **figures,
        **context_figures(inputs.volatility),
        **dividend_figures(inputs, best, as_of),
        earnings_date=earnings.day,
        earnings_inside_dte=inside,
        legs=legs,
        alternative_strikes=alternatives(contracts, selection.ranked) if contracts else [],
        candidates_considered=selection.considered,
        rejected_counts=selection.rejected,
        reject_reasons=rejects,
        score=best.score if best else 0.0,
        rationale=rationale(request, figures, legs, rejects),
        options_notes=options_notes(inputs, figures, inside),
        management=Management(close_at_dte=close_at(figures["dte"])),
    )


def earnings_inside(known: bool, day: date | None, expiry: date | None) -> bool | None:
    """Whether the report falls on or before the expiry; None when either is unknown."""
    if not known or expiry is None:
        return None
    return day is not None and day <= expiry


def _gates(inputs: OptionInputs, selection: Selection) -> list[Evidence]:
    reasons = trade_reasons(inputs, selection)
    return [
        Evidence(
            rule="candidate_passes_all_gates",
            value=not reasons,
            threshold="at least one",
            passed=not reasons,
            weight=0.0,
        ),
        sound_data(forbidding(inputs.warnings)),
    ]


def _quality(inputs: OptionInputs, as_of: datetime) -> Quality:
    age = age_seconds(as_of, inputs.chain_as_of)
    codes = {code_of(warning) for warning in inputs.warnings}
    return Quality(
        source=inputs.source,
        as_of=inputs.chain_as_of,
        age_seconds=age,
        stale=age is None or "stale_chain" in codes,
        adjusted=False,
        bars_used=0,
        warnings=inputs.warnings,
    )
