"""The guard in front of every route: request id, body limit, deadline, unexpected errors.

For: raw ASGI, so that bodies are counted as they arrive. Not for: the meaning of a request.
"""

import asyncio
import logging
import re
import time
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ttai_analysis.deadline import deadline
from ttai_analysis.errors import (
    BodyTooLargeError,
    InvalidRequestError,
    ProviderTimeoutError,
    ServiceError,
)
from ttai_analysis.web.error_handlers import unexpected
from ttai_analysis.web.responses import error_answer

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024
EPOCH_MS_FROM = 100_000_000_000
"""A deadline from here on is a moment (ms since 1970), below it a budget in ms."""
REQUEST_ID = re.compile(r"^[\x21-\x7e]{1,128}$")


class RequestGuard:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode("latin-1")),
                ]
            await send(message)

        try:
            seconds = seconds_left(headers.get("x-deadline-ms"))
            replay = await _read_body(headers.get("content-length"), receive)
            await self._run(scope, replay, send_with_id, seconds)
        except ServiceError as error:
            await error_answer(error)(scope, receive, send_with_id)
        except Exception as error:  # the last line of defence: answer, log, live on
            if status:
                raise
            await unexpected(error)(scope, receive, send_with_id)
        log.info(
            "%s %s %d %.1fms request=%s",
            scope["method"],
            scope["path"],
            status,
            1000.0 * (time.perf_counter() - started),
            request_id,
        )

    async def _run(self, scope: Scope, receive: Receive, send: Send, seconds: float | None) -> None:
        if seconds is None:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(seconds):
                with deadline(seconds):
                    await self._app(scope, receive, send)
        except TimeoutError as error:
            raise ProviderTimeoutError("The deadline passed before there was an answer.") from error


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
    left = value / 1000.0 - time.time() if value >= EPOCH_MS_FROM else value / 1000.0
    if left <= 0.0:
        raise ProviderTimeoutError("The deadline passed before the work began.")
    return left


async def _read_body(content_length: str | None, receive: Receive) -> Receive:
    """The whole body, and a `receive` that gives it again."""
    if content_length and content_length.isdigit() and int(content_length) > MAX_BODY_BYTES:
        raise BodyTooLargeError("The body exceeds 4 MiB.")
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise BodyTooLargeError("The body exceeds 4 MiB.")
        more = message.get("more_body", False)
    body: Message | None = {"type": "http.request", "body": b"".join(parts), "more_body": False}

    async def replay() -> Message:
        nonlocal body
        if body is None:
            return await receive()
        message, body = body, None
        return message

    return replay
