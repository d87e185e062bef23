"""A selected trade as the fields of the answer.

For: figures by name. Not for: choosing or wording.
"""

from datetime import date
from typing import TypedDict, cast

import numpy as np

from ttai_analysis.models.options import AlternativeRow, LegRow, Liquidity
from ttai_analysis.options.contracts import Contracts
from ttai_analysis.options.odds import expected_move
from ttai_analysis.options.scoring import MarketView, expiration, liquidity
from ttai_analysis.options.selection import Ranked
from ttai_analysis.options.straddles import straddle_move
from ttai_analysis.options.trades import Trade, per_week, per_year
from ttai_analysis.options.volatility_context import VolatilityContext

MAX_ALTERNATIVES = 5


class TradeFigures(TypedDict):
    """Fields of OptionsAnalysis that describe the best trade; all None without one."""

    best_strike: float | None
    best_expiration: date | None
    dte: int | None
    premium: float | None
    mid: float | None
    bid: float | None
    ask: float | None
    delta: float | None
    gamma: float | None
    theta_per_day: float | None
    vega_per_point: float | None
    iv: float | None
    pop: float | None
    prob_itm: float | None
    prob_touch: float | None
    breakeven: float | None
    breakeven_upper: float | None
    breakeven_distance_pct: float | None
    expected_move: float | None
    expected_move_straddle: float | None
    forward: float | None
    roc_pct: float | None
    gross_roc_pct: float | None
    weekly_roc_pct: float | None
    annualized_roc_pct: float | None
    if_called_pct: float | None
    max_profit: float | None
    max_loss: float | None
    capital_required: float | None
    liquidity_score: Liquidity
    spread_pct: float | None
    open_interest: float | None
    volume: float | None
    support_below_strike: bool | None


class ContextFigures(TypedDict):
    """Fields of OptionsAnalysis that describe the volatility."""

    iv_rank: float | None
    iv_percentile: float | None
    hv20: float | None
    iv_hv_ratio: float | None
    atm_iv: float | None
    vrp: float | None


def context_figures(volatility: VolatilityContext) -> ContextFigures:
    """Volatility context by field name."""
    return ContextFigures(
        atm_iv=volatility.iv,
        iv_rank=volatility.iv_rank,
        iv_percentile=volatility.iv_percentile,
        hv20=volatility.hv20,
        iv_hv_ratio=volatility.ratio,
        vrp=volatility.premium,
    )


def trade_figures(contracts: Contracts, trade: Trade, view: MarketView) -> TradeFigures:
    """The figures of one trade. Strike, quote, IV, odds and delta are those of the short leg;
    premium, mid, break-even, profit and loss those of the whole trade."""
    row, chain = trade.short, contracts.chain
    spot, dte = chain.underlying_price, int(contracts.dte[row])
    iv = float(contracts.iv[row])
    strike = float(chain.strike[row])
    return TradeFigures(
        best_strike=strike,
        best_expiration=expiration(contracts, row),
        dte=dte,
        premium=trade.credit,
        mid=trade.mid_credit,
        bid=float(chain.bid[row]),
        ask=float(chain.ask[row]),
        delta=float(contracts.delta[row]),
        gamma=float(contracts.gamma[row]),
        theta_per_day=float(contracts.theta_per_day[row]),
        vega_per_point=float(contracts.vega_per_point[row]),
        iv=iv,
        pop=trade.pop,
        prob_itm=float(contracts.prob_itm[row]),
        prob_touch=float(contracts.prob_touch[row]),
        breakeven=trade.breakeven,
        breakeven_upper=trade.breakeven_upper,
        breakeven_distance_pct=trade.room_pct(spot),
        expected_move=float(expected_move(spot, iv, max(dte, 1))),
        expected_move_straddle=straddle_move(contracts, int(chain.expiry[row])),
        forward=float(contracts.forward[row]),
        roc_pct=trade.roc_pct,
        gross_roc_pct=trade.gross_roc_pct,
        weekly_roc_pct=per_week(trade.roc_pct, dte),
        annualized_roc_pct=per_year(trade.roc_pct, dte),
        if_called_pct=trade.if_called_pct,
        max_profit=trade.max_profit,
        max_loss=trade.max_loss,
        capital_required=trade.capital,
        liquidity_score=liquidity(contracts, row),
        spread_pct=float(contracts.spread_pct[row]),
        open_interest=_known(chain.open_interest[row]),
        volume=_known(chain.volume[row]),
        support_below_strike=any(level <= strike for level in view.supports)
        if view.supports
        else None,
    )


def sold_legs(trade: Trade) -> list[int]:
    """The rows of the contracts that are sold."""
    return [leg for leg, sign in zip(trade.legs, trade.signs, strict=True) if sign < 0]


def no_figures() -> TradeFigures:
    """Nothing to show."""
    figures: dict[str, object] = dict.fromkeys(TradeFigures.__annotations__)
    figures["liquidity_score"] = "unknown"
    return cast(TradeFigures, figures)


def leg_rows(contracts: Contracts, trade: Trade) -> list[LegRow]:
    """The contracts of the trade."""
    chain = contracts.chain
    return [
        LegRow(
            action="sell" if sign < 0 else "buy",
            right="call" if chain.is_call[leg] else "put",
            strike=float(chain.strike[leg]),
            expiration=expiration(contracts, leg),
            bid=float(chain.bid[leg]),
            ask=float(chain.ask[leg]),
            mid=float(contracts.mid[leg]),
            iv=float(contracts.iv[leg]),
            delta=float(contracts.delta[leg]),
        )
        for leg, sign in zip(trade.legs, trade.signs, strict=True)
    ]


def alternatives(contracts: Contracts, ranked: list[Ranked]) -> list[AlternativeRow]:
    """The runners-up, best first."""
    rows = []
    for item in ranked[1 : 1 + MAX_ALTERNATIVES]:
        row, trade = item.trade.short, item.trade
        dte = int(contracts.dte[row])
        rows.append(
            AlternativeRow(
                strike=float(contracts.chain.strike[row]),
                expiration=expiration(contracts, row),
                dte=dte,
                premium=trade.credit,
                delta=float(contracts.delta[row]),
                roc=trade.roc_pct,
                weekly_roc_pct=per_week(trade.roc_pct, dte),
                pop=trade.pop,
                score=item.score,
            )
        )
    return rows


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
