"""The error tree: a stable code, a message for a person, and whether a retry may help.

For: raising from any room of the package. Not for: HTTP wiring (see web/error_handlers.py).
"""

from collections.abc import Mapping
from typing import ClassVar


class ServiceError(Exception):
    """Base of every error that a caller sees; `details` must be JSON-serialisable."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, object] | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details) if details else None
        self.retry_after_seconds = retry_after_seconds

    def envelope(self) -> dict[str, object]:
        """The body of the HTTP answer: `{"error": {code, message, retryable, ...}}`."""
        error: dict[str, object] = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
        }
        if self.retry_after_seconds is not None:
            error["retryAfterSeconds"] = self.retry_after_seconds
        if self.details:
            error["details"] = self.details
        return {"error": error}


class InternalError(ServiceError):
    """A fault of ours; the cause is in the log, never in the answer."""


class InvalidRequestError(ServiceError):
    """The request itself is wrong; sending it again will not help."""

    code = "VALIDATION_ERROR"
    status = 400
    retryable = False


class RouteNotFoundError(ServiceError):
    """No such route."""

    code = "NOT_FOUND"
    status = 404
    retryable = False


class MethodNotAllowedError(ServiceError):
    """The route exists, the method does not."""

    code = "METHOD_NOT_ALLOWED"
    status = 405
    retryable = False


class SymbolNotFoundError(ServiceError):
    """The provider does not know this symbol."""

    code = "SYMBOL_NOT_FOUND"
    status = 404
    retryable = False


class RequestTimeoutError(ServiceError):
    """The request's body did not arrive in time."""

    code = "REQUEST_TIMEOUT"
    status = 408
    retryable = True


class BodyTooLargeError(ServiceError):
    """The request's body exceeds the limit."""

    code = "TOO_LARGE"
    status = 413
    retryable = False


class UnsupportedMediaTypeError(ServiceError):
    """The request's body is not called JSON by its Content-Type."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    retryable = False


class IdempotencyConflictError(ServiceError):
    """An idempotency key came again with another request."""

    code = "IDEMPOTENCY_CONFLICT"
    status = 409
    retryable = False


class NoBrokerAccountsError(ServiceError):
    """The provider has market data, and no accounts."""

    code = "NO_BROKER_ACCOUNTS"
    status = 409
    retryable = False


class AuthError(ServiceError):
    """The provider does not accept our credentials; asking again will not help."""

    code = "AUTH_ERROR"
    status = 401
    retryable = False


class RateLimitError(ServiceError):
    """The provider wants to be asked less often; `retry_after_seconds` says when again."""

    code = "RATE_LIMIT"
    status = 429
    retryable = True


class InsufficientDataError(ServiceError):
    """The provider has the symbol but not enough of its past."""

    code = "INSUFFICIENT_DATA"
    status = 422
    retryable = False


class InvalidMarketDataError(ServiceError):
    """Bars or quotes contradict themselves: high below low, unsorted, not a number."""

    code = "INVALID_MARKET_DATA"
    status = 422
    retryable = False


class ProviderError(ServiceError):
    """The provider answered, but with something that cannot be used."""

    code = "PROVIDER_ERROR"
    status = 502
    retryable = True


class ProviderUnavailableError(ServiceError):
    """The provider cannot be asked at the moment."""

    code = "PROVIDER_UNAVAILABLE"
    status = 503
    retryable = True


class ProviderTimeoutError(ServiceError):
    """The caller's deadline passed before there was an answer."""

    code = "PROVIDER_TIMEOUT"
    status = 504
    retryable = True
