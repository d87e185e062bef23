"""/positions/evaluate: each position at the present market.

For: fetching each underlying once, and putting a position's figures together. Not for: formulas
(valuation.py, payoff.py, assignment.py). A position that fails is an error of its own.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime

from ttai_analysis.answers import age_seconds, answer_head, item_error
from ttai_analysis.errors import ServiceError
from ttai_analysis.market.faults import quote_faults
from ttai_analysis.market.freshness import quote_is_stale
from ttai_analysis.market.underlying import known_earnings
from ttai_analysis.models.common import ItemError, Quality
from ttai_analysis.models.positions import (
    LegValue,
    ManagementFlags,
    PositionInput,
    PositionLeg,
    PositionsAnswer,
    PositionsRequest,
    PositionValue,
)
from ttai_analysis.options.chain_faults import sound_chain, sound_contracts
from ttai_analysis.options.contracts import Contracts, contracts_of
from ttai_analysis.options.inputs import rate_of
from ttai_analysis.options.service import earnings_inside
from ttai_analysis.positions.assignment import assignment_risk
from ttai_analysis.positions.management import (
    dte_at_opening,
    management_flags,
    short_delta,
)
from ttai_analysis.positions.payoff import multiplier, open_value, payoff
from ttai_analysis.positions.settlement import has_expired, settlements
from ttai_analysis.positions.structure import structure_of
from ttai_analysis.positions.valuation import (
    Market,
    Sensitivities,
    cost_to_close,
    row_of,
    value_leg,
)
from ttai_analysis.providers.base import Earnings, Metrics, Provider
from ttai_analysis.timestamps import date_from_ordinal, days_to

NO_FLAGS = ManagementFlags(take_profit=None, close_by_dte=None, tested=None, tested_by=None)


@dataclass(frozen=True, slots=True)
class Underlying:
    """What is known of one symbol, fetched once for all of its positions. `chain_warnings` concern
    options that live, `settlement_warnings` those that have expired."""

    market: Market
    as_of: datetime | None
    prev_close: float | None
    stale: bool
    earnings: Earnings
    metrics: Metrics
    warnings: tuple[str, ...]
    chain_warnings: tuple[str, ...]
    settlement_warnings: tuple[str, ...]


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
                legs = [
                    x for other in request.positions if other.symbol == symbol for x in other.legs
                ]
                fetched[symbol] = _fetch(request, provider, symbol, legs, rate, as_of)
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
    request: PositionsRequest,
    provider: Provider,
    symbol: str,
    legs: list[PositionLeg],
    rate: float,
    as_of: datetime,
) -> Underlying:
    """What the legs need, which are all of the symbol's."""
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
    contracts: Contracts | None = None
    chain_warnings: list[str] = []
    held = {leg.expiration for leg in legs if leg.expiration and not has_expired(leg, as_of)}
    if held:
        # After the quote was judged: its price is one by now.
        contracts, chain_warnings = _contracts(provider, symbol, held, spot, rate, as_of)
    expired = [leg.expiration for leg in legs if leg.expiration and has_expired(leg, as_of)]
    settled, settlement_warnings = settlements(provider, symbol, expired, as_of)
    return Underlying(
        market=Market(
            spot=spot,
            contracts=contracts,
            rate=rate,
            as_of=as_of,
            agreed="spot_mismatch" not in chain_warnings,
            settled=settled,
        ),
        as_of=spot_as_of,
        prev_close=quote.prev_close if quote else None,
        stale=stale,
        earnings=known_earnings(provider, symbol, as_of),
        metrics=provider.metrics(symbol, as_of),
        warnings=tuple(dict.fromkeys(warnings)),
        chain_warnings=tuple(dict.fromkeys(chain_warnings)),
        settlement_warnings=tuple(dict.fromkeys(settlement_warnings)),
    )


def _contracts(
    provider: Provider,
    symbol: str,
    held: Collection[date],
    spot: float | None,
    rate: float,
    as_of: datetime,
) -> tuple[Contracts | None, list[str]]:
    """What can be judged of the chain, and what is wrong with it: it has the expiries `held`, and
    `spot` is the price that it must agree with, the caller's or that of the quote."""
    chain = provider.chain(symbol, as_of, held=held)
    if chain is None or not len(chain):
        return None, ["no_option_chain"]
    judged, warnings = sound_chain(chain, symbol, as_of)
    warnings = [*chain.warnings, *warnings]
    if not len(judged):
        return None, warnings
    contracts, found = sound_contracts(contracts_of(judged, as_of, rate), spot)
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
    # Of options that live; where all have expired, of those that did so last.
    living = [row.expiration for row in rows if row.expiration and row.valuation != "expired"]
    first = min(living) if living else max(expiries, default=None)
    shorts = [
        row
        for row in rows
        if row.kind == "option" and row.quantity < 0 and row.valuation != "expired"
    ]
    tested = short_delta([row.delta for row in shorts])
    captured = _percent(pnl, bounds.max_profit if bounds else None)
    dte = days_to(first, as_of) if first else None
    ex_date = under.metrics.next_ex_dividend
    if ex_date is not None and days_to(ex_date, as_of) < 0:
        ex_date = None
    risk, reasons = assignment_risk(
        rows,
        market.spot if market.agreed else None,
        market.rate,
        under.metrics.next_dividend,
        ex_date,
        why_unknown="no_price" if market.spot is None else "spot_mismatch",
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
        management=management_flags(
            captured=captured,
            dte=dte,
            opened_dte=dte_at_opening(first, position.opened_at),
            delta=tested,
            cost=cost_to_close(legs, rows),
        )
        if shorts
        else NO_FLAGS,
        legs=rows,
        warnings=[
            *_warnings_about(under, rows),
            *_leg_warnings(rows),
            *_not_in_chain(legs, rows, market),
        ],
    )


def _warnings_about(under: Underlying, rows: list[LegValue]) -> list[str]:
    """What is wrong with the data that these legs rest on."""
    found = list(under.warnings)
    options = [row for row in rows if row.kind == "option"]
    if any(row.valuation != "expired" for row in options):
        found += under.chain_warnings
    if any(row.valuation == "expired" for row in options):
        found += under.settlement_warnings
    return list(dict.fromkeys(found))


def _leg_warnings(rows: list[LegValue]) -> list[str]:
    told = {"model": "model_price", "unknown": "no_price", "expired": "expired"}
    found = []
    for n, row in enumerate(rows, 1):
        if row.valuation in told:
            found.append(f"{told[row.valuation]}:leg{n}")
        if row.valuation == "expired" and row.price is None:
            found.append(f"no_settlement_price:leg{n}")
    return found


def _not_in_chain(legs: list[PositionLeg], rows: list[LegValue], market: Market) -> list[str]:
    """Which contracts are not listed, as far as a complete chain says."""
    if market.contracts is None or not len(market.contracts.chain):
        return []
    if not market.contracts.chain.complete:
        return []
    last = date_from_ordinal(int(market.contracts.chain.expiry.max()))
    return [
        f"not_in_chain:leg{n}"
        for n, (leg, row) in enumerate(zip(legs, rows, strict=True), 1)
        if row.expiration is not None
        and row.expiration <= last
        and row.valuation in ("model", "unknown")
        and row_of(leg, market.contracts) is None
    ]


def _percent(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100.0 * part / whole
