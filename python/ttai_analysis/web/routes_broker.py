"""GET /broker/positions: what is held in the brokerage accounts of who runs this service.

For: reading; no route of this service changes an account. Not for: what positions are worth
(/positions/evaluate).
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ttai_analysis import ENGINE_VERSION, SCHEMA_VERSION
from ttai_analysis.context import ServiceContext
from ttai_analysis.errors import NoBrokerAccountsError
from ttai_analysis.models.broker import BrokerPositions
from ttai_analysis.web.responses import answer

router = APIRouter(tags=["broker"])


@router.get("/broker/positions", response_model=BrokerPositions)
def broker_positions(request: Request) -> Response:
    """The positions of each account, as they are now; of the provider `tastytrade`."""
    from ttai_analysis.models.broker import BrokerAccountRow, BrokerLeft, BrokerLeg
    from ttai_analysis.providers.accounts import accounts_held_by

    context: ServiceContext = request.app.state.context
    provider = context.provider
    holder = accounts_held_by(provider)
    if holder is None:
        raise NoBrokerAccountsError(
            f"The market data comes from `{provider.name}`, which knows no accounts; "
            "MARKET_DATA=tastytrade does."
        )
    as_of = context.clock()
    rows = [
        BrokerAccountRow(
            number=account.number,
            name=account.name,
            legs=[
                BrokerLeg(
                    symbol=leg.symbol,
                    kind="stock" if leg.right is None else "option",
                    right=leg.right,
                    strike=leg.strike,
                    expiration=leg.expiration,
                    quantity=leg.quantity,
                    open_price=leg.open_price,
                    opened_at=leg.opened_at,
                )
                for leg in account.legs
            ],
            left=[
                BrokerLeft(
                    symbol=one.symbol, instrument_type=one.instrument_type, reason=one.reason
                )
                for one in account.left
            ],
        )
        for account in holder.accounts()
    ]
    return answer(
        BrokerPositions(
            schema_version=SCHEMA_VERSION,
            engine_version=ENGINE_VERSION,
            as_of=as_of,
            source=provider.source,
            accounts=rows,
        )
    )
