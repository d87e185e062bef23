"""The shapes of /analyze/research."""

from datetime import date
from typing import Literal

from pydantic import Field

from ttai_analysis.models.common import (
    Answer,
    Model,
    Moment,
    Number,
    RequestModel,
    SentModel,
    Symbol,
)
from ttai_analysis.models.options import InputEarnings

Sentiment = Literal["positive", "neutral", "negative", "unknown"]
RiskOrUnknown = Literal["low", "moderate", "high", "unknown"]


class InputArticle(SentModel):
    """One article sent by the caller instead of the provider's; a row of /news will do. One of
    another `symbol` is left out."""

    id: str = Field(max_length=200)
    symbol: Symbol | None = None
    title: str = Field(max_length=2000)
    summary: str = Field(default="", max_length=20_000)
    published_at: Moment
    source: str = ""
    url: str | None = None


class ResearchRequest(RequestModel):
    """Without `news` or `earnings` the provider's are used."""

    symbol: Symbol
    horizon_days: int = Field(default=45, ge=1, le=400)
    news: list[InputArticle] | None = Field(default=None, max_length=500)
    earnings: InputEarnings | None = None
    as_of: Moment | None = None


class EarningsRow(Model):
    """The next report; `insideHorizon` is null when the date is unknown."""

    day: date | None = Field(serialization_alias="date")
    estimated: bool | None
    time_of_day: str | None
    days_until: int | None
    inside_horizon: bool | None


class RedFlag(Model):
    """A sentence that names a serious event."""

    type: str
    severity: Literal["moderate", "high"]
    article_id: str
    text: str


class ResearchAnalysis(Answer):
    """What the news and the calendar say. No data is "unknown", never "positive"."""

    symbol: str
    sentiment: Sentiment
    sentiment_score: Number
    recommendation: Literal["pass", "reject"]
    news_risk: RiskOrUnknown
    earnings_risk: RiskOrUnknown
    short_interest_risk: RiskOrUnknown
    earnings: EarningsRow
    red_flags: list[RedFlag]
    articles_used: int
    reject_reasons: list[str]
    research_notes: str
