"""Risk labels from tone, events, earnings and short interest.

For: rules with their limits. When in doubt a risk is unknown, never low.
"""

from collections.abc import Sequence

from ttai_analysis.models.research import RedFlag, RiskOrUnknown, Sentiment
from ttai_analysis.providers.base import Earnings

POSITIVE_FROM, NEGATIVE_FROM = 0.15, -0.15
VERY_NEGATIVE = -0.40
MIN_ARTICLES_FOR_POSITIVE = 2
MODERATE_SHORT_PCT, HIGH_SHORT_PCT = 10.0, 20.0
EARNINGS_MARGIN_DAYS = 7


def sentiment_label(score: float, articles: int) -> Sentiment:
    """Unknown without articles; one article alone never makes a positive."""
    if articles == 0:
        return "unknown"
    if score <= NEGATIVE_FROM:
        return "negative"
    enough = articles >= MIN_ARTICLES_FOR_POSITIVE
    return "positive" if score >= POSITIVE_FROM and enough else "neutral"


def news_risk(score: float, articles: int, flags: Sequence[RedFlag]) -> RiskOrUnknown:
    """High: a grave event or a very negative tone; moderate: a lesser event or a negative one."""
    if articles == 0:
        return "unknown"
    if any(flag.severity == "high" for flag in flags) or score <= VERY_NEGATIVE:
        return "high"
    return "moderate" if flags or score <= NEGATIVE_FROM else "low"


def earnings_risk(earnings: Earnings, days_until: int | None, horizon_days: int) -> RiskOrUnknown:
    """High within the horizon (today included); moderate shortly after it or when estimated."""
    if not earnings.known:
        return "unknown"
    if days_until is None:
        return "low"
    if days_until <= horizon_days:
        return "high"
    near = days_until <= horizon_days + EARNINGS_MARGIN_DAYS
    return "moderate" if near and earnings.estimated is not False else "low"


def short_interest_risk(percent_of_float: float | None) -> RiskOrUnknown:
    """By the share of the float that is sold short."""
    if percent_of_float is None:
        return "unknown"
    if percent_of_float >= HIGH_SHORT_PCT:
        return "high"
    return "moderate" if percent_of_float >= MODERATE_SHORT_PCT else "low"


def research_rejects(sentiment: Sentiment, news: RiskOrUnknown, short: RiskOrUnknown) -> list[str]:
    """Why research would not let the trade pass. Earnings are the option analysis's to judge,
    for it knows the expiry; not knowing the news is a reason."""
    reasons = []
    if sentiment == "unknown":
        reasons.append("no_news_data")
    if sentiment == "negative":
        reasons.append("negative_sentiment")
    if news == "high":
        reasons.append("high_news_risk")
    if short == "high":
        reasons.append("high_short_interest")
    return reasons
