"""/news: articles about several symbols, each with its tone and how much it matters.

For: rows of articles. Not for: the judgement of a symbol (service.py).
"""

from datetime import datetime, timedelta

from ttai_analysis.answers import age_seconds, answer_head
from ttai_analysis.models.common import Evidence, Quality
from ttai_analysis.models.news import NewsMeta, NewsRequest, NewsRow
from ttai_analysis.providers.base import Article, Provider
from ttai_analysis.quality import code_of
from ttai_analysis.research.articles import readable
from ttai_analysis.research.events import FoundEvent, find_events
from ttai_analysis.research.sentiment import article_score

EVENT_SIGNIFICANCE = {"high": 0.9, "moderate": 0.7}
"""What an event of that severity makes of an article; a monitor tells of 0.7 and more."""
TONE_SIGNIFICANCE = 0.65
"""The most that tone alone makes of an article: without an event none is urgent."""


def news(request: NewsRequest, provider: Provider, as_of: datetime) -> NewsMeta:
    """Newest first, without what cannot be believed (articles.py), as `code:SYMBOL` among the
    warnings. Symbols that the provider does not know, and those for which it has no news at
    all, are named; neither is an error."""
    symbols = list(dict.fromkeys(request.symbols))
    missing = [symbol for symbol in symbols if not provider.knows(symbol)]
    without: list[str] = []
    found: list[Article] = []
    warnings: list[str] = []
    oldest = as_of - timedelta(days=request.lookback_days)
    for symbol in symbols:
        if symbol in missing:
            continue
        given = provider.news(symbol, as_of, request.lookback_days)
        if given is None:
            without.append(symbol)
            warnings.append(f"provider_has_no_news:{symbol}")
        own, faults = readable(list(given or ()), symbol, as_of)
        warnings += [f"{code_of(fault)}:{symbol}" for fault in faults]
        found += [article for article in own if article.published_at >= oldest]
    articles = sorted(
        found, key=lambda item: (item.published_at, item.symbol, item.id), reverse=True
    )[: request.limit]
    newest = articles[0].published_at if articles else None
    return NewsMeta(
        **answer_head("/news", request, provider.source, as_of),
        quality=Quality(
            source=provider.source,
            as_of=newest,
            age_seconds=age_seconds(as_of, newest),
            stale=newest is None,
            adjusted=False,
            bars_used=0,
            warnings=warnings,
        ),
        evidence=[
            Evidence(
                rule="articles_found",
                value=len(articles),
                threshold=1,
                passed=bool(articles),
                weight=0.0,
            )
        ],
        articles=[news_row(article) for article in articles],
        missing_symbols=missing,
        without_news=without,
    )


def news_row(article: Article) -> NewsRow:
    """The row of one article."""
    events = find_events(f"{article.title}. {article.summary}")
    tone = article_score(article)
    return NewsRow(
        id=article.id,
        symbol=article.symbol,
        title=article.title,
        summary=article.summary,
        published_at=article.published_at,
        source=article.source,
        url=article.url,
        sentiment=tone,
        significance=significance(tone, events),
        events=[event.type for event in events],
    )


def significance(tone: float, events: list[FoundEvent]) -> float:
    """0..1: by the gravest event that the article names, else by how strong its tone is."""
    by_event = max((EVENT_SIGNIFICANCE[event.severity] for event in events), default=0.0)
    return max(by_event, TONE_SIGNIFICANCE * abs(tone))
