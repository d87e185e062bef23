"""What an option analysis works on: the chain, the earnings date, levels, volatility.

For: taking each from the request where it is given, else from the provider. Not for: analysis.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from ttai_analysis.chart.indicators import historical_volatility
from ttai_analysis.errors import InvalidMarketDataError
from ttai_analysis.market.underlying import (
    Underlying,
    known_earnings,
    underlying_of,
    usable_metrics,
)
from ttai_analysis.models.common import SentQuality
from ttai_analysis.models.options import InputChain, InputEarnings, OptionsRequest
from ttai_analysis.options.chain_faults import sound_chain, sound_contracts
from ttai_analysis.options.contracts import Contracts, at_the_money_iv, contracts_of
from ttai_analysis.options.gates import SIDES
from ttai_analysis.options.scoring import MarketView
from ttai_analysis.options.sold import Sold
from ttai_analysis.options.volatility_context import VolatilityContext, volatility_context
from ttai_analysis.providers.base import (
    UNKNOWN_EARNINGS,
    Chain,
    Earnings,
    FloatArray,
    Metrics,
    Provider,
    Quote,
)
from ttai_analysis.quality import known_warnings
from ttai_analysis.timestamps import days_to, ordinal_of

ASSUMED_RATE = 0.02
MIN_RATE, MAX_RATE = -0.05, 0.25
BARS_PER_YEAR = 252.0
IV_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class OptionInputs:
    """Everything the selection needs, with where it came from. `contracts` is None without
    contracts that can be judged; `listed` is how many the chain had."""

    source: str
    spot: float | None
    chain_as_of: datetime | None
    listed: int
    contracts: Contracts | None
    earnings: Earnings
    metrics: Metrics
    volatility: VolatilityContext
    view: MarketView
    warnings: list[str]


def gather(request: OptionsRequest, provider: Provider, as_of: datetime) -> OptionInputs:
    """Raises SymbolNotFoundError when neither request nor provider knows the symbol."""
    symbol = request.symbol
    underlying = underlying_of(provider, symbol, as_of) if provider.knows(symbol) else None
    quote = underlying.quote if underlying else None
    chain, source = _chain(request, provider, quote, as_of)
    rate, warnings = rate_of(provider, as_of)
    contracts: Contracts | None = None
    if chain is not None:
        warnings += chain.warnings
        judged, found = sound_chain(chain, symbol, as_of)
        warnings += found
        if len(judged):
            contracts, found = sound_contracts(
                contracts_of(judged, as_of, rate, _sold(request)), quote.price if quote else None
            )
            warnings += found
            if not contracts.parity.all():
                warnings.append("forward_assumed_for_some_expiries")
    if underlying is not None:
        warnings += underlying.warnings
    earnings = earnings_from(request.earnings, as_of)
    if earnings is None:
        earnings = known_earnings(provider, symbol, as_of) if underlying else UNKNOWN_EARNINGS
    sent = request.option_chain
    if sent is not None and any(row.implied_volatility is not None for row in sent.options):
        warnings.append("provider_iv_ignored")
    if not earnings.known:
        warnings.append("earnings_unknown")
    metrics, found = usable_metrics(provider.metrics(symbol, as_of) if underlying else Metrics())
    warnings += found
    hv20 = _hv20(request, underlying)
    near_iv = at_the_money_iv(contracts, IV_DAYS) if contracts is not None else None
    volatility = volatility_context(metrics, near_iv, hv20)
    spot = request.underlying_price or (quote.price if quote else None)
    return OptionInputs(
        source=source,
        spot=chain.underlying_price if chain is not None else spot,
        chain_as_of=chain.as_of if chain is not None else None,
        listed=len(chain) if chain is not None else 0,
        contracts=contracts,
        earnings=earnings,
        metrics=metrics,
        volatility=volatility,
        view=_view(request, volatility),
        warnings=list(dict.fromkeys(warnings)),
    )


def earnings_from(sent: InputEarnings | None, as_of: datetime) -> Earnings | None:
    """The caller's word on earnings: an explicit null date means that there is no report, a date
    that has passed says nothing about the next one."""
    if sent is None:
        return None
    if sent.day is not None and days_to(sent.day, as_of) < 0:
        return UNKNOWN_EARNINGS
    return Earnings(known=True, day=sent.day, estimated=sent.estimated)


def chain_from_input(symbol: str, sent: InputChain, spot: float, as_of: datetime) -> Chain:
    """A caller's chain as columns, as old as its `quality` says where it comes with one. Raises
    InvalidMarketDataError for numbers that are none."""
    rows = sorted(sent.options, key=lambda row: (row.expiration, row.strike, row.right))

    def column(values: list[float | None], *, missing: float) -> FloatArray:
        array = np.array([missing if value is None else value for value in values])
        if np.isinf(array).any() or (array < 0.0).any():
            raise InvalidMarketDataError("An option quote holds a number that cannot be.")
        return array.astype(np.float64)

    told = sent.quality or SentQuality()
    return Chain(
        symbol=symbol,
        as_of=told.as_of or sent.as_of or as_of,
        underlying_price=spot,
        expiry=np.array([ordinal_of(row.expiration) for row in rows], dtype=np.int64),
        strike=np.array([row.strike for row in rows], dtype=np.float64),
        is_call=np.array([row.right in ("C", "call") for row in rows], dtype=np.bool_),
        bid=np.nan_to_num(column([row.bid for row in rows], missing=0.0), nan=0.0),
        ask=np.nan_to_num(column([row.ask for row in rows], missing=0.0), nan=0.0),
        open_interest=column([row.open_interest for row in rows], missing=np.nan),
        volume=column([row.volume for row in rows], missing=np.nan),
        warnings=tuple(known_warnings(told.warnings)),
    )


def rate_of(provider: Provider, as_of: datetime) -> tuple[float, list[str]]:
    """The provider's interest rate as a decimal, or the assumed one with a warning. Raises
    InvalidMarketDataError for one that cannot be, such as percent for decimals."""
    rate = provider.risk_free_rate(as_of)
    if rate is None:
        return ASSUMED_RATE, [f"risk_free_rate_assumed:{ASSUMED_RATE}"]
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InvalidMarketDataError(f"An interest rate of {rate} (1 is 100 %) cannot be.")
    return rate, []


def _chain(
    request: OptionsRequest, provider: Provider, quote: Quote | None, as_of: datetime
) -> tuple[Chain | None, str]:
    sent = request.option_chain
    if sent is None:
        chain = provider.chain(request.symbol, as_of)
        if chain is not None and request.underlying_price is not None:
            chain = replace(chain, underlying_price=request.underlying_price)
        return chain, provider.source
    spot = request.underlying_price or sent.underlying_price
    if spot is None and quote is not None:
        spot = quote.price
    if spot is None:
        raise InvalidMarketDataError("The chain comes without the price of its underlying.")
    return chain_from_input(request.symbol, sent, spot, as_of), sent.source or "request"


def _sold(request: OptionsRequest) -> Sold:
    sides, limits = SIDES[request.strategy], request.constraints
    return Sold(
        limits.dte_min, limits.dte_max, True in sides, False in sides, max_delta=limits.max_delta
    )


def _hv20(request: OptionsRequest, underlying: Underlying | None) -> float | None:
    context = request.chart_context
    told = context.indicators.hv20 if context is not None and context.indicators else None
    if told is not None and told > 0.0:
        return told
    if underlying is None:
        return None
    value = historical_volatility(underlying.series.close, 20, BARS_PER_YEAR)
    return value if value > 0.0 else None


def _view(request: OptionsRequest, volatility: VolatilityContext) -> MarketView:
    context = request.chart_context
    supports = [level.price for level in context.support_levels] if context else []
    resistances = [level.price for level in context.resistance_levels] if context else []
    return MarketView(
        supports=tuple(price for price in supports if price is not None),
        resistances=tuple(price for price in resistances if price is not None),
        hv20=volatility.hv20,
    )
