"""Failures of transport, as the typed errors that transports make of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lies.base import Lies
from ttai_analysis.errors import (
    AuthError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    ServiceError,
    SymbolNotFoundError,
)

TRANSPORT = Lies("transport")


def _failure(name: str, error: Callable[[], ServiceError]) -> None:
    def fail(_truth: Any, _as_of: datetime) -> Any:
        raise error()

    TRANSPORT.add(name, fail, error().code)


_failure("html_for_json", lambda: ProviderError("The source sent a page instead of data."))
_failure("truncated_json", lambda: ProviderError("The source's answer ends in the middle."))
_failure("empty_body", lambda: ProviderError("The source sent nothing."))
_failure("too_many_requests", lambda: RateLimitError("Too many requests.", retry_after_seconds=60))
_failure("silence", lambda: ProviderTimeoutError("The source did not answer in time."))
_failure("refused_credentials", lambda: AuthError("The source refuses the credentials."))
_failure("breaker_open", lambda: ProviderUnavailableError("Down.", retry_after_seconds=30))
_failure("symbol_gone", lambda: SymbolNotFoundError("The source has no such symbol."))
