"""/analyze/chart: from a request and a provider to the answer.

For: choosing the bars, truncating them at asOf, judging their age. Not for: analysis itself.
"""

from datetime import datetime

from ttai_analysis.answers import age_seconds, answer_head
from ttai_analysis.chart.analysis import ChartFindings, analyse_chart
from ttai_analysis.chart.faults import bar_faults, usable_bars, without_unfinished
from ttai_analysis.chart.rows import fib_row, indicators_row
from ttai_analysis.chart.series import Series, series_from_bars, series_from_input
from ttai_analysis.market.faults import quote_faults
from ttai_analysis.market.freshness import bars_are_stale, bars_as_of
from ttai_analysis.models.chart import ChartAnalysis, ChartRequest, InputMarketData
from ttai_analysis.models.common import Quality, SentQuality
from ttai_analysis.providers.base import Bars, Provider, Timeframe
from ttai_analysis.quality import forbidding, known_warnings

DEFAULT_PERIOD: dict[Timeframe, str] = {"daily": "2y", "weekly": "5y", "intraday": "5d"}


def analyze_chart(request: ChartRequest, provider: Provider, as_of: datetime) -> ChartAnalysis:
    """The answer; too few bars are an answer too (`reject`), contradicting bars an error."""
    timeframe = _timeframe(request)
    if request.market_data is None:
        series, quality = provider_series(provider, request.symbol, timeframe, as_of)
        close = float(series.close[-1]) if len(series) else None
        quote = provider.quote(request.symbol, as_of)
        quality.warnings += quote_faults(request.symbol, quote, as_of, close, trading=False)
        quality.warnings += quote.warnings if quote else ()
    else:
        series, quality = _sent_series(request.market_data, timeframe, as_of)
    findings = analyse_chart(
        series,
        timeframe,
        swing_k=request.options.swing_k,
        levels=request.options.levels,
        stale=quality.stale,
        faults=forbidding(quality.warnings),
        strategy=request.strategy,
    )
    if findings.trend is not None and findings.trend.reduced_history:
        quality.warnings.append("reduced_history")
    return _answer(request, findings, quality, as_of)


def chart_as_of(request: ChartRequest) -> datetime | None:
    """The moment the request speaks of: its own asOf, else that of the bars it carries."""
    if request.as_of is not None or request.market_data is None:
        return request.as_of
    return request.market_data.as_of


def provider_series(
    provider: Provider, symbol: str, timeframe: Timeframe, as_of: datetime
) -> tuple[Series, Quality]:
    """The provider's split-adjusted bars, with their quality."""
    bars = provider.bars(symbol, timeframe, DEFAULT_PERIOD[timeframe], as_of, adjusted=True)
    series, warnings = checked_bars(bars, timeframe, as_of, end_at_old_break=True)
    return series, _quality(series, timeframe, as_of, provider.source, bars.adjusted, warnings)


def checked_bars(
    bars: Bars, timeframe: Timeframe, as_of: datetime, *, end_at_old_break: bool = False
) -> tuple[Series, list[str]]:
    """A provider's bars as columns, with its warnings and what is wrong with them. Bars that were
    not complete at `as_of` break the provider's word, so they forbid a trade. `end_at_old_break`:
    without those before an old break in prices."""
    series, unfinished = without_unfinished(series_from_bars(bars), timeframe, as_of)
    warnings = [*bars.warnings, *unfinished]
    if unfinished:
        warnings.append("future_bars")
    splits = bool(bars.splits)
    if end_at_old_break:
        series, found = usable_bars(
            series, timeframe, as_of, adjusted=bars.adjusted, has_splits=splits
        )
    else:
        found = bar_faults(series, timeframe, as_of, adjusted=bars.adjusted, has_splits=splits)
    return series, [*warnings, *found]


def _sent_series(
    data: InputMarketData, timeframe: Timeframe, as_of: datetime
) -> tuple[Series, Quality]:
    series, warnings = series_from_input(data.bars)
    visible, unfinished = without_unfinished(series, timeframe, as_of)
    told = data.quality or SentQuality()
    source = data.source or told.source or "request"
    # Only a word against them counts: bars of which nothing is said are taken to be adjusted.
    adjusted = data.adjusted is not False and told.adjusted is not False
    warnings = [*known_warnings(told.warnings), *warnings, *unfinished]
    visible, found = usable_bars(visible, timeframe, as_of, adjusted=adjusted, has_splits=True)
    warnings += found
    return visible, _quality(visible, timeframe, as_of, source, adjusted, warnings)


def _quality(
    series: Series,
    timeframe: Timeframe,
    as_of: datetime,
    source: str,
    adjusted: bool,
    warnings: list[str],
) -> Quality:
    newest = int(series.timestamps[-1]) if len(series) else None
    complete_at = bars_as_of(newest, timeframe)
    return Quality(
        source=source,
        as_of=complete_at,
        age_seconds=age_seconds(as_of, complete_at),
        stale=bars_are_stale(newest, timeframe, as_of),
        adjusted=adjusted,
        bars_used=len(series),
        warnings=warnings,
    )


def _timeframe(request: ChartRequest) -> Timeframe:
    sent = request.market_data.timeframe if request.market_data else None
    return request.timeframe or sent or "daily"


def _answer(
    request: ChartRequest, findings: ChartFindings, quality: Quality, as_of: datetime
) -> ChartAnalysis:
    trend = findings.trend
    return ChartAnalysis(
        **answer_head("/analyze/chart", request, quality.source, as_of),
        quality=quality,
        evidence=findings.evidence,
        symbol=request.symbol,
        recommendation=findings.recommendation,
        trend_direction=trend.direction if trend else "sideways",
        trend_quality=trend.quality if trend else "weak",
        support_levels=findings.supports,
        resistance_levels=findings.resistances,
        fib_confluence_zones=findings.confluences,
        fib=fib_row(findings.leg, findings.fib),
        extension_risk=trend.extension if trend else "high",
        indicators=indicators_row(findings.indicators),
        score=findings.score,
        chart_notes=findings.notes,
        reject_reasons=findings.rejects,
    )
