"""POST /screener/candidates and /positions/evaluate.

For: reading requests and writing answers; engines are imported inside the functions.
"""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ttai_analysis.context import ServiceContext
from ttai_analysis.models.positions import PositionsAnswer, PositionsRequest
from ttai_analysis.models.screener import CandidateList, ScreenerAnswer, ScreenerRequest
from ttai_analysis.web.responses import JSON_TYPE, answer

router = APIRouter(tags=["screening"])


@router.post("/screener/candidates", response_model=CandidateList | ScreenerAnswer)
def candidates(
    body: ScreenerRequest, request: Request, detail: Annotated[bool, Query()] = False
) -> Response:
    """Symbols that fulfil the criteria, best first; with `?detail=true` the figures of all."""
    from ttai_analysis.screener import service

    context: ServiceContext = request.app.state.context
    found = service.candidates(body, context.provider, context.moment(body.as_of))
    return answer(found) if detail else Response(json.dumps(found.symbols), media_type=JSON_TYPE)


@router.post("/positions/evaluate", response_model=PositionsAnswer)
def positions(body: PositionsRequest, request: Request) -> Response:
    """Each position at the present market: greeks, profit, assignment, what the rules say."""
    from ttai_analysis.positions import service

    context: ServiceContext = request.app.state.context
    return answer(service.evaluate(body, context.provider, context.moment(body.as_of)))
