"""The shapes of /healthz, /readyz and /market/*."""

from datetime import date
from typing import Literal

from pydantic import Field

from ttai_analysis.models.common import Model, Moment


class Health(Model):
    """The process lives."""

    status: str
    uptime_seconds: float
    version: str
    provider: str
    source: str


class ProviderReadiness(Model):
    """The provider can be asked."""

    name: str
    source: str
    ready: bool
    detail: dict[str, object]


class Readiness(Model):
    """Whether requests will be answered at once."""

    status: Literal["starting", "ready", "unavailable"]
    as_of: Moment
    provider: ProviderReadiness


class SessionRow(Model):
    """One session of the exchange, in UTC."""

    day: date = Field(serialization_alias="date")
    opens_at: Moment
    closes_at: Moment
    half_day: bool


class Calendar(Model):
    """Sessions of a range; days that are not listed are closed. `quotesNeverClose`: the quotes of
    this service's provider move around the clock, whatever the exchange does."""

    exchange: str
    timezone: str
    quotes_never_close: bool
    sessions: list[SessionRow]


class MarketClock(Model):
    """The exchange at one moment."""

    exchange: str
    timezone: str
    as_of: Moment
    is_open: bool
    current_session: SessionRow | None
    next_open: Moment
    next_close: Moment
    previous_close: Moment
