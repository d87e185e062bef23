"""The shapes of /positions/evaluate."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ttai_analysis.models.common import (
    NEWEST_YEAR,
    OLDEST_YEAR,
    Answer,
    ItemError,
    Model,
    Moment,
    Number,
    Price,
    RequestModel,
    SentModel,
    Size,
    Symbol,
)

Structure = Literal[
    "stock",
    "short_put",
    "short_call",
    "covered_call",
    "bull_put_spread",
    "bear_call_spread",
    "iron_condor",
    "long_option",
    "other",
]
AssignmentRisk = Literal["none", "low", "moderate", "high", "unknown"]
TestedBy = Literal["delta", "cost"]
Valuation = Literal["quoted", "model", "expired", "unknown"]


LAST_SATURDAY_EXPIRY = date(2015, 2, 21)
"""Monthly options expired on Saturdays until then."""
SATURDAY = 5


def _expiry(day: date) -> date:
    if not OLDEST_YEAR <= day.year <= NEWEST_YEAR:
        raise ValueError(f"an expiration is of the years {OLDEST_YEAR} to {NEWEST_YEAR}")
    if day.weekday() >= SATURDAY and day > LAST_SATURDAY_EXPIRY:
        raise ValueError(f"no option expires on {day}, which is a {day:%A}")
    return day


class PositionLeg(RequestModel):
    """`quantity` is signed: negative is sold; contracts of 100 shares, or shares of stock.
    `openPrice` is what was paid or received per share."""

    kind: Literal["option", "stock"] = "option"
    right: Literal["C", "P", "call", "put"] | None = None
    strike: Price | None = None
    expiration: Annotated[date, AfterValidator(_expiry)] | None = None
    quantity: float = Field(ge=-1e6, le=1e6)
    open_price: float = Field(ge=0, le=1e6)

    @model_validator(mode="after")
    def _is_whole(self) -> "PositionLeg":
        if self.quantity == 0:
            raise ValueError("quantity must not be 0")
        named = (self.right, self.strike, self.expiration)
        if self.kind == "option" and None in named:
            raise ValueError("an option has right, strike and expiration")
        if self.kind == "stock" and named != (None, None, None):
            raise ValueError("stock has no right, strike or expiration")
        if self.kind == "option" and not self.quantity.is_integer():
            raise ValueError("the quantity of an option is a whole number of contracts")
        return self

    @property
    def is_call(self) -> bool:
        """Of an option."""
        return self.right in ("C", "call")


class PositionInput(RequestModel):
    """What is held of one symbol as one position; `id` is the caller's and comes back. `openedAt`:
    when it was opened, for `management.closeByDte`."""

    id: str = Field(min_length=1, max_length=200)
    symbol: Symbol
    legs: list[PositionLeg] = Field(min_length=1, max_length=8)
    opened_at: Moment | None = None


class InputQuote(SentModel):
    """A price of the caller's instead of the provider's; a row of /quotes will do."""

    price: Price
    as_of: Moment | None = None


class PositionsRequest(RequestModel):
    """Up to 500 positions; `quotes` by symbol replace the provider's prices of underlyings."""

    positions: Annotated[list[PositionInput], Field(min_length=1, max_length=500)]
    quotes: dict[Symbol, InputQuote] = Field(default_factory=dict)
    as_of: Moment | None = None

    @model_validator(mode="after")
    def _ids_differ(self) -> "PositionsRequest":
        if len({position.id for position in self.positions}) < len(self.positions):
            raise ValueError("each position needs an id of its own")
        return self


class LegValue(Model):
    """One leg now. `price` per share: the mid of a two-sided quote (`quoted`), else the model's
    with the nearest known volatility of its expiry (`model`); of what has expired the intrinsic
    value at the close of its last session (`expired`). `extrinsic` is price less intrinsic
    value; delta is that of one share of the option or stock."""

    kind: Literal["option", "stock"]
    right: Literal["call", "put"] | None
    strike: Number
    expiration: date | None
    dte: int | None
    quantity: Size
    bid: Number
    ask: Number
    price: Number
    valuation: Valuation
    iv: Number
    delta: Number
    intrinsic: Number
    extrinsic: Number
    in_the_money: bool | None


class ManagementFlags(Model):
    """Whether the usual rules say to act: half of the profit is there, 21 days are left (unless
    at `openedAt` there were 28 at most), the position is tested (a short |delta| above .5, or
    closing costs twice the credit; `testedBy` says which, `delta` where both). Null: not known, or
    no short option that lives."""

    take_profit: bool | None
    close_by_dte: bool | None
    tested: bool | None
    tested_by: TestedBy | None


class PositionValue(Model):
    """One position now. Currency amounts are for the whole position, with the quantity's sign.

    `pnlPct` is of what was paid or received at opening, `profitCapturedPct` of the most that can be
    made. `delta` in shares; `shortDelta` is the largest |delta| of a short option. `warnings` name
    legs: `model_price:leg1`, `no_price:leg1`, `not_in_chain:leg1` (there is no such contract;
    told where the source's chain has all that is listed), `expired:leg1`.
    """

    id: str
    symbol: str
    structure: Structure
    underlying_price: Number
    underlying_as_of: Moment | None
    stale: bool
    change_pct: Number
    dte: int | None
    expiration: date | None
    market_value: Number
    open_value: Number
    pnl: Number
    pnl_pct: Number
    max_profit: Number
    max_loss: Number
    profit_captured_pct: Number
    breakevens: list[Number]
    delta: Number
    short_delta: Number
    gamma: Number
    theta_per_day: Number
    vega_per_point: Number
    assignment_risk: AssignmentRisk
    assignment_reasons: list[str]
    earnings_date: date | None
    days_to_earnings: int | None
    earnings_inside_dte: bool | None
    ex_dividend_date: date | None
    management: ManagementFlags
    legs: list[LegValue]
    warnings: list[str]


class PositionsAnswer(Answer):
    """Positions in the order asked; those that failed are in `errors` by their id."""

    positions: list[PositionValue]
    errors: dict[str, ItemError]
