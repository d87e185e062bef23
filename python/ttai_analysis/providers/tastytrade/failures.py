"""What an answer that is no success means, by the `code` of its envelope.

For: tastytrade's error envelopes, OAuth's, and web pages in their place. Not for: retries.
"""

import json

from ttai_analysis.errors import (
    AuthError,
    InvalidRequestError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
    ServiceError,
    SymbolNotFoundError,
)
from ttai_analysis.providers.tastytrade.values import record, records, text

NO_CUSTOMER = "quote_streamer.customer_not_found_error"
RETRY_AFTER_SECONDS = 60
"""tastytrade sends no Retry-After."""


class NotThereError(SymbolNotFoundError):
    """404: tastytrade has no such thing; whoever asked knows what that means."""


class RefusedError(InvalidRequestError):
    """400 or 422: tastytrade does not take the request; it will not take it the next time."""


def parsed(content: bytes) -> dict[str, object]:
    """The JSON object. Raises ProviderError for a web page or anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        kind = "a web page" if content.lstrip()[:1] == b"<" else "something that is not JSON"
        raise ProviderError(f"tastytrade answered with {kind}.") from error
    if not isinstance(found, dict):
        raise ProviderError("tastytrade answered with JSON that is no object.")
    return found


def failure(status: int, content: bytes) -> ServiceError:
    """The error that this answer stands for; codes go into `details`, never a body or a secret."""
    codes = error_codes(content)
    details = {"status": status, "codes": codes}
    named = f" ({codes[0]})" if codes else ""
    if NO_CUSTOMER in codes:
        return AuthError(
            "tastytrade streams quotes to opened accounts only: finish opening the account.",
            details=details,
        )
    if status in (401, 403):
        return AuthError(f"tastytrade does not accept our access{named}.", details=details)
    if status == 429:
        return RateLimitError(
            "tastytrade is asked too often.",
            details=details,
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    if status >= 500:
        return ProviderUnavailableError(f"tastytrade failed with {status}{named}.", details=details)
    if status == 404:
        return NotThereError(f"tastytrade has no such thing{named}.", details=details)
    if status in (400, 422):
        return RefusedError(f"tastytrade does not take the request{named}.", details=details)
    return ProviderError(f"tastytrade answered with {status}{named}.", details=details)


def error_codes(content: bytes) -> list[str]:
    """`error.code` and the codes (or domains) of `error.errors`; OAuth's `error` is a text."""
    try:
        error = record(json.loads(content)).get("error")
    except (ValueError, RecursionError):
        return []
    if isinstance(error, str):
        return [error]
    envelope = record(error)
    inner = [item.get("code") or item.get("domain") for item in records(envelope.get("errors"))]
    return [code for code in map(text, [envelope.get("code"), *inner]) if code]
