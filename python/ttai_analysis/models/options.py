"""The shapes of /analyze/options."""

from datetime import date
from typing import Literal

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
    """`costBasis` of the shares for a covered call, `spreadWidth` in dollars for spreads."""

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
    """A runner-up."""

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
    """How many contracts failed first at each gate."""

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


CLOSE_AT_DTE = 21
"""Days to expiry at which a trade is usually closed."""


class Management(Model):
    """When to take the profit, when to close, and when the position counts as tested."""

    profit_target_pct: float = 50.0
    close_at_dte: int = CLOSE_AT_DTE
    tested_delta: float = 0.5
    tested_credit_multiple: float = 2.0


class OptionsAnalysis(Answer):
    """The best contract to sell, if any. Money: prices per share, profit, loss and capital per
    contract of 100 shares.

    `capitalRequired` is what is held, for a cash-secured put the whole strike; `rocPct` is on what
    can be lost (strike less credit), `grossRocPct` on the strike, the shares or the width.
    `breakevenDistancePct` is the room to the nearer break-even, positive on the right side of it;
    `breakevenUpper` is an iron condor's second one. `expectedMove` is one deviation by the
    contract's volatility, `expectedMoveStraddle` .85 of its expiry's straddle. `vrp`: implied
    volatility of 30 days less the realised one of 20. Greeks are those of the option itself, not of
    its seller: a put's delta is negative, its theta too.
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
    bid: Number
    ask: Number
    delta: Number
    gamma: Number
    theta_per_day: Number
    vega_per_point: Number
    iv: Number
    iv_rank: Number
    iv_percentile: Number
    hv20: Number
    iv_hv_ratio: Number
    atm_iv: Number
    vrp: Number
    pop: Number
    prob_itm: Number
    prob_touch: Number
    breakeven: Number
    breakeven_upper: Number
    breakeven_distance_pct: Number
    expected_move: Number
    expected_move_straddle: Number
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
    spread_pct: Number
    open_interest: Count
    volume: Count
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
