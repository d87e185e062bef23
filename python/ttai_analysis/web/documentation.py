"""What the OpenAPI document says beyond the shapes: an example of each request, and the errors.

For: one table of examples, each of which the tests send. Not for: the shapes themselves (models/).
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from ttai_analysis.models.errors import ErrorBody

EXAMPLES: Mapping[str, dict[str, Any]] = {
    "/market-data": {"symbol": "AAPL", "timeframe": "daily", "period": "1y"},
    "/quotes": {"symbols": ["AAPL", "SPY"]},
    "/option-chain": {"symbol": "AAPL", "right": "put", "dteMin": 21, "dteMax": 60},
    "/news": {"symbols": ["AAPL", "MSFT"], "lookbackDays": 7},
    "/analyze/chart": {"symbol": "AAPL", "timeframe": "daily"},
    "/analyze/options": {
        "symbol": "AAPL",
        "strategy": "csp",
        "constraints": {"minDelta": 0.15, "maxDelta": 0.25, "targetDte": 45},
    },
    "/analyze/research": {
        "symbol": "AAPL",
        "horizonDays": 45,
        "news": [
            {
                "id": "1",
                "title": "Apple raises its outlook",
                "summary": "Orders came in above plan.",
                "publishedAt": "2026-03-17T14:00:00Z",
                "source": "wire",
            }
        ],
    },
    "/analyze/quick": {"symbol": "AAPL", "strategy": "csp"},
    "/analyze/quick/batch": {"symbols": ["AAPL", "MSFT"], "strategy": "bull_put_spread"},
    "/screener/candidates": {"minPrice": 20, "maxPrice": 100, "minIvRank": 0.2, "maxResults": 10},
    "/positions/evaluate": {
        "positions": [
            {
                "id": "aapl-put",
                "symbol": "AAPL",
                "legs": [
                    {
                        "right": "put",
                        "strike": 300,
                        "expiration": "2026-04-17",
                        "quantity": -1,
                        "openPrice": 4.2,
                    }
                ],
            }
        ]
    },
}
"""The body of each POST, by its path."""

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "VALIDATION_ERROR: the request is wrong."},
    401: {"model": ErrorBody, "description": "AUTH_ERROR: the provider refuses our credentials."},
    404: {"model": ErrorBody, "description": "SYMBOL_NOT_FOUND, or NOT_FOUND for a path."},
    405: {"model": ErrorBody, "description": "METHOD_NOT_ALLOWED."},
    408: {"model": ErrorBody, "description": "REQUEST_TIMEOUT: the body did not arrive in 20 s."},
    409: {"model": ErrorBody, "description": "IDEMPOTENCY_CONFLICT, or NO_BROKER_ACCOUNTS."},
    413: {"model": ErrorBody, "description": "TOO_LARGE: more than 4 MiB."},
    415: {"model": ErrorBody, "description": "UNSUPPORTED_MEDIA_TYPE: send application/json."},
    422: {"model": ErrorBody, "description": "INSUFFICIENT_DATA or INVALID_MARKET_DATA."},
    429: {"model": ErrorBody, "description": "RATE_LIMIT: see Retry-After."},
    500: {"model": ErrorBody, "description": "INTERNAL_ERROR: a fault of the service's own."},
    502: {"model": ErrorBody, "description": "PROVIDER_ERROR: the provider's answer is unusable."},
    503: {"model": ErrorBody, "description": "PROVIDER_UNAVAILABLE: see Retry-After."},
    504: {"model": ErrorBody, "description": "PROVIDER_TIMEOUT: the deadline has passed."},
}
"""For every operation; /readyz answers 503 in a shape of its own."""

HEADERS: list[dict[str, Any]] = [
    {
        "name": "X-Request-Id",
        "in": "header",
        "required": False,
        "description": "Comes back with the answer; one is made up where it is absent.",
        "schema": {"type": "string", "maxLength": 128},
    },
    {
        "name": "X-Deadline-Ms",
        "in": "header",
        "required": False,
        "description": "How long the answer is waited for, in milliseconds; from 10^11 on "
        "a moment in milliseconds since 1970. What is late is PROVIDER_TIMEOUT.",
        "schema": {"type": "integer", "minimum": 1},
    },
]
IDEMPOTENCY: dict[str, Any] = {
    "name": "X-Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key of the same X-User-Id is answered with the same bytes for ten "
    "minutes.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
}


def document(app: FastAPI) -> None:
    """Make `app` describe its headers and give an example of each request."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        schema = plain()
        for path, methods in schema["paths"].items():
            for method, operation in methods.items():
                more = [*HEADERS, IDEMPOTENCY] if method == "post" else HEADERS
                operation["parameters"] = [*operation.get("parameters", []), *more]
                if method == "post":
                    body = operation["requestBody"]["content"]["application/json"]
                    body["example"] = EXAMPLES[path]
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
