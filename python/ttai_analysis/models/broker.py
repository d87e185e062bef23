"""The shapes of /broker/positions."""

from datetime import date
from typing import Literal

from ttai_analysis.models.common import Model, Moment, Number, Size


class BrokerLeg(Model):
    """As a leg of /positions/evaluate, with its underlying. `quantity` is signed: negative is
    sold; contracts of 100 shares, or shares. `open_price`: the average, in dollars per share."""

    symbol: str
    kind: Literal["option", "stock"]
    right: Literal["call", "put"] | None
    strike: Number
    expiration: date | None
    quantity: Size
    open_price: Number
    opened_at: Moment


class BrokerLeft(Model):
    """Held, and neither a share nor a standard option."""

    symbol: str
    instrument_type: str
    reason: str


class BrokerAccountRow(Model):
    """One account; `name` is its owner's word for it. A closed one holds nothing."""

    number: str
    name: str
    legs: list[BrokerLeg]
    left: list[BrokerLeft]


class BrokerPositions(Model):
    """All accounts, or none: an account that cannot be read fails the whole answer."""

    schema_version: int
    engine_version: str
    as_of: Moment
    source: str
    accounts: list[BrokerAccountRow]
