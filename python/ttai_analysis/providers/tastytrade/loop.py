"""One event loop on a thread of its own: the endpoints are plain functions, the network is not.

For: running coroutines from worker threads, each with a deadline. Not for: what they do.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from ttai_analysis.errors import ProviderTimeoutError, ProviderUnavailableError

T = TypeVar("T")

GRACE_SECONDS = 1.0
"""How much longer than its own deadline a call may take before the caller stops waiting for it."""
CLOSE_SECONDS = 1.0
"""For connections to say goodbye."""


class BackgroundLoop:
    """Starts with its object; the thread ends with the process, or with `close`."""

    def __init__(self, name: str) -> None:
        self._is_closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """The result of `work`. Raises ProviderTimeoutError after `seconds`; it is then cancelled.

        Never call it on the loop's own thread. Raises ProviderUnavailableError after `close`.
        """
        if self._is_closed:
            work.close()
            raise ProviderUnavailableError("The service is ending.")
        future = asyncio.run_coroutine_threadsafe(_within(work, seconds), self._loop)
        try:
            return future.result(seconds + GRACE_SECONDS)
        except (TimeoutError, concurrent.futures.CancelledError) as error:
            future.cancel()
            raise ProviderTimeoutError(
                f"The provider gave no answer within {seconds:g} s.",
            ) from error

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run by itself; `close` cancels it."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Cancel what runs and end the thread; one that does not end in time is left behind."""
        if self._is_closed:
            return
        self._is_closed = True
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _cancel_all(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._loop.call_soon(self._loop.stop)


async def _within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    async with asyncio.timeout(seconds):
        return await work
