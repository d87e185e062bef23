"""The same idempotency key gives the same answer: the bytes of the first are kept and given again.

For: a caller that repeats what it did not hear the end of. Not for: caching, which needs no key.
Kept in this process only, for ten minutes; what failed for a passing reason is not kept.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ttai_analysis.errors import IdempotencyConflictError

KEPT_SECONDS = 600.0
MAX_ANSWERS = 2_000
MAX_BYTES = 64 * 1024 * 1024
REPLAYED = (b"x-idempotency-replayed", b"true")

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was sent, without what belongs to its request alone."""

    status: int
    headers: Headers
    body: bytes

    @property
    def is_final(self) -> bool:
        """Whether the same request would be answered the same."""
        return self.status < 500 and self.status != 429


@dataclass(slots=True)
class _Entry:
    request: bytes
    answer: asyncio.Future[KeptAnswer | None]
    made_at: float
    size: int = 0


class Replays:
    """Answers by key, bounded in number, bytes and time. Of one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0

    async def answer(
        self, key: str, request: bytes, ask: Callable[[], Awaitable[KeptAnswer]]
    ) -> tuple[KeptAnswer, bool]:
        """The answer, and whether it had been given before; who comes meanwhile waits for it.

        Raises IdempotencyConflictError when the key came with another request before.
        """
        digest = hashlib.sha256(request).digest()
        while True:
            self._forget_old()
            entry = self._entries.get(key)
            if entry is None:
                return await self._first(key, digest, ask), False
            if entry.request != digest:
                raise IdempotencyConflictError(
                    "This X-Idempotency-Key came with another request before; "
                    "use a new key for a new request.",
                    details={"header": "X-Idempotency-Key"},
                )
            found = await asyncio.shield(entry.answer)
            if found is not None:
                return found, True
            # The first one failed for a passing reason: this one asks itself.

    async def _first(
        self, key: str, digest: bytes, ask: Callable[[], Awaitable[KeptAnswer]]
    ) -> KeptAnswer:
        entry = _Entry(digest, asyncio.get_running_loop().create_future(), self._clock())
        self._entries[key] = entry
        try:
            found = await ask()
        except BaseException:
            self._drop(key)
            entry.answer.set_result(None)
            raise
        if not found.is_final:
            self._drop(key)
            entry.answer.set_result(None)
            return found
        entry.size = len(found.body)
        self._bytes += entry.size
        entry.answer.set_result(found)
        self._forget_old()
        return found

    def _forget_old(self) -> None:
        oldest = self._clock() - KEPT_SECONDS
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            full = len(self._entries) > MAX_ANSWERS or self._bytes > MAX_BYTES
            if not entry.answer.done() or not (full or entry.made_at < oldest):
                return
            self._drop(key)

    def _drop(self, key: str) -> None:
        self._bytes -= self._entries.pop(key).size
