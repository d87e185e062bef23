"""/analyze/quick: chart and options on the provider's data, reduced to one line.

For: screening and first looks. Not for: anything that the two analyses do not say themselves.
"""

from datetime import datetime

from ttai_analysis.answers import answer_head
from ttai_analysis.chart.service import analyze_chart
from ttai_analysis.models.chart import ChartAnalysis, ChartRequest
from ttai_analysis.models.common import Quality
from ttai_analysis.models.options import (
    ChartContext,
    Constraints,
    OptionsAnalysis,
    OptionsRequest,
    Strategy,
)
from ttai_analysis.models.quick import QuickAnalysis, QuickRequest
from ttai_analysis.options.service import analyze_options
from ttai_analysis.providers.base import Provider
from ttai_analysis.quick.quotes import with_quotes_once

BORROWED = set(ChartContext.model_fields)
WANTED_CHART: dict[Strategy, tuple[str, ...]] = {
    "csp": ("bullish",),
    "bull_put_spread": ("bullish",),
    "covered_call": ("bullish",),
    "bear_call_spread": ("bearish",),
    "iron_condor": ("neutral",),
}


def analyze_quick(request: QuickRequest, provider: Provider, as_of: datetime) -> QuickAnalysis:
    """Select: the chart suits the strategy and a trade passes; reject: either rejects."""
    provider = with_quotes_once(provider, as_of)
    chart = analyze_chart(
        ChartRequest(symbol=request.symbol, strategy=request.strategy, as_of=as_of),
        provider,
        as_of,
    )
    options = analyze_options(
        OptionsRequest(
            symbol=request.symbol,
            strategy=request.strategy,
            chart_context=ChartContext.model_validate(chart.model_dump(include=BORROWED)),
            constraints=Constraints(),
            as_of=as_of,
        ),
        provider,
        as_of,
    )
    rejected = chart.recommendation == "reject" or options.recommendation == "reject"
    suits = chart.recommendation in WANTED_CHART[request.strategy]
    return QuickAnalysis(
        **answer_head("/analyze/quick", request, provider.source, as_of),
        quality=_worse(chart, options),
        evidence=[*chart.evidence, *options.evidence],
        symbol=request.symbol,
        recommendation="reject" if rejected else "select" if suits else "neutral",
        score=0.5 * ((chart.score or 0.0) + (options.score or 0.0)),
        price=options.underlying_price,
        iv_rank=options.iv_rank,
        weekly_roc_pct=options.weekly_roc_pct,
        best_strike=options.best_strike,
        best_expiration=options.best_expiration,
        delta=options.delta,
        reasons=[
            f"chart:{chart.recommendation}",
            *(f"chart:{reason}" for reason in chart.reject_reasons),
            f"options:{options.recommendation}",
            *(f"options:{reason}" for reason in options.reject_reasons),
        ],
    )


def _worse(chart: ChartAnalysis, options: OptionsAnalysis) -> Quality:
    """Bars of the chart, staleness and warnings of both."""
    return Quality(
        source=chart.quality.source,
        as_of=options.quality.as_of or chart.quality.as_of,
        age_seconds=options.quality.age_seconds,
        stale=chart.quality.stale or options.quality.stale,
        adjusted=chart.quality.adjusted,
        bars_used=chart.quality.bars_used,
        warnings=list(dict.fromkeys([*chart.quality.warnings, *options.quality.warnings])),
    )
