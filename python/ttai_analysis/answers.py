"""What makes answers repeatable: the head of every answer, and the hash of what was asked.

For: schemaVersion, engineVersion, asOf, inputHash, and the errors of single items of a batch.
Not for: the content of an answer.
"""

import hashlib
import json
from datetime import datetime
from typing import TypedDict

from ttai_analysis import ENGINE_VERSION, SCHEMA_VERSION
from ttai_analysis.errors import ServiceError
from ttai_analysis.models.common import ItemError, Model
from ttai_analysis.timestamps import format_rfc3339


class AnswerHead(TypedDict):
    """The first fields of every answer."""

    schema_version: int
    engine_version: str
    as_of: datetime
    input_hash: str


def answer_head(endpoint: str, request: Model, source: str, as_of: datetime) -> AnswerHead:
    """The head for this request; the same request at the same moment has the same hash."""
    return AnswerHead(
        schema_version=SCHEMA_VERSION,
        engine_version=ENGINE_VERSION,
        as_of=as_of,
        input_hash=input_hash(endpoint, request, source, as_of),
    )


def input_hash(endpoint: str, request: Model, source: str, as_of: datetime) -> str:
    """SHA-256 of the canonical JSON of (endpoint, body with its defaults, asOf, source, engine)."""
    body = request.model_dump(mode="json", by_alias=True, exclude={"as_of"})
    canonical = json.dumps(
        {
            "endpoint": endpoint,
            "body": body,
            "asOf": format_rfc3339(as_of),
            "source": source,
            "engine": ENGINE_VERSION,
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def age_seconds(as_of: datetime, data_as_of: datetime | None) -> float | None:
    """How old the data was at `as_of`, in seconds."""
    return None if data_as_of is None else (as_of - data_as_of).total_seconds()


def item_error(error: ServiceError) -> ItemError:
    """Why one item of a batch failed, as the whole request would say it."""
    return ItemError(code=error.code, message=error.message, retryable=error.retryable)
