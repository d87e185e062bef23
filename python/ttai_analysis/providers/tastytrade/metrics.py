"""/market-metrics and the history of reports: size, volatility, dividends, the next report.

For: reading them. Not for: implied volatility of contracts, which this service computes itself.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from ttai_analysis.providers.base import UNKNOWN_EARNINGS, Dividend, Earnings, Metrics
from ttai_analysis.providers.numbers import number, positive
from ttai_analysis.providers.tastytrade.values import day, record, records, text

TIMES_OF_DAY: dict[str, Literal["before_open", "after_close"]] = {
    "BTO": "before_open",
    "AMC": "after_close",
}


def metrics_of(item: Mapping[str, object], today: date) -> Metrics:
    """Facts; ranks are shares of 1, as our own are."""
    ex_date = day(item.get("dividend-next-date")) or day(item.get("dividend-ex-date"))
    return Metrics(
        iv_index=index_volatility(item),
        iv_rank=_share(
            item.get("tw-implied-volatility-index-rank"),
            item.get("implied-volatility-index-rank"),
        ),
        iv_percentile=_share(item.get("implied-volatility-percentile")),
        market_cap=positive(item.get("market-cap")),
        beta=number(item.get("beta")),
        dividend_yield=number(item.get("dividend-yield")),
        next_ex_dividend=ex_date if ex_date is not None and ex_date >= today else None,
    )


def index_volatility(item: Mapping[str, object]) -> float | None:
    """The underlying's implied volatility, a decimal."""
    return positive(item.get("implied-volatility-index"))


def earnings_of(item: Mapping[str, object], today: date) -> Earnings:
    """The next report; a date that has passed says nothing about the next one."""
    told = record(item.get("earnings"))
    expected = day(told.get("expected-report-date"))
    if expected is None or expected < today:
        return UNKNOWN_EARNINGS
    estimated = told.get("estimated")
    return Earnings(
        known=True,
        day=expected,
        estimated=estimated if isinstance(estimated, bool) else None,
        time_of_day=TIMES_OF_DAY.get(text(told.get("time-of-day"))),
    )


def reported_since(answer: Mapping[str, object], since: date) -> bool:
    """Whether a history of reports holds one from `since` on."""
    days = [day(item.get("occurred-date")) for item in records(answer.get("items"))]
    return any(found is not None and found >= since for found in days)


def dividends_of(answer: Mapping[str, object], first: date, last: date) -> tuple[Dividend, ...]:
    """Dividends with their ex-date in the range, oldest first."""
    found = [
        Dividend(ex_date, amount)
        for item in records(answer.get("items"))
        if (ex_date := day(item.get("occurred-date"))) is not None
        and (amount := positive(item.get("amount"))) is not None
        and first <= ex_date <= last
    ]
    return tuple(sorted(found, key=lambda dividend: dividend.ex_date))


def _share(*values: object) -> float | None:
    """The first that is a number between 0 and 1."""
    for value in values:
        found = number(value)
        if found is not None and 0.0 <= found <= 1.0:
            return found
    return None
