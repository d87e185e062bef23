"""A selected trade as the fields of the answer.

For: figures by name. Not for: choosing or wording.
"""

from datetime import date
from typing import TypedDict, cast

from ttai_analysis.models.options import AlternativeRow, LegRow, Liquidity
from ttai_analysis.options.contracts import Contracts
from ttai_analysis.options.packages import (
    least,
    market_of,
    net,
    probability_in_the_money,
    probability_tested,
)
from ttai_analysis.options.scoring import MarketView, expiration, least_liquidity
from ttai_analysis.options.selection import Ranked
from ttai_analysis.options.straddles import straddle_move
from ttai_analysis.options.trades import Trade, per_week, per_year
from ttai_analysis.options.volatility_context import VolatilityContext, move_of

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


def trade_figures(
    contracts: Contracts, trade: Trade, view: MarketView, at_the_money: float | None
) -> TradeFigures:
    """The figures of one trade. Strike and IV are those of the main short leg, all else that of
    the whole (packages.py); `at_the_money`: the volatility of its expiry."""
    row, chain = trade.short, contracts.chain
    spot, dte = chain.underlying_price, int(contracts.dte[row])
    strike, expiry = float(chain.strike[row]), int(chain.expiry[row])
    market = market_of(contracts, trade)
    return TradeFigures(
        best_strike=strike,
        best_expiration=expiration(contracts, row),
        dte=dte,
        premium=trade.credit,
        mid=trade.mid_credit,
        bid=market.bid,
        ask=market.ask,
        delta=net(trade, contracts.delta),
        gamma=net(trade, contracts.gamma),
        theta_per_day=net(trade, contracts.theta_per_day),
        vega_per_point=net(trade, contracts.vega_per_point),
        iv=float(contracts.iv[row]),
        pop=trade.pop,
        prob_itm=probability_in_the_money(contracts, trade),
        prob_touch=probability_tested(contracts, trade),
        breakeven=trade.breakeven,
        breakeven_upper=trade.breakeven_upper,
        breakeven_distance_pct=trade.room_pct(spot),
        expected_move=move_of(contracts, expiry, at_the_money),
        expected_move_straddle=straddle_move(contracts, expiry),
        forward=float(contracts.forward[row]),
        roc_pct=trade.roc_pct,
        gross_roc_pct=trade.gross_roc_pct,
        weekly_roc_pct=per_week(trade.roc_pct, dte),
        annualized_roc_pct=per_year(trade.roc_pct, dte),
        if_called_pct=trade.if_called_pct,
        max_profit=trade.max_profit,
        max_loss=trade.max_loss,
        capital_required=trade.capital,
        liquidity_score=least_liquidity(contracts, trade),
        spread_pct=market.spread_pct,
        open_interest=least(trade, chain.open_interest),
        volume=least(trade, chain.volume),
        support_below_strike=any(level <= strike for level in view.supports)
        if view.supports
        else None,
    )


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
