"""Yahoo's answers as JSON, through yfinance: its browser-like TLS, its cookies, its crumbs.

For: one request each, and which of our errors a failure is. Not for: what a body means (parse_*).
Yahoo answers 200 with HTML when it is down, and refuses with 429, with 401 or with plain text.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ttai_analysis.errors import (
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    ServiceError,
)
from ttai_analysis.providers.yahoo.fields import Json

if TYPE_CHECKING:
    from curl_cffi.requests import Session

HOST = "https://query2.finance.yahoo.com"
TIMEOUT_SECONDS = 8.0
"""For each request; yfinance's own 30 s would outlast whoever asks."""
REFUSED_SECONDS = 60
"""How long to leave Yahoo alone when it refuses without saying so itself."""
SUMMARY_MODULES = "calendarEvents,summaryDetail,defaultKeyStatistics,assetProfile"
NEWS_COUNT = 30
MAX_CRUMB = 32
MAX_BODY_BYTES = 32 * 1024 * 1024
"""The longest history is a tenth of it."""


class Transport(Protocol):
    """What the provider asks of Yahoo; tests have one of their own. All raise ServiceErrors."""

    def chart(self, symbol: str, interval: str, start: int, end: int) -> Json:
        """Bars from `start` to `end` (epoch seconds), with splits and dividends."""
        ...

    def options(self, symbol: str, expiry: int | None) -> Json:
        """The contracts of one expiry (epoch seconds), the first one without it."""
        ...

    def quotes(self, symbols: Sequence[str]) -> Json:
        """Quotes of many symbols; those that Yahoo does not have are simply absent."""
        ...

    def summary(self, symbol: str) -> Json:
        """Facts about a company."""
        ...

    def news(self, symbol: str) -> Json:
        """The newest articles."""
        ...


def browser_session() -> "Session[Any]":
    """A session of curl_cffi that looks like a browser, and never waits longer or reads more than
    we may."""
    from curl_cffi import CurlOpt
    from curl_cffi.requests import Session

    class BoundedSession(Session[Any]):
        def request(self, *arguments: Any, **named: Any) -> Any:
            told = named.get("timeout")
            limit = min(told, TIMEOUT_SECONDS) if isinstance(told, int | float) else TIMEOUT_SECONDS
            return super().request(*arguments, **{**named, "timeout": limit})

    options = {CurlOpt.MAXFILESIZE_LARGE: MAX_BODY_BYTES}
    return BoundedSession(impersonate="chrome", curl_options=options)


class YFinanceTransport:
    """See the module. yfinance keeps one session and one crumb for the whole process."""

    def __init__(self, session: "Session[Any] | None" = None) -> None:
        from yfinance.data import YfData

        self._data = YfData(session=session or browser_session())

    def chart(self, symbol: str, interval: str, start: int, end: int) -> Json:
        """See Transport."""
        return self._get(
            f"/v8/finance/chart/{symbol}",
            {
                "interval": interval,
                "period1": start,
                "period2": end,
                "events": "div,splits,capitalGains",
                "includePrePost": "false",
            },
        )

    def options(self, symbol: str, expiry: int | None) -> Json:
        """See Transport."""
        return self._get(f"/v7/finance/options/{symbol}", {"date": expiry} if expiry else {})

    def quotes(self, symbols: Sequence[str]) -> Json:
        """See Transport."""
        return self._get("/v7/finance/quote", {"symbols": ",".join(symbols)})

    def summary(self, symbol: str) -> Json:
        """See Transport."""
        return self._get(
            f"/v10/finance/quoteSummary/{symbol}",
            {"modules": SUMMARY_MODULES, "formatted": "false"},
        )

    def news(self, symbol: str) -> Json:
        """See Transport."""
        return self._get(
            "/v1/finance/search", {"q": symbol, "quotesCount": 0, "newsCount": NEWS_COUNT}
        )

    def _get(self, path: str, parameters: Mapping[str, object]) -> Json:
        from curl_cffi.requests.exceptions import Timeout
        from yfinance.exceptions import YFException, YFRateLimitError

        self._forget_what_is_no_crumb()
        try:
            answer = self._data.get(HOST + path, params=dict(parameters), timeout=TIMEOUT_SECONDS)
            status, body = int(answer.status_code), bytes(answer.content)
            wait = answer.headers.get("retry-after")
        except YFRateLimitError as error:
            raise _too_many() from error
        except Timeout as error:
            raise ProviderTimeoutError("Yahoo did not answer in time.") from error
        except (OSError, YFException) as error:
            raise ProviderUnavailableError("Yahoo cannot be reached.") from error
        except Exception as error:
            # yfinance takes its consent and crumb pages apart without checking them.
            raise ProviderError("Yahoo answered with a page that cannot be read.") from error
        return read_body(status, body, wait)

    def _forget_what_is_no_crumb(self) -> None:
        """yfinance keeps the text of a refusal as its crumb and sends that from then on."""
        crumb = self._data._crumb
        if isinstance(crumb, str) and (len(crumb) > MAX_CRUMB or re.search(r"[\s<{]|^$", crumb)):
            self._data._crumb = None


def read_body(status: int, body: bytes, retry_after: str | None = None) -> Json:
    """The JSON object of an answer. A 404 and a 400 have one too: the parsers know what it means.

    Raises RateLimitError, ProviderUnavailableError or ProviderError.
    """
    start = body[:2_000].decode("utf-8", "replace")
    if status == 429 or "Too Many Requests" in start:
        raise _too_many(int(retry_after) if retry_after and retry_after.isdigit() else None)
    if "Will be right back" in start or status >= 500:
        raise ProviderUnavailableError(f"Yahoo is down (status {status}).")
    if status in (401, 403):
        raise ProviderUnavailableError(f"Yahoo refused to answer (status {status}).")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        if start.lstrip().startswith("<"):
            raise ProviderUnavailableError("Yahoo answered with a web page.") from error
        raise ProviderError("Yahoo's answer is not whole JSON.") from error
    if not isinstance(found, dict):
        raise ProviderError("Yahoo's answer is no JSON object.")
    return found


def _too_many(seconds: int | None = None) -> ServiceError:
    return RateLimitError(
        "Yahoo has had too many requests from here.",
        retry_after_seconds=seconds or REFUSED_SECONDS,
    )
