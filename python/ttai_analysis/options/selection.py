"""Which trade to make: gates, then trades, then the best score.

For: one pure function from contracts to a ranking. Not for: fetching or wording.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.models.options import Constraints, OptionsRequest, RejectedCounts
from ttai_analysis.options.contracts import Contracts
from ttai_analysis.options.gates import GATES, SIDES, GateResult, short_gates
from ttai_analysis.options.scoring import (
    MarketView,
    Shares,
    ratios_by_expiry,
    score_of,
    score_trade,
)
from ttai_analysis.options.trades import (
    Trade,
    cash_secured_put,
    covered_call,
    default_width,
    iron_condor,
    per_week,
    vertical,
)
from ttai_analysis.providers.base import BoolArray, Earnings


@dataclass(frozen=True, slots=True)
class Ranked:
    """A trade with its score and what it earns by each rule."""

    trade: Trade
    score: float
    shares: Shares


@dataclass(frozen=True, slots=True)
class Selection:
    """The ranking, best first. `earnings_only`: nothing passed, but these would have without the
    earnings gate, so their figures are worth showing beside the rejection. `stopped_by`: the gates
    that stopped the last where nothing passed; two of a condor whose sides end at different ones.
    """

    ranked: list[Ranked]
    earnings_only: bool
    considered: int
    rejected: RejectedCounts
    stopped_by: list[str]


def select_trades(
    request: OptionsRequest, contracts: Contracts, earnings: Earnings, view: MarketView
) -> Selection:
    """All trades of the asked strategy that pass, ranked by score, then expiry, then strike."""
    gates = _gates(request, contracts, earnings)
    considered = sum(gate.considered for gate in gates)
    counts = [*(gate.rejected for gate in gates), RejectedCounts()]
    trades = _trades(request, contracts, [gate.passed for gate in gates], counts)
    stopped_by = [] if trades else _stopping(gates, counts)
    earnings_only = False
    if not trades:
        uncounted = [RejectedCounts() for _ in counts]
        trades = _trades(request, contracts, [gate.sound for gate in gates], uncounted)
        earnings_only = bool(trades)
    ranked = _rank(contracts, trades, request.constraints, view)
    return Selection(ranked, earnings_only, considered, _sum_counts(counts), stopped_by)


def _stopping(gates: list[GateResult], counts: list[RejectedCounts]) -> list[str]:
    """The last gate of each side that has nothing left; where all have, that of whole trades."""
    empty = [
        gate.rejected
        for gate in gates
        if gate.considered and sum(count for _, count in gate.rejected) == gate.considered
    ]
    lasts = [[name for name in GATES if dict(part)[name]][-1:] for part in empty or counts[-1:]]
    return list(dict.fromkeys(name for last in lasts for name in last))


def _gates(request: OptionsRequest, contracts: Contracts, earnings: Earnings) -> list[GateResult]:
    constraints, strategy = request.constraints, request.strategy
    if strategy == "csp":
        return [short_gates(contracts, constraints, earnings, is_call=False)]
    if strategy == "covered_call":
        return [
            short_gates(
                contracts,
                constraints,
                earnings,
                is_call=True,
                cost_basis=request.cost_basis,
            )
        ]
    return [
        short_gates(contracts, constraints, earnings, is_call=is_call, capital=False)
        for is_call in SIDES[strategy]
    ]


def _trades(
    request: OptionsRequest,
    contracts: Contracts,
    masks: list[BoolArray],
    counts: list[RejectedCounts],
) -> list[Trade]:
    """All that can be made of the rows; what cannot is counted, by side and then for the whole."""
    rows = [[int(row) for row in np.flatnonzero(mask)] for mask in masks]
    if request.strategy == "csp":
        return [cash_secured_put(contracts, row) for row in rows[0]]
    if request.strategy == "covered_call":
        return [covered_call(contracts, row, request.cost_basis) for row in rows[0]]
    width = request.spread_width or default_width(contracts.chain.underlying_price)
    *by_side, whole = counts
    sides = [
        _verticals(contracts, side, width, part) for side, part in zip(rows, by_side, strict=True)
    ]
    trades = sides[0] if len(sides) == 1 else _condors(contracts, sides[0], sides[1], whole)
    return [trade for trade in trades if _spread_passes(request, contracts, trade, whole)]


def _verticals(
    contracts: Contracts, rows: list[int], width: float, counts: RejectedCounts
) -> list[Trade]:
    trades = [trade for row in rows if (trade := vertical(contracts, row, width)) is not None]
    counts.wing += len(rows) - len(trades)
    return trades


def _condors(
    contracts: Contracts, puts: list[Trade], calls: list[Trade], counts: RejectedCounts
) -> list[Trade]:
    """Every pair of one expiry whose credit stays below the width."""
    chain = contracts.chain
    pairs = (
        iron_condor(contracts, put, call)
        for put in puts
        for call in calls
        if chain.expiry[put.short] == chain.expiry[call.short]
        and chain.strike[put.short] < chain.strike[call.short]
    )
    trades = [trade for trade in pairs if trade.risk > 0.0]
    counts.pair += len({put.short for put in puts} - {trade.short for trade in trades})
    return trades


def _spread_passes(
    request: OptionsRequest, contracts: Contracts, trade: Trade, counts: RejectedCounts
) -> bool:
    limits = request.constraints
    if trade.credit < limits.min_bid:
        counts.credit += 1
        return False
    weekly = per_week(trade.roc_pct, int(contracts.dte[trade.short]))
    if weekly < limits.min_weekly_roc_pct:
        counts.roc += 1
        return False
    if limits.max_capital is not None and trade.capital > limits.max_capital:
        counts.capital += 1
        return False
    return True


def _rank(
    contracts: Contracts, trades: list[Trade], constraints: Constraints, view: MarketView
) -> list[Ranked]:
    ranked = []
    ratios = ratios_by_expiry(contracts, trades, view)
    for trade in trades:
        ratio = ratios[int(contracts.chain.expiry[trade.short])]
        shares = score_trade(contracts, trade, constraints, view, ratio)
        ranked.append(Ranked(trade, round(score_of(shares), 6), shares))
    chain = contracts.chain
    return sorted(
        ranked,
        key=lambda item: (
            -item.score,
            int(chain.expiry[item.trade.short]),
            tuple(float(chain.strike[leg]) for leg in item.trade.legs),
        ),
    )


def _sum_counts(parts: list[RejectedCounts]) -> RejectedCounts:
    totals = RejectedCounts()
    for part in parts:
        for name, value in part:
            setattr(totals, name, getattr(totals, name) + value)
    return totals
