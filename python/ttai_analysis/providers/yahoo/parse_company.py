"""What Yahoo knows about a company, and what is written about it.

For: bodies of /v10/finance/quoteSummary and /v1/finance/search. Not for: fetching.
Yahoo's `dividendDate` is the day of payment, never taken for the ex-date; `dividendYield` of a
quote is in percent, that of the summary a decimal: the latter is read.
"""

from datetime import datetime

from ttai_analysis.errors import ProviderError
from ttai_analysis.providers.base import Article, Metrics
from ttai_analysis.providers.yahoo.fields import Json, branch, moment, number, positive, rows, text
from ttai_analysis.timestamps import new_york_date


def parse_summary(body: Json) -> Json:
    """The modules of the body; empty for what Yahoo quotes without facts. Raises ProviderError."""
    answer = branch(body, "quoteSummary")
    found = rows(answer.get("result"))
    if found:
        return found[0]
    if branch(answer, "error").get("code") == "Not Found":
        return {}
    raise ProviderError("Yahoo's answer holds no company facts.")


def metrics_of(modules: Json, as_of: datetime) -> Metrics:
    """Facts as Yahoo has them now. It has no history of implied volatility."""
    detail = branch(modules, "summaryDetail")
    statistics = branch(modules, "defaultKeyStatistics")
    short = number(statistics.get("shortPercentOfFloat"))
    ex_date = moment(branch(modules, "calendarEvents").get("exDividendDate"))
    # A date without a time: midnight in UTC, which is the evening before in New York.
    ex_day = ex_date.date() if ex_date else None
    return Metrics(
        iv_history=None,
        market_cap=positive(detail.get("marketCap")),
        beta=number(detail.get("beta")),
        sector=text(branch(modules, "assetProfile").get("sector")),
        short_percent_of_float=None if short is None or short < 0.0 else 100.0 * short,
        dividend_yield=number(detail.get("dividendYield")),
        next_ex_dividend=ex_day if ex_day and ex_day >= new_york_date(as_of) else None,
    )


def articles_of(symbol: str, yahoo_symbol: str, body: Json) -> tuple[Article, ...]:
    """The articles that name the symbol, newest first, each once.

    A search also finds what merely contains the letters: `relatedTickers` decides.
    """
    if not isinstance(body.get("news"), list):
        raise ProviderError("Yahoo's answer holds no news.")
    found: dict[str, Article] = {}
    for row in rows(body["news"]):
        related = row.get("relatedTickers")
        if not isinstance(related, list) or yahoo_symbol not in related:
            continue
        name, title = text(row.get("uuid")), text(row.get("title"))
        at = moment(row.get("providerPublishTime"))
        if name is None or title is None or at is None:
            continue
        found[name] = Article(
            id=name,
            symbol=symbol,
            title=title,
            summary=text(row.get("summary")) or "",
            published_at=at,
            source=text(row.get("publisher")) or "Yahoo",
            url=text(row.get("link")),
        )
    return tuple(
        sorted(found.values(), key=lambda item: (item.published_at, item.id), reverse=True)
    )
