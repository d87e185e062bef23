"""/option-chain: a provider's chain with what follows from it, as rows.

For: showing contracts. Not for: choosing one (service.py).
"""

from datetime import datetime

import numpy as np

from ttai_analysis.answers import age_seconds, answer_head
from ttai_analysis.errors import InsufficientDataError
from ttai_analysis.models.common import Evidence, Quality, sound_data
from ttai_analysis.models.option_chain import (
    ContractRow,
    ExpirationRow,
    OptionChainAnswer,
    OptionChainRequest,
)
from ttai_analysis.options.chain_faults import sound_chain, sound_contracts
from ttai_analysis.options.contracts import Contracts, contracts_of, expiry_iv
from ttai_analysis.options.inputs import rate_of
from ttai_analysis.options.scoring import liquidity
from ttai_analysis.options.volatility_context import move_of
from ttai_analysis.providers.base import BoolArray, Provider
from ttai_analysis.quality import forbidding
from ttai_analysis.timestamps import date_from_ordinal


def option_chain(
    request: OptionChainRequest, provider: Provider, as_of: datetime
) -> OptionChainAnswer:
    """The contracts within the bounds, without those that cannot be judged, and what is wrong with
    the chain. Raises InsufficientDataError when there is no chain now, InvalidMarketDataError for
    one that cannot be."""
    chain = provider.chain(request.symbol, as_of)
    if chain is None:
        raise InsufficientDataError(
            f"{provider.source} has no option chain of {request.symbol} at that time.",
            details={"symbol": request.symbol},
        )
    rate, warnings = rate_of(provider, as_of)
    warnings += chain.warnings
    judged, found = sound_chain(chain, request.symbol, as_of)
    warnings += found
    contracts, found = sound_contracts(contracts_of(judged, as_of, rate), None)
    warnings += found
    chain = contracts.chain
    chosen = _within(request, contracts)
    two_sided = bool((contracts.two_sided & chosen).any())
    if not two_sided:
        warnings.append("no_live_quotes")
    faults = forbidding(warnings)
    return OptionChainAnswer(
        **answer_head("/option-chain", request, provider.source, as_of),
        quality=Quality(
            source=provider.source,
            as_of=chain.as_of,
            age_seconds=age_seconds(as_of, chain.as_of),
            stale="stale_chain" in faults,
            adjusted=False,
            bars_used=0,
            warnings=list(dict.fromkeys(warnings)),
        ),
        evidence=[
            Evidence(
                rule="two_sided_quotes",
                value=two_sided,
                threshold="at least one",
                passed=two_sided,
                weight=0.0,
            ),
            sound_data(faults),
        ],
        symbol=request.symbol,
        source=provider.source,
        underlying_price=chain.underlying_price,
        rate=rate,
        expirations=_expirations(contracts, chosen),
        options=_rows(contracts, chosen),
    )


def _within(request: OptionChainRequest, contracts: Contracts) -> BoolArray:
    chain = contracts.chain
    chosen = (contracts.dte >= request.dte_min) & (contracts.dte <= request.dte_max)
    if request.right != "both":
        chosen &= chain.is_call == (request.right == "call")
    if request.min_strike is not None:
        chosen &= chain.strike >= request.min_strike
    if request.max_strike is not None:
        chosen &= chain.strike <= request.max_strike
    return np.asarray(chosen, dtype=np.bool_)


def _expirations(contracts: Contracts, chosen: BoolArray) -> list[ExpirationRow]:
    chain = contracts.chain
    rows = []
    for expiry in np.unique(chain.expiry[chosen]).tolist():
        members = np.flatnonzero(chain.expiry == expiry)
        first = int(members[0])
        iv = expiry_iv(contracts, expiry)
        rows.append(
            ExpirationRow(
                expiration=date_from_ordinal(expiry),
                dte=int(contracts.dte[first]),
                forward=float(contracts.forward[first]),
                forward_from_parity=bool(contracts.parity[first]),
                at_the_money_iv=iv,
                expected_move=move_of(contracts, expiry, iv),
                contracts=int((chosen & (chain.expiry == expiry)).sum()),
            )
        )
    return rows


def _rows(contracts: Contracts, chosen: BoolArray) -> list[ContractRow]:
    chain = contracts.chain
    order = np.lexsort((chain.is_call, chain.strike, chain.expiry))
    return [
        ContractRow(
            expiration=date_from_ordinal(int(chain.expiry[row])),
            dte=int(contracts.dte[row]),
            strike=float(chain.strike[row]),
            right="call" if chain.is_call[row] else "put",
            bid=float(chain.bid[row]),
            ask=float(chain.ask[row]),
            mid=float(contracts.mid[row]),
            spread_pct=float(contracts.spread_pct[row]),
            open_interest=float(chain.open_interest[row]),
            volume=float(chain.volume[row]),
            liquidity=liquidity(contracts, row),
            iv=float(contracts.iv[row]),
            delta=float(contracts.delta[row]),
            gamma=float(contracts.gamma[row]),
            theta_per_day=float(contracts.theta_per_day[row]),
            vega_per_point=float(contracts.vega_per_point[row]),
            prob_itm=float(contracts.prob_itm[row]),
            prob_touch=float(contracts.prob_touch[row]),
        )
        for row in order.tolist()
        if chosen[row]
    ]
