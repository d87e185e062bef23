"""/analyze/research: from a request and a provider to the answer.

For: gathering articles and dates, truncated at asOf. Not for: scoring (sentiment.py, risks.py).
"""

from datetime import datetime, timedelta

from ttai_analysis.answers import age_seconds, answer_head
from ttai_analysis.errors import SymbolNotFoundError
from ttai_analysis.market.underlying import known_earnings, underlying_of, usable_metrics
from ttai_analysis.models.common import Evidence, Quality, sound_data
from ttai_analysis.models.research import (
    EarningsRow,
    InputArticle,
    RedFlag,
    ResearchAnalysis,
    ResearchRequest,
)
from ttai_analysis.options.inputs import earnings_from
from ttai_analysis.providers.base import UNKNOWN_EARNINGS, Article, Earnings, Provider
from ttai_analysis.quality import forbidding
from ttai_analysis.research import risks
from ttai_analysis.research.articles import readable
from ttai_analysis.research.events import find_events
from ttai_analysis.research.sentiment import Tone, tone_of
from ttai_analysis.timestamps import days_to

LOOKBACK_DAYS = 30
STALE_NEWS = timedelta(days=14)
"""With nothing newer than this the tone says nothing about today."""
MAX_FLAG_TEXT = 300


def analyze_research(
    request: ResearchRequest, provider: Provider, as_of: datetime
) -> ResearchAnalysis:
    """The answer; without news it is `unknown` and a reject, never positive."""
    known = provider.knows(request.symbol)
    if not known and request.news is None:
        raise SymbolNotFoundError(
            f"{provider.source} has no symbol {request.symbol}.",
            details={"symbol": request.symbol},
        )
    articles, source, warnings = _articles(request, provider, as_of)
    tone = tone_of(articles, as_of)
    flags = red_flags(articles)
    earnings = earnings_from(request.earnings, as_of)
    if earnings is None:
        earnings = known_earnings(provider, request.symbol, as_of) if known else UNKNOWN_EARNINGS
    if not earnings.known:
        warnings.append("earnings_unknown")
    short = None
    if known:
        metrics, found = usable_metrics(provider.metrics(request.symbol, as_of))
        short = metrics.short_percent_of_float
        warnings += found
        warnings += underlying_of(provider, request.symbol, as_of, trading=False).warnings
    return _answer(request, as_of, articles, source, warnings, tone, flags, earnings, short)


def red_flags(articles: list[Article]) -> list[RedFlag]:
    """Grave events first, then newest first; each kind once per article."""
    flags = [
        RedFlag(
            type=event.type,
            severity=event.severity,
            article_id=article.id,
            text=event.text[:MAX_FLAG_TEXT],
        )
        for article in articles
        for event in find_events(f"{article.title}. {article.summary}")
    ]
    return sorted(flags, key=lambda flag: flag.severity != "high")


def _articles(
    request: ResearchRequest, provider: Provider, as_of: datetime
) -> tuple[list[Article], str, list[str]]:
    """Articles of the last 30 days, newest first, with their source and warnings."""
    warnings: list[str] = []
    if request.news is not None:
        source = "request"
        found = [_from_input(request.symbol, row) for row in request.news]
    else:
        source = provider.source
        given = provider.news(request.symbol, as_of, LOOKBACK_DAYS)
        if given is None:
            warnings.append("provider_has_no_news")
        found = list(given or ())
    oldest = as_of - timedelta(days=LOOKBACK_DAYS)
    usable, found_faults = readable(found, request.symbol, as_of)
    articles = [article for article in usable if article.published_at >= oldest]
    if articles and as_of - articles[0].published_at > STALE_NEWS:
        found_faults.append("stale_news")
    return articles, source, [*warnings, *found_faults]


def _from_input(symbol: str, row: InputArticle) -> Article:
    return Article(
        id=row.id,
        symbol=row.symbol or symbol,
        title=row.title,
        summary=row.summary,
        published_at=row.published_at,
        source=row.source,
        url=row.url,
    )


def _answer(
    request: ResearchRequest,
    as_of: datetime,
    articles: list[Article],
    source: str,
    warnings: list[str],
    tone: Tone,
    flags: list[RedFlag],
    earnings: Earnings,
    short_percent: float | None,
) -> ResearchAnalysis:
    days_until = days_to(earnings.day, as_of) if earnings.day else None
    faults = forbidding(warnings)
    sentiment = risks.sentiment_label(tone.score, tone.articles)
    doubtful = bool(faults) or "stale_news" in warnings
    if sentiment == "positive" and (doubtful or any(flag.severity == "high" for flag in flags)):
        sentiment = "neutral"
    news = risks.news_risk(tone.score, tone.articles, flags)
    report = risks.earnings_risk(earnings, days_until, request.horizon_days)
    short = risks.short_interest_risk(short_percent)
    rejects = [*risks.research_rejects(sentiment, news, short), *faults]
    newest = articles[0].published_at if articles else None
    inside = None
    if earnings.known:
        inside = days_until is not None and days_until <= request.horizon_days
    return ResearchAnalysis(
        **answer_head("/analyze/research", request, source, as_of),
        quality=Quality(
            source=source,
            as_of=newest,
            age_seconds=age_seconds(as_of, newest),
            stale=newest is None or "stale_news" in warnings,
            adjusted=False,
            bars_used=0,
            warnings=list(dict.fromkeys(warnings)),
        ),
        evidence=[*_evidence(tone, news, report, short), sound_data(faults)],
        symbol=request.symbol,
        sentiment=sentiment,
        sentiment_score=tone.score if tone.articles else None,
        recommendation="reject" if rejects else "pass",
        news_risk=news,
        earnings_risk=report,
        short_interest_risk=short,
        earnings=EarningsRow(
            day=earnings.day,
            estimated=earnings.estimated,
            time_of_day=earnings.time_of_day,
            days_until=days_until,
            inside_horizon=inside,
        ),
        red_flags=flags,
        articles_used=len(articles),
        reject_reasons=rejects,
        research_notes=_notes(sentiment, len(articles), flags, days_until, earnings.known),
    )


def _evidence(tone: Tone, news: str, report: str, short: str) -> list[Evidence]:
    enough = tone.articles > 0
    return [
        Evidence(
            rule="articles_found", value=tone.articles, threshold=1.0, passed=enough, weight=0.0
        ),
        Evidence(
            rule="sentiment_not_negative",
            value=tone.score if enough else None,
            threshold=risks.NEGATIVE_FROM,
            passed=enough and tone.score > risks.NEGATIVE_FROM,
            weight=1.0,
        ),
        Evidence(
            rule="news_risk",
            value=news,
            threshold="not high or unknown",
            passed=news in ("low", "moderate"),
            weight=0.0,
        ),
        Evidence(
            rule="earnings_risk",
            value=report,
            threshold="not high or unknown",
            passed=report in ("low", "moderate"),
            weight=0.0,
        ),
        Evidence(
            rule="short_interest_risk",
            value=short,
            threshold="not high",
            passed=short != "high",
            weight=0.0,
        ),
    ]


def _notes(
    sentiment: str, articles: int, flags: list[RedFlag], days_until: int | None, known: bool
) -> str:
    read = f"{articles} article{'' if articles == 1 else 's'}"
    parts = [f"{read} of the last {LOOKBACK_DAYS} days: sentiment {sentiment}."]
    if flags:
        kinds = ", ".join(dict.fromkeys(flag.type for flag in flags))
        parts.append(f"Red flags: {kinds}.")
    if days_until is not None:
        parts.append(f"Next report in {days_until} days.")
    else:
        parts.append("No report to come." if known else "The next report is unknown.")
    return " ".join(parts)
