"""POST /market-data, /quotes, /option-chain and /news, GET /market/clock and /market/calendar.

For: reading requests and writing answers. Engines are imported inside the functions: numpy, TA-Lib
and the calendar must not delay the first /healthz.
"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ttai_analysis.answers import answer_head
from ttai_analysis.context import ServiceContext
from ttai_analysis.models.health import Calendar, MarketClock
from ttai_analysis.models.market_data import (
    MarketData,
    MarketDataRequest,
    QuoteRow,
    QuotesMeta,
    QuotesRequest,
)
from ttai_analysis.models.news import NewsMeta, NewsRequest, NewsRow
from ttai_analysis.models.option_chain import OptionChainAnswer, OptionChainRequest
from ttai_analysis.web.responses import JSON_TYPE, answer

router = APIRouter(tags=["market"])


@router.post("/market-data", response_model=MarketData)
def market_data(body: MarketDataRequest, request: Request) -> Response:
    """Completed bars and the last price."""
    from ttai_analysis.market import service

    context: ServiceContext = request.app.state.context
    return answer(service.market_data(body, context.provider, context.moment(body.as_of)))


@router.post("/quotes", response_model=dict[str, QuoteRow | QuotesMeta])
def quotes(
    body: QuotesRequest, request: Request, meta: Annotated[bool, Query()] = False
) -> Response:
    """Quotes by symbol; unknown symbols are left out and named in X-Missing-Symbols."""
    from ttai_analysis.market import service

    context: ServiceContext = request.app.state.context
    as_of = context.moment(body.as_of)
    given, found, missing = service.quotes(body, context.provider, as_of)
    parts = [f'"{symbol}":{row.model_dump_json(by_alias=True)}' for symbol, row in found.items()]
    if meta:
        source = context.provider.source
        head = answer_head("/quotes", body, source, as_of)
        about = service.quotes_meta(head, given, found, missing, source)
        parts.append(f'"_meta":{about.model_dump_json(by_alias=True)}')
    headers = missing_header(missing)
    return Response("{" + ",".join(parts) + "}", headers=headers, media_type=JSON_TYPE)


@router.post("/option-chain", response_model=OptionChainAnswer)
def option_chain(body: OptionChainRequest, request: Request) -> Response:
    """The option chain with volatility, greeks and odds of each contract."""
    from ttai_analysis.options import chain_service

    context: ServiceContext = request.app.state.context
    return answer(chain_service.option_chain(body, context.provider, context.moment(body.as_of)))


@router.post("/news", response_model=list[NewsRow] | NewsMeta)
def news(body: NewsRequest, request: Request, meta: Annotated[bool, Query()] = False) -> Response:
    """Articles, newest first; unknown symbols are named in X-Missing-Symbols."""
    from ttai_analysis.research import news_service

    context: ServiceContext = request.app.state.context
    found = news_service.news(body, context.provider, context.moment(body.as_of))
    headers = missing_header(found.missing_symbols)
    if meta:
        return answer(found, headers=headers)
    rows = ",".join(row.model_dump_json(by_alias=True) for row in found.articles)
    return Response(f"[{rows}]", headers=headers, media_type=JSON_TYPE)


@router.get("/market/clock", response_model=MarketClock)
def market_clock(
    request: Request, as_of: Annotated[str | None, Query(alias="asOf")] = None
) -> Response:
    """Whether the exchange is open, and when it opens and closes next."""
    from ttai_analysis.market_calendar import service

    context: ServiceContext = request.app.state.context
    return answer(service.market_clock(context.moment(service.moment_or_none(as_of))))


@router.get("/market/calendar", response_model=Calendar)
def market_calendar(
    request: Request,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
) -> Response:
    """The sessions from one date to another, both included."""
    from ttai_analysis.market_calendar import service
    from ttai_analysis.providers.base import NEVER_CLOSING

    context: ServiceContext = request.app.state.context
    never = context.provider.name in NEVER_CLOSING
    return answer(service.market_calendar(first, last, quotes_never_close=never))


def missing_header(symbols: list[str]) -> dict[str, str] | None:
    """Names the symbols that nobody knows."""
    return {"x-missing-symbols": ",".join(symbols)} if symbols else None
