"""Loads what is heavy while the service already answers /healthz.

For: a background thread at start-up. Not for: anything that a request could not also do itself.
"""

import importlib
import logging
import threading
import time

from ttai_analysis.context import ServiceContext

log = logging.getLogger(__name__)

ENGINES = (
    "ttai_analysis.market.service",
    "ttai_analysis.chart.service",
    "ttai_analysis.options.service",
    "ttai_analysis.research.service",
    "ttai_analysis.quick.service",
)


def start_warm_up(context: ServiceContext) -> threading.Thread:
    """Build the provider and import the engines in a daemon thread."""
    thread = threading.Thread(target=_warm_up, args=(context,), name="warm-up", daemon=True)
    thread.start()
    return thread


def _warm_up(context: ServiceContext) -> None:
    started = time.perf_counter()
    try:
        _ = context.provider
        for name in ENGINES:
            importlib.import_module(name)
    except Exception:
        log.exception("warm-up failed; requests will report the cause")
        return
    if context.prose is not None:
        context.prose.load()
    log.info("warm after %.2f s", time.perf_counter() - started)
