"""Answers and errors as bytes: the same model gives the same bytes.

For: serialisation. Not for: content.
"""

import json
from collections.abc import Mapping

from fastapi.responses import Response

from ttai_analysis.errors import ServiceError
from ttai_analysis.models.common import Model

JSON_TYPE = "application/json"


def answer(
    model: Model, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The model as camelCase JSON; what is not finite becomes null."""
    content = model.model_dump_json(by_alias=True)
    return Response(content, status_code=status, headers=headers, media_type=JSON_TYPE)


def error_answer(error: ServiceError) -> Response:
    """The error envelope, with Retry-After where there is one."""
    headers = {}
    if error.retry_after_seconds is not None:
        headers["retry-after"] = str(error.retry_after_seconds)
    return Response(
        error_bytes(error),
        status_code=error.status,
        headers=headers,
        media_type=JSON_TYPE,
    )


def error_bytes(error: ServiceError) -> bytes:
    """The error envelope alone."""
    return json.dumps(error.envelope(), allow_nan=False, separators=(",", ":")).encode()
