"""/positions/evaluate: each position at the present market.

For: fetching each underlying once, and putting a position's figures together. Not for: formulas
(valuation.py, payoff.py, assignment.py). A position that fails is an error of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ttai_analysis.answers import age_seconds, answer_head, item_error
from ttai_analysis.errors import ServiceError
from ttai_analysis.market.faults import quote_faults
from ttai_analysis.market.freshness import quote_is_stale
from ttai_analysis.market.underlying import known_earnings
from ttai_analysis.models.common import ItemError, Quality
from ttai_analysis.models.options import CLOSE_AT_DTE, Management
from ttai_analysis.models.positions import (
    LegValue,
    ManagementFlags,
    PositionInput,
    PositionsAnswer,
    PositionsRequest,
    PositionValue,
)
from ttai_analysis.options.chain_faults import sound_chain, sound_contracts
from ttai_analysis.options.contracts import Contracts, contracts_of
from ttai_analysis.options.inputs import rate_of
from ttai_analysis.options.service import earnings_inside
from ttai_analysis.positions.assignment import assignment_risk
from ttai_analysis.positions.payoff import multiplier, open_value, payoff
from ttai_analysis.positions.structure import structure_of
from ttai_analysis.positions.valuation import Market, Sensitivities, cost_to_close, value_leg
from ttai_analysis.providers.base import Earnings, Metrics, Provider, Quote
from ttai_analysis.timestamps import days_to

RULES = Management()


@dataclass(frozen=True, slots=True)
class Underlying:
    """What is known of one symbol, fetched once for all of its positions."""

    market: Market
    as_of: datetime | None
    prev_close: float | None
    stale: bool
    earnings: Earnings
    metrics: Metrics
    warnings: tuple[str, ...]


def evaluate(request: PositionsRequest, provider: Provider, as_of: datetime) -> PositionsAnswer:
    """Values in the order asked; errors by id, such as SYMBOL_NOT_FOUND."""
    rate, warnings = rate_of(provider, as_of)
    fetched: dict[str, Underlying | ServiceError] = {}
    values: list[PositionValue] = []
    errors: dict[str, ItemError] = {}
    for position in request.positions:
        symbol = position.symbol
        if symbol not in fetched:
            try:
                fetched[symbol] = _fetch(request, provider, symbol, rate, as_of)
            except ServiceError as error:
                fetched[symbol] = error
        found = fetched[symbol]
        if isinstance(found, ServiceError):
            errors[position.id] = item_error(found)
        else:
            values.append(_value(position, found, as_of))
    oldest = min((item.underlying_as_of for item in values if item.underlying_as_of), default=None)
    return PositionsAnswer(
        **answer_head("/positions/evaluate", request, provider.source, as_of),
        quality=Quality(
            source=provider.source,
            as_of=oldest,
            age_seconds=age_seconds(as_of, oldest),
            stale=not values or any(item.stale for item in values),
            adjusted=False,
            bars_used=0,
            warnings=[*warnings, *(f"failed:{name}" for name in errors)],
        ),
        evidence=[],
        positions=values,
        errors=errors,
    )


def _fetch(
    request: PositionsRequest, provider: Provider, symbol: str, rate: float, as_of: datetime
) -> Underlying:
    sent = request.quotes.get(symbol)
    quote = provider.quote(symbol, as_of)
    warnings: list[str] = []
    if sent is not None:
        spot, spot_as_of = sent.price, sent.as_of or as_of
        stale = quote_is_stale(spot_as_of, as_of)
        warnings.append("price_from_request")
    elif quote is not None:
        warnings += quote_faults(symbol, quote, as_of, None, trading=True)
        spot, spot_as_of, stale = quote.price, quote.as_of, quote_is_stale(quote.as_of, as_of)
        warnings += quote.warnings
    else:
        spot, spot_as_of, stale = None, None, True
        warnings.append("no_quote")
    # After the quote was judged: its price is one by now.
    own = quote if sent is None else None
    contracts, found = _contracts(provider, symbol, own, rate, as_of)
    warnings += found
    return Underlying(
        market=Market(spot=spot, contracts=contracts, rate=rate, as_of=as_of),
        as_of=spot_as_of,
        prev_close=quote.prev_close if quote else None,
        stale=stale,
        earnings=known_earnings(provider, symbol, as_of),
        metrics=provider.metrics(symbol, as_of),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _contracts(
    provider: Provider, symbol: str, quote: Quote | None, rate: float, as_of: datetime
) -> tuple[Contracts | None, list[str]]:
    """What can be judged of the chain, and what is wrong with it: `quote` is the price that the
    chain must agree with, None where the caller gave another."""
    chain = provider.chain(symbol, as_of)
    if chain is None or not len(chain):
        return None, ["no_option_chain"]
    judged, warnings = sound_chain(chain, symbol, as_of)
    warnings = [*chain.warnings, *warnings]
    if not len(judged):
        return None, warnings
    contracts, found = sound_contracts(contracts_of(judged, as_of, rate), quote)
    return contracts, [*warnings, *found]


def _value(position: PositionInput, under: Underlying, as_of: datetime) -> PositionValue:
    market, legs = under.market, position.legs
    valued = [value_leg(leg, market) for leg in legs]
    rows = [row for row, _ in valued]
    sizes = [leg.quantity * multiplier(leg) for leg in legs]

    def total(figure: Callable[[LegValue, Sensitivities], float | None]) -> float | None:
        """The sum over all legs; unknown when that of one leg is."""
        parts = [figure(row, greeks) for row, greeks in valued]
        if any(part is None for part in parts):
            return None
        return sum(size * part for size, part in zip(sizes, parts, strict=True) if part is not None)

    worth, paid = total(lambda row, _: row.price), open_value(legs)
    pnl = None if worth is None else worth - paid
    bounds = payoff(legs)
    expiries = [row.expiration for row in rows if row.expiration is not None]
    first = min(expiries, default=None)
    shorts = [row for row in rows if row.kind == "option" and row.quantity < 0]
    deltas = [abs(row.delta) for row in shorts if row.delta is not None]
    tested = max(deltas, default=None) if len(deltas) == len(shorts) else None
    captured = _percent(pnl, bounds.max_profit if bounds else None)
    dte = days_to(first, as_of) if first else None
    ex_date = under.metrics.next_ex_dividend
    if ex_date is not None and days_to(ex_date, as_of) < 0:
        ex_date = None
    risk, reasons = assignment_risk(
        rows, market.spot, market.rate, under.metrics.next_dividend, ex_date
    )
    report = under.earnings
    change = None
    if market.spot is not None and under.prev_close:
        change = 100.0 * (market.spot / under.prev_close - 1.0)
    return PositionValue(
        id=position.id,
        symbol=position.symbol,
        structure=structure_of(legs),
        underlying_price=market.spot,
        underlying_as_of=under.as_of,
        stale=under.stale,
        change_pct=change,
        dte=dte,
        expiration=first,
        market_value=worth,
        open_value=paid,
        pnl=pnl,
        pnl_pct=_percent(pnl, abs(paid)),
        max_profit=bounds.max_profit if bounds else None,
        max_loss=bounds.max_loss if bounds else None,
        profit_captured_pct=captured,
        breakevens=list(bounds.breakevens) if bounds else [],
        delta=total(lambda row, _: row.delta),
        short_delta=tested,
        gamma=total(lambda _, greeks: greeks.gamma),
        theta_per_day=total(lambda _, greeks: greeks.theta_per_day),
        vega_per_point=total(lambda _, greeks: greeks.vega_per_point),
        assignment_risk=risk,
        assignment_reasons=reasons,
        earnings_date=report.day,
        days_to_earnings=days_to(report.day, as_of) if report.day else None,
        earnings_inside_dte=earnings_inside(report.known, report.day, first),
        ex_dividend_date=ex_date,
        management=_management(
            captured, dte, _is_tested(tested, cost_to_close(legs, rows)), short=bool(shorts)
        ),
        legs=rows,
        warnings=[*under.warnings, *_leg_warnings(rows)],
    )


def _management(
    captured: float | None, dte: int | None, tested: bool | None, *, short: bool
) -> ManagementFlags:
    if not short:
        return ManagementFlags(take_profit=None, close_by_dte=None, tested=None)
    return ManagementFlags(
        take_profit=None if captured is None else captured >= RULES.profit_target_pct,
        close_by_dte=None if dte is None else dte <= CLOSE_AT_DTE,
        tested=tested,
    )


def _is_tested(short_delta: float | None, cost: float | None) -> bool | None:
    """By either rule; unknown where one is and the other does not say so."""
    by_delta = None if short_delta is None else short_delta > RULES.tested_delta
    by_cost = None if cost is None else cost >= RULES.tested_credit_multiple
    if by_delta or by_cost:
        return True
    return None if by_delta is None or by_cost is None else False


def _leg_warnings(rows: list[LegValue]) -> list[str]:
    told = {"model": "model_price", "unknown": "no_price", "expired": "expired"}
    return [
        f"{told[row.valuation]}:leg{n}" for n, row in enumerate(rows, 1) if row.valuation in told
    ]


def _percent(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100.0 * part / whole
