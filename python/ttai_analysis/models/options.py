"""The shapes of /analyze/options."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, model_validator

from ttai_analysis.models.common import (
    Answer,
    Count,
    Model,
    Moment,
    Number,
    Price,
    RequestModel,
    SentModel,
    SentQuality,
    Symbol,
    of_the_same_symbol,
)
from ttai_analysis.models.positions import AssignmentRisk

Strategy = Literal["csp", "covered_call", "bull_put_spread", "bear_call_spread", "iron_condor"]
Liquidity = Literal["good", "fair", "poor", "unknown"]
PACKAGE = "Of what is sold: of a spread or condor all legs together, sold less bought"


class InputContract(SentModel):
    """One option quote of an inline chain. An implied volatility may come with it; it is not used,
    which `quality.warnings` says."""

    expiration: date
    strike: Price
    right: Literal["C", "P", "call", "put"]
    bid: float | None = None
    ask: float | None = None
    open_interest: float | None = None
    volume: float | None = None
    implied_volatility: object = Field(
        default=None, validation_alias=AliasChoices("impliedVolatility", "iv"), exclude=True
    )


class InputChain(SentModel):
    """A chain sent by the caller instead of the provider's; an answer of /option-chain will do."""

    symbol: Symbol | None = None
    options: list[InputContract] = Field(max_length=20_000)
    underlying_price: Price | None = None
    as_of: Moment | None = None
    source: str | None = None
    quality: SentQuality | None = None


class Constraints(RequestModel):
    """What the caller will accept; deltas as absolute decimals, money per share or contract."""

    min_delta: float = Field(default=0.15, ge=0, le=1)
    max_delta: float = Field(default=0.30, ge=0, le=1)
    dte_min: int = Field(default=21, ge=0, le=1100)
    dte_max: int = Field(default=60, ge=0, le=1100)
    target_dte: int = Field(default=45, ge=0, le=1100)
    min_weekly_roc_pct: float = Field(default=0.0, ge=-1000, le=1000)
    max_spread_pct: float = Field(default=10.0, gt=0, le=1000)
    min_open_interest: float = Field(default=100, ge=0, le=1e9)
    min_bid: float = Field(default=0.05, ge=0, le=1e9)
    allow_earnings: bool = False
    unknown_earnings: Literal["reject", "warn"] = "reject"
    max_capital: Price | None = None

    @model_validator(mode="after")
    def _bands_are_ordered(self) -> "Constraints":
        if self.min_delta > self.max_delta:
            raise ValueError("minDelta must not exceed maxDelta")
        if self.dte_min > self.dte_max:
            raise ValueError("dteMin must not exceed dteMax")
        return self


class ContextLevel(SentModel):
    """A support or resistance level of a chart."""

    price: float | None = None


class ContextIndicators(SentModel):
    """The one indicator that option analysis borrows."""

    hv20: float | None = None


class ChartContext(SentModel):
    """An answer of /analyze/chart, or the parts of it that matter here."""

    symbol: Symbol | None = None
    support_levels: list[ContextLevel] = Field(default_factory=list)
    resistance_levels: list[ContextLevel] = Field(default_factory=list)
    indicators: ContextIndicators | None = None


class InputEarnings(SentModel):
    """The next report, when the caller knows it; `date: null` says that there is none."""

    day: date | None = Field(default=None, validation_alias=AliasChoices("date", "day"))
    estimated: bool | None = None


class OptionsRequest(RequestModel):
    """`costBasis`: what a share under a covered call cost, on which all of its figures are then
    (without it on today's price); no strike below it is sold. `spreadWidth`: in dollars."""

    symbol: Symbol
    strategy: Strategy = "csp"
    chart_context: ChartContext | None = None
    option_chain: InputChain | None = None
    underlying_price: Price | None = None
    constraints: Constraints = Field(default_factory=Constraints)
    cost_basis: Price | None = None
    spread_width: Price | None = None
    earnings: InputEarnings | None = None
    as_of: Moment | None = None

    @model_validator(mode="after")
    def _one_symbol(self) -> "OptionsRequest":
        chain, chart = self.option_chain, self.chart_context
        of_the_same_symbol(self.symbol, chain.symbol if chain else None, "optionChain")
        of_the_same_symbol(self.symbol, chart.symbol if chart else None, "chartContext")
        return self


class LegRow(Model):
    """One contract of the trade."""

    action: Literal["sell", "buy"]
    right: Literal["call", "put"]
    strike: Number
    expiration: date
    bid: Number
    ask: Number
    mid: Number
    iv: Number
    delta: Number


class AlternativeRow(Model):
    """A runner-up; `strike` and `delta` are those of its first leg."""

    strike: Number
    expiration: date
    dte: int
    premium: Number
    delta: Number
    roc: Number
    weekly_roc_pct: Number
    pop: Number
    score: Number


class RejectedCounts(Model):
    """How many failed first at each gate: contracts to be sold; for `pair` put spreads without a
    call spread of their expiry; for `credit`, `roc` and `capital` of spreads whole trades."""

    delta: int = 0
    dte: int = 0
    spread: int = 0
    oi: int = 0
    bid: int = 0
    earnings: int = 0
    roc: int = 0
    iv: int = 0
    capital: int = 0
    basis: int = 0
    wing: int = 0
    pair: int = 0
    credit: int = 0


CLOSE_AT_DTE = 21
"""Days to expiry at which a trade is usually closed."""
LEAST_DAYS_OPEN = 7
"""A trade that the days alone would close sooner than this was opened to be held."""


class Management(Model):
    """When to take the profit, when to close, and when the position counts as tested. `closeAtDte`
    is null for a trade that is at most a week longer: that is held to its profit or to expiry."""

    profit_target_pct: float = 50.0
    close_at_dte: int | None = CLOSE_AT_DTE
    tested_delta: float = 0.5
    tested_credit_multiple: float = 2.0


class OptionsAnalysis(Answer):
    """The best contract to sell, if any. Money: prices per share, profit, loss and capital per
    contract of 100 shares.

    `capitalRequired` is what is held, for a cash-secured put the whole strike; `rocPct` is on what
    can be lost (strike less credit), `grossRocPct` on the strike, the shares or the width. All
    figures of a covered call are on one price of the shares: `costBasis` where it is given, else
    today's.
    `breakevenDistancePct` is the room to the nearer break-even, positive on the right side of it.
    `atmIv` is the volatility at the money of `bestExpiration` (without a contract of the expiry
    nearest to 30 days); `ivHvRatio`, `vrp` and `expectedMove` are by it, so that they agree with
    the `expirations` of /option-chain. `iv` is that of the contract sold. Greeks are those of what
    is sold, not of its seller: a put's delta is negative, its theta too.

    Spreads and condors are one thing that is sold: `bid`, `ask`, `mid`, `spreadPct` and the greeks
    are those of the whole package, sold legs less bought ones. `bestStrike` and `iv` are those of
    its first leg (a condor's short put), `openInterest`, `volume` and `liquidityScore` those of the
    sold contract that has least, `probItm` and `probTouch` the odds of either short strike.
    """

    symbol: str
    strategy: Strategy
    recommendation: Literal["select", "reject"]
    underlying_price: Number
    best_strike: Number
    best_expiration: date | None
    dte: int | None
    premium: Number
    mid: Number
    bid: Annotated[Number, Field(description="What selling the whole brings now, per share")]
    ask: Annotated[Number, Field(description="What buying the whole back costs now, per share")]
    delta: Annotated[Number, Field(description=f"{PACKAGE}, per share")]
    gamma: Annotated[Number, Field(description=f"{PACKAGE}, per share")]
    theta_per_day: Annotated[Number, Field(description=f"{PACKAGE}, per share and calendar day")]
    vega_per_point: Annotated[
        Number, Field(description=f"{PACKAGE}, per share and percentage point of volatility")
    ]
    iv: Annotated[Number, Field(description="Implied volatility of the first leg, decimal")]
    iv_rank: Number
    iv_percentile: Number
    hv20: Number
    iv_hv_ratio: Annotated[Number, Field(description="atmIv / hv20")]
    atm_iv: Annotated[
        Number, Field(description="Volatility at the money of the expiry sold, decimal")
    ]
    vrp: Annotated[Number, Field(description="atmIv - hv20")]
    pop: Number
    prob_itm: Annotated[
        Number,
        Field(description="That a sold contract ends in the money; a condor's either short strike"),
    ]
    prob_touch: Annotated[
        Number,
        Field(
            description="That the price reaches a sold strike before expiry; a condor's either one"
        ),
    ]
    breakeven: Annotated[Number, Field(description="Of an iron condor the lower one")]
    breakeven_upper: Annotated[
        Number, Field(description="The upper one of an iron condor; null where there is only one")
    ]
    breakeven_distance_pct: Number
    expected_move: Annotated[
        Number,
        Field(description="One deviation to the minute of expiry by atmIv, dollars per share"),
    ]
    expected_move_straddle: Annotated[
        Number, Field(description=".85 of the expiry's straddle, dollars per share")
    ]
    forward: Number
    roc_pct: Number
    gross_roc_pct: Number
    weekly_roc_pct: Number
    annualized_roc_pct: Number
    if_called_pct: Number
    max_profit: Number
    max_loss: Number
    capital_required: Number
    liquidity_score: Liquidity
    spread_pct: Annotated[Number, Field(description="ask - bid, percent of mid")]
    open_interest: Annotated[Count, Field(description="Least of the sold contracts")]
    volume: Annotated[Count, Field(description="Least of the sold contracts")]
    support_below_strike: bool | None
    earnings_date: date | None
    earnings_inside_dte: bool | None
    ex_dividend_date: date | None
    ex_dividend_inside: bool | None
    assignment_risk: AssignmentRisk
    assignment_reasons: list[str]
    legs: list[LegRow]
    alternative_strikes: list[AlternativeRow]
    candidates_considered: int
    rejected_counts: RejectedCounts
    reject_reasons: list[str]
    score: Number
    rationale: str
    options_notes: str
    management: Management
