"""The guard in front of every route: request id, limits, deadline, idempotency, surprises.

For: raw ASGI, so that bodies are counted as they arrive. Not for: the meaning of a request.
A POST is answered by a thread, which cannot be stopped: when its deadline has passed it is answered
here, and what it had begun keeps its place among the MAX_AT_ONCE until it ends. So impatient
callers of a slow source cannot make threads without end.
"""

import asyncio
import contextlib
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ttai_analysis.deadline import deadline
from ttai_analysis.errors import (
    BodyTooLargeError,
    InvalidRequestError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    RequestTimeoutError,
    ServiceError,
)
from ttai_analysis.web.error_handlers import unexpected
from ttai_analysis.web.idempotency import REPLAYED, Headers, KeptAnswer, Replays
from ttai_analysis.web.responses import error_answer

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_HELD_BYTES = 256 * 1024 * 1024
"""Of all bodies at once."""
BODY_SECONDS = 20.0
"""For a body to arrive."""
MAX_AT_ONCE = 32
"""POSTs that are worked on; fewer than the threads that there are, so that a GET finds one."""
MAX_SECONDS = 86_400
"""Nobody waits for longer than a day, and timers do not take every number."""
EPOCH_MS_FROM = 100_000_000_000
"""A deadline from here on is a moment (ms since 1970), below it a budget in ms."""
REQUEST_ID = re.compile(r"^[\x21-\x7e]{1,128}$")
IDEMPOTENCY_KEY = re.compile(r"^[\x21-\x7e]{1,200}$")


class RequestGuard:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._replays = Replays()
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._held_bytes = 0
        self._left_behind: set[asyncio.Task[KeptAnswer]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection's message stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        request_id = headers.get("x-request-id", "")
        if not REQUEST_ID.match(request_id):
            request_id = str(uuid.uuid4())
        started = time.perf_counter()
        status = 0
        arrived = asyncio.Event()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode("latin-1")),
                    # Nobody reads the rest of a body, so that no other request can follow it.
                    *(() if arrived.is_set() else ((b"connection", b"close"),)),
                ]
            await send(message)

        try:
            await self._answer(scope, headers, receive, send_with_id, arrived)
        except ServiceError as error:
            await error_answer(error)(scope, receive, send_with_id)
        except asyncio.CancelledError:
            # Only who ends the service cancels: it has waited for this long enough.
            if status == 0:
                ending = ProviderUnavailableError("The service is ending.", retry_after_seconds=1)
                await error_answer(ending)(scope, receive, send_with_id)
        except Exception as error:  # the last line of defence: answer, log, live on
            # Starlette raises again what the handlers have answered as our fault.
            if status not in (0, 500):
                raise
            if status == 0:
                await unexpected(error)(scope, receive, send_with_id)
        log.info(
            "%s %s %d %.1fms request=%s",
            scope["method"],
            scope["path"],
            status,
            1000.0 * (time.perf_counter() - started),
            request_id,
        )

    async def _answer(
        self,
        scope: Scope,
        headers: Mapping[str, str],
        receive: Receive,
        send: Send,
        arrived: asyncio.Event,
    ) -> None:
        seconds = seconds_left(headers.get("x-deadline-ms"))
        key = idempotency_key(headers.get("x-idempotency-key"))
        body = bytearray()
        try:
            async with _in_time(seconds):
                with deadline(seconds):
                    await self._read_body(headers.get("content-length"), receive, body)
                    arrived.set()
                    whole = bytes(body)
                    if scope["method"] != "POST":
                        await self._app(scope, _again(whole, receive), send)
                        return
                    found, replayed = await self._posted(scope, headers, key, whole, receive)
        finally:
            self._held_bytes -= len(body)
        # Outside of the deadline: an answer that has begun is not followed by another.
        told = [*found.headers, REPLAYED] if replayed else found.headers
        await send({"type": "http.response.start", "status": found.status, "headers": told})
        await send({"type": "http.response.body", "body": found.body})

    async def _posted(
        self,
        scope: Scope,
        headers: Mapping[str, str],
        key: str | None,
        body: bytes,
        receive: Receive,
    ) -> tuple[KeptAnswer, bool]:
        async def ask() -> KeptAnswer:
            await self._places.acquire()
            work = asyncio.create_task(self._work(scope, _again(body, receive)))
            self._left_behind.add(work)
            work.add_done_callback(self._ended)
            return await asyncio.shield(work)

        if key is None:
            return await ask(), False
        owner = headers.get("x-user-id", "")
        # The query is a part of what is asked.
        request = scope["query_string"] + b"\n" + body
        return await self._replays.answer(f"{owner}\n{scope['path']}\n{key}", request, ask)

    async def _work(self, scope: Scope, receive: Receive) -> KeptAnswer:
        status, headers, parts = 0, Headers(), list[bytes]()

        async def keep(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message.get("headers", []))
            else:
                parts.append(message.get("body", b""))

        try:
            await self._app(scope, receive, keep)
        except Exception:
            # Starlette raises again what the handlers have answered as our fault.
            if status == 0:
                raise
        return KeptAnswer(status, headers, b"".join(parts))

    def _ended(self, work: "asyncio.Task[KeptAnswer]") -> None:
        self._places.release()
        self._left_behind.discard(work)
        if not work.cancelled():
            work.exception()  # nobody may be left to hear of it

    async def _read_body(
        self, content_length: str | None, receive: Receive, body: bytearray
    ) -> None:
        """The whole body into `body`, counted among those that are held."""
        if content_length and content_length.isdecimal() and int(content_length) > MAX_BODY_BYTES:
            raise BodyTooLargeError("The body exceeds 4 MiB.")
        more, ends = True, time.monotonic() + BODY_SECONDS
        while more:
            message = await _within(receive(), ends - time.monotonic())
            if message["type"] != "http.request":
                break
            part = message.get("body", b"")
            body += part
            self._held_bytes += len(part)
            if len(body) > MAX_BODY_BYTES:
                raise BodyTooLargeError("The body exceeds 4 MiB.")
            if self._held_bytes > MAX_HELD_BYTES:
                raise RateLimitError(
                    "Too many large requests at once. Try again later.", retry_after_seconds=1
                )
            more = message.get("more_body", False)


@contextlib.asynccontextmanager
async def _in_time(seconds: float | None) -> AsyncIterator[None]:
    """Raises ProviderTimeoutError after so long; None waits as long as it takes."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise ProviderTimeoutError("The deadline passed before there was an answer.") from error


async def _within(message: Awaitable[Message], seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await message
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise RequestTimeoutError(f"The body did not arrive within {BODY_SECONDS:g} s.") from error


def idempotency_key(header: str | None) -> str | None:
    """Raises InvalidRequestError for what can be none."""
    if header is not None and not IDEMPOTENCY_KEY.match(header):
        raise InvalidRequestError("X-Idempotency-Key must be 1 to 200 visible ASCII characters.")
    return header


def seconds_left(header: str | None) -> float | None:
    """The time that X-Deadline-Ms leaves; None without the header.

    Raises InvalidRequestError for what is not a whole number, ProviderTimeoutError when past.
    """
    if header is None:
        return None
    try:
        value = int(header)
    except ValueError as error:
        raise InvalidRequestError(
            "X-Deadline-Ms must be a whole number of milliseconds."
        ) from error
    milliseconds = value - int(1000.0 * time.time()) if value >= EPOCH_MS_FROM else value
    if milliseconds <= 0:
        raise ProviderTimeoutError("The deadline passed before the work began.")
    return min(milliseconds, 1000 * MAX_SECONDS) / 1000.0


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and then what follows."""
    message: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def replay() -> Message:
        nonlocal message
        if message is None:
            return await receive()
        given, message = message, None
        return given

    return replay
