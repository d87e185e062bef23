"""GET /healthz and /readyz.

For: probes. Not for: anything that waits: /healthz never touches the provider.
"""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ttai_analysis import __version__
from ttai_analysis.context import ServiceContext
from ttai_analysis.models.health import Health, ProviderReadiness, Readiness
from ttai_analysis.web.responses import answer

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health)
async def healthz(request: Request) -> Response:
    """The process lives."""
    context: ServiceContext = request.app.state.context
    name = context.settings.provider
    return answer(
        Health(
            status="ok",
            uptime_seconds=round(context.uptime_seconds, 3),
            version=__version__,
            provider=name,
            source=name,
        )
    )


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(request: Request) -> Response:
    """200 while the provider can be asked; 503 while it loads (`starting`), and while it is left
    alone or does not let us in (`unavailable`)."""
    context: ServiceContext = request.app.state.context
    now = context.moment(None)
    name = source = context.settings.provider
    ready = False
    status: Literal["starting", "ready", "unavailable"] = "starting"
    detail: dict[str, object] = {"loading": True}
    if context.provider_is_built:
        state = context.provider.state(now)
        # Files may hold what the simulated market has invented.
        source = context.provider.source
        ready, detail = state.ready, dict(state.detail)
        status = "ready" if ready else "starting" if state.starting else "unavailable"
    readiness = Readiness(
        status=status,
        as_of=now,
        provider=ProviderReadiness(name=name, source=source, ready=ready, detail=detail),
    )
    return answer(readiness, status=200 if ready else 503)
