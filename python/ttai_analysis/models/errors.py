"""The one shape of every error, for the OpenAPI document; errors.py raises them."""

from typing import Any

from pydantic import Field

from ttai_analysis.models.common import Model


class ErrorDetail(Model):
    """`code` is stable, `message` is for a person, `retryable` says whether asking again helps."""

    code: str = Field(pattern="^[A-Z_]+$")
    message: str
    retryable: bool
    retry_after_seconds: int | None = Field(default=None, ge=0)
    details: dict[str, Any] | None = None


class ErrorBody(Model):
    """The body of every answer that is not 2xx."""

    error: ErrorDetail
