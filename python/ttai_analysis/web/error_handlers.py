"""Every failure as the one error envelope.

For: mapping FastAPI's and our own exceptions. Not for: raising them.
"""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ttai_analysis.errors import (
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    RouteNotFoundError,
    ServiceError,
    UnsupportedMediaTypeError,
)
from ttai_analysis.web.responses import error_answer

log = logging.getLogger(__name__)

MAX_PROBLEMS = 20
WORDS = {"extra_forbidden": "there is no such field; fields are as in /openapi.json, in camelCase"}
"""Instead of pydantic's own, by the type of the problem."""


def install_error_handlers(app: FastAPI) -> None:
    """Make `app` answer every error with the envelope."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def unexpected(error: Exception) -> Response:
    """500 for a fault of ours; the cause goes to the log only."""
    log.error("unexpected error", exc_info=error)
    return error_answer(InternalError("The analysis service failed unexpectedly."))


async def _unexpected(_: Request, error: Exception) -> Response:
    return unexpected(error)


async def _service_error(_: Request, error: Exception) -> Response:
    return error_answer(error) if isinstance(error, ServiceError) else unexpected(error)


async def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return unexpected(error)
    media = request.headers.get("content-type")
    if request.method == "POST" and not _is_json(media):
        told = f"Content-Type {media!r}" if media else "no Content-Type"
        return error_answer(
            UnsupportedMediaTypeError(
                f"The body came with {told}; send it as Content-Type: application/json."
            )
        )
    problems = [
        {
            "field": ".".join(str(part) for part in item["loc"]),
            "problem": WORDS.get(item["type"], str(item["msg"]).removeprefix("Value error, ")),
        }
        for item in error.errors()[:MAX_PROBLEMS]
    ]
    first = problems[0] if problems else {"field": "body", "problem": "invalid"}
    return error_answer(
        InvalidRequestError(
            f"The request is not valid: {first['field']}: {first['problem']}.",
            details={"problems": problems},
        )
    )


def _is_json(media: str | None) -> bool:
    name = (media or "").partition(";")[0].strip().lower()
    kind, _, form = name.partition("/")
    return kind == "application" and (form == "json" or form.endswith("+json"))


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return unexpected(error)
    if error.status_code == 404:
        return error_answer(RouteNotFoundError(f"There is no {request.url.path} here."))
    if error.status_code == 405:
        return error_answer(
            MethodNotAllowedError(f"{request.url.path} does not take {request.method}.")
        )
    return error_answer(InvalidRequestError(str(error.detail)))
