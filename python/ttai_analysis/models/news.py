"""The shapes of /news."""

from typing import Annotated

from pydantic import Field

from ttai_analysis.models.common import Answer, Model, Moment, Number, RequestModel, Symbol


class NewsRequest(RequestModel):
    """Articles about these symbols of the last days, newest first."""

    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=100)]
    lookback_days: int = Field(default=7, ge=1, le=30)
    limit: int = Field(default=100, ge=1, le=500)
    as_of: Moment | None = None


class NewsRow(Model):
    """One article: `sentiment` from -1 to 1, `significance` from 0 to 1 (see research/)."""

    id: str
    symbol: str
    title: str
    summary: str
    published_at: Moment
    source: str
    url: str | None
    sentiment: Number
    significance: Number
    events: list[str]


class NewsMeta(Answer):
    """The answer with `?meta=true`: the articles with their head."""

    articles: list[NewsRow]
    missing_symbols: list[str]
    without_news: list[str]
