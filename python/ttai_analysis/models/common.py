"""What every request and answer shares: the base model, numbers, symbols, quality, evidence.

For: shapes. Not for: behaviour.
"""

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from ttai_analysis.timestamps import format_rfc3339, parse_rfc3339

DECIMALS = 6
OLDEST_YEAR, NEWEST_YEAR = 1990, 2040
"""Of the exchange's calendar; no market data is of another time."""
MAX_PRICE = 1e9
"""In dollars: no price or strike of a request is beyond."""
MAX_VOLUME = 1e15
"""In shares."""
MAX_EPOCH = 4_102_444_800
"""2100-01-01 in seconds since 1970."""
SYMBOL_PATTERN = re.compile(r"^[A-Z][A-Z0-9.\-/]{0,9}$")


class Model(BaseModel):
    """Base of all shapes."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, ser_json_inf_nan="null"
    )


class SentModel(Model):
    """Base of what a caller may send on of another answer, which holds more than is read of it."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class RequestModel(Model):
    """Base of what a caller writes: a field that nobody knows is refused, for it is a misspelt one
    that would not count, and so is a number that is none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def rounded(value: float | None) -> float | None:
    """Six decimals; what is not a finite number becomes None. Minus zero becomes zero."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, DECIMALS) + 0.0


Number = Annotated[float | None, AfterValidator(rounded)]
"""A number of an answer, or null where it is unknown."""


def _whole(value: object) -> object:
    if isinstance(value, float):
        return round(value) if math.isfinite(value) else None
    return value


Count = Annotated[int | None, BeforeValidator(_whole)]
"""How many shares or contracts, or null where it is unknown."""


def _plain(value: float) -> int | float:
    return int(value) if value.is_integer() else value


Size = Annotated[int | float, AfterValidator(lambda value: _plain(float(value)))]
"""A number of shares or contracts, signed; a part of a share is possible."""


def _symbol(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a symbol must be text")
    symbol = value.strip().upper()
    if not SYMBOL_PATTERN.match(symbol):
        raise ValueError("a symbol is 1 to 10 of A-Z, 0-9, '.', '-', '/', starting with a letter")
    return symbol


Symbol = Annotated[str, BeforeValidator(_symbol)]


def of_the_same_symbol(asked: str, sent: str | None, name: str) -> None:
    """Raises ValueError where the data sent as `name` says that it is of another symbol."""
    if sent is not None and sent != asked:
        raise ValueError(f"{name} is of {sent}, not of {asked}")


def moment_of(value: object) -> datetime:
    """A time of a request. Raises ValueError with words for the caller."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("a time must be text such as 2021-03-31T20:00:00Z")
    try:
        moment = parse_rfc3339(value)
    except OverflowError as error:
        raise ValueError("a time must be of the years 1990 to 2040") from error
    if not OLDEST_YEAR <= moment.year <= NEWEST_YEAR:
        raise ValueError("a time must be of the years 1990 to 2040")
    return moment


Moment = Annotated[
    datetime, BeforeValidator(moment_of), PlainSerializer(format_rfc3339, return_type=str)
]


Price = Annotated[float, Field(gt=0, le=MAX_PRICE)]
"""A price or strike in a request, in dollars per share."""


class Quality(Model):
    """Where the data came from and how far to trust it."""

    source: str
    as_of: Moment | None
    age_seconds: Number
    stale: bool
    adjusted: bool
    bars_used: int
    warnings: list[str]


class SentQuality(SentModel):
    """The `quality` of an answer that a caller sends on: what it says against its data counts."""

    source: str | None = None
    as_of: Moment | None = None
    adjusted: bool | None = None
    warnings: list[object] = Field(default_factory=list, max_length=1000)


class Evidence(Model):
    """One rule that was checked; `weight` is its published share of the score (0: a gate)."""

    rule: str
    value: Number | str | bool
    threshold: Number | str
    passed: bool = Field(serialization_alias="pass")
    weight: float


def sound_data(faults: Sequence[str]) -> Evidence:
    """The gate of quality.py: with any code that forbids a trade there is none."""
    return Evidence(
        rule="data_is_sound",
        value=",".join(faults) or "sound",
        threshold="no fault that forbids a trade",
        passed=not faults,
        weight=0.0,
    )


class Answer(Model):
    """The fields that every answer carries."""

    schema_version: int
    engine_version: str
    as_of: Moment
    input_hash: str
    quality: Quality
    evidence: list[Evidence]


class ItemError(Model):
    """Why one item of a batch has no result: the codes are those of whole requests."""

    code: str
    message: str
    retryable: bool
