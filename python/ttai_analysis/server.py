"""The process around the application: socket, the listening line, signals, standard input.

For: the contract with whoever starts the service. Not for: HTTP itself (uvicorn).
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import uvicorn

from ttai_analysis import __version__
from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.talib_alone import import_talib_alone
from ttai_analysis.warm_up import start_warm_up
from ttai_analysis.web.connection import BoundedConnection

DRAIN_SECONDS = 8
LAST_RESORT_SECONDS = 2.0
BACKLOG = 512


class AnalysisServer(uvicorn.Server):
    """uvicorn with an announcement, a quiet exit on signals, and a warm-up once it listens."""

    def __init__(self, config: uvicorn.Config, context: ServiceContext, listener: socket.socket):
        super().__init__(config)
        self._context = context
        self._listener = listener

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, then say so in one line on standard output."""
        await super().startup(sockets)
        host, port = self._listener.getsockname()[:2]
        announcement = {"event": "listening", "host": host, "port": port, "version": __version__}
        print(json.dumps(announcement), flush=True)
        start_warm_up(self._context)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT drain; unlike uvicorn's own, they are not raised again after."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

        previous = {
            number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def serve(context: ServiceContext, host: str, port: int, *, exit_with_stdin: bool) -> None:
    """Run until a signal or, if asked, the end of standard input. Port 0 takes a free one."""
    import_talib_alone()
    listener = _listen(host, port)
    config = uvicorn.Config(
        create_app(context),
        http=BoundedConnection,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = AnalysisServer(config, context, listener)
    if exit_with_stdin:
        threading.Thread(target=_exit_with_stdin, args=(server,), daemon=True).start()
    try:
        asyncio.run(server.serve(sockets=[listener]))
    finally:
        # A fetch under way, in a thread, would hold the process until its source answers.
        _leave_in_any_case()
        context.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


def _exit_with_stdin(server: AnalysisServer) -> None:
    """Whoever holds our standard input is gone when it ends: leave, soon and in any case."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    server.should_exit = True
    server.force_exit = True
    _leave_in_any_case()


def _leave_in_any_case() -> None:
    timer = threading.Timer(LAST_RESORT_SECONDS, os._exit, args=(0,))
    timer.daemon = True
    timer.start()
