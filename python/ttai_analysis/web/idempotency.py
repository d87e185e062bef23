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
    made_at: float = 0.0
    size: int = 0


class Replays:
    """Answers by key, bounded in number, bytes and time. Of one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way: dict[str, _Entry] = {}
        self._kept: OrderedDict[str, _Entry] = OrderedDict()
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
            entry = self._under_way.get(key) or self._kept.get(key)
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
        entry = _Entry(digest, asyncio.get_running_loop().create_future())
        self._under_way[key] = entry
        found: KeptAnswer | None = None
        try:
            found = await ask()
        finally:
            del self._under_way[key]
            kept = found if found is not None and found.is_final else None
            if kept is not None:
                entry.made_at, entry.size = self._clock(), len(kept.body)
                self._kept[key] = entry
                self._bytes += entry.size
                self._forget_old()
            entry.answer.set_result(kept)
        return found

    def _forget_old(self) -> None:
        oldest = self._clock() - KEPT_SECONDS
        while self._kept:
            first = next(iter(self._kept.values()))
            full = len(self._kept) > MAX_ANSWERS or self._bytes > MAX_BYTES
            if not full and first.made_at >= oldest:
                return
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.size
