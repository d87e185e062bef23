"""The ASGI application: routes, error envelope and guard around one context.

For: `create_app`. Not for: sockets and signals (server.py).
"""

from fastapi import FastAPI
from starlette.types import ASGIApp

from ttai_analysis import __version__
from ttai_analysis.context import ServiceContext
from ttai_analysis.web import (
    routes_analysis,
    routes_broker,
    routes_health,
    routes_market,
    routes_screener,
)
from ttai_analysis.web.documentation import ERRORS, document
from ttai_analysis.web.error_handlers import install_error_handlers
from ttai_analysis.web.middleware import RequestGuard


def create_app(context: ServiceContext) -> ASGIApp:
    """The application, guarded. The guard stands outside, so that it sees every failure."""
    app = FastAPI(
        title="TTAI analysis",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=ERRORS,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.context = context
    install_error_handlers(app)
    modules = (routes_health, routes_market, routes_analysis, routes_screener, routes_broker)
    for module in modules:
        app.include_router(module.router)
    document(app)
    guarded = RequestGuard(app)
    return context.tracing.requests(guarded) if context.tracing else guarded
