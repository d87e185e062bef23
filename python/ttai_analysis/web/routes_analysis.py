"""POST /analyze/chart, /analyze/options, /analyze/research, /analyze/quick and its batch.

For: reading requests and writing answers. Engines are imported inside the functions: numpy and
TA-Lib must not delay the first /healthz.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ttai_analysis.context import ServiceContext
from ttai_analysis.models.chart import ChartAnalysis, ChartRequest
from ttai_analysis.models.options import OptionsAnalysis, OptionsRequest
from ttai_analysis.models.quick import QuickAnalysis, QuickBatch, QuickBatchRequest, QuickRequest
from ttai_analysis.models.research import ResearchAnalysis, ResearchRequest
from ttai_analysis.web.responses import answer

router = APIRouter(prefix="/analyze", tags=["analysis"])


@router.post("/chart", response_model=ChartAnalysis)
def chart(body: ChartRequest, request: Request) -> Response:
    """Trend, levels, indicators and a label."""
    from ttai_analysis.chart import service

    context: ServiceContext = request.app.state.context
    as_of = context.moment(service.chart_as_of(body))
    return answer(context.worded(service.analyze_chart(body, context.provider, as_of)))


@router.post("/options", response_model=OptionsAnalysis)
def options(body: OptionsRequest, request: Request) -> Response:
    """The best contract to sell under the caller's constraints."""
    from ttai_analysis.options import service

    context: ServiceContext = request.app.state.context
    as_of = context.moment(service.options_as_of(body))
    return answer(context.worded(service.analyze_options(body, context.provider, as_of)))


@router.post("/research", response_model=ResearchAnalysis)
def research(body: ResearchRequest, request: Request) -> Response:
    """What the news and the earnings calendar say."""
    from ttai_analysis.research import service

    context: ServiceContext = request.app.state.context
    as_of = context.moment(body.as_of)
    return answer(context.worded(service.analyze_research(body, context.provider, as_of)))


@router.post("/quick", response_model=QuickAnalysis)
def quick(body: QuickRequest, request: Request) -> Response:
    """Chart and options in one call."""
    from ttai_analysis.quick import service

    context: ServiceContext = request.app.state.context
    return answer(service.analyze_quick(body, context.provider, context.moment(body.as_of)))


@router.post("/quick/batch", response_model=QuickBatch)
def quick_batch(body: QuickBatchRequest, request: Request) -> Response:
    """The quick look at up to 100 symbols; a failure of one is that one's."""
    from ttai_analysis.quick import batch

    context: ServiceContext = request.app.state.context
    return answer(batch.analyze_batch(body, context.provider, context.moment(body.as_of)))
