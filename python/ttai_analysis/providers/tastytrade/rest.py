"""tastytrade's REST interface, as far as it is read: GET, and the one POST that logs in.

For: headers, the envelope, backoff, a token that has expired early. Not for: what the answers mean.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx2

from ttai_analysis import __version__
from ttai_analysis.errors import (
    AuthError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
)
from ttai_analysis.providers.tastytrade.failures import RefusedError, failure, parsed
from ttai_analysis.providers.tastytrade.session import AccessToken
from ttai_analysis.providers.tastytrade.values import record, text
from ttai_analysis.settings import TastytradeSettings

API_VERSION = "20251101"
CERT_HOST = "api.cert.tastyworks.com"
LOGIN_PATH = "/oauth/token"
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
REQUEST_SECONDS = 10.0
MAX_BODY_BYTES = 32 * 1024 * 1024
"""All contracts of an index are a tenth of it."""

Parameters = Mapping[str, str | Sequence[str]]
Sleep = Callable[[float], Awaitable[None]]


class Rest:
    """Made and used on the background loop's thread."""

    def __init__(
        self,
        settings: TastytradeSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._sleep = sleep
        self._jitter = jitter
        headers = {"Accept": "application/json", "User-Agent": f"ttai-analysis/{__version__}"}
        if CERT_HOST not in settings.url:  # not known there
            headers["Accept-Version"] = API_VERSION
        self.http = httpx2.AsyncClient(
            base_url=settings.url, headers=headers, timeout=REQUEST_SECONDS
        )
        self.token = AccessToken(self._login, clock)

    async def get(
        self, path: str, parameters: Parameters | None = None, *, public: bool = False
    ) -> dict[str, object]:
        """The envelope's `data`. Raises a ServiceError; 429 and 5xx are asked again twice first."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._get_once(path, parameters, public=public)
            except (RateLimitError, ProviderUnavailableError):
                if attempt == ATTEMPTS - 1:
                    raise
            pause = FIRST_PAUSE_SECONDS * 2.0**attempt
            await self._sleep(pause * (0.5 + self._jitter()))
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def _get_once(
        self, path: str, parameters: Parameters | None, *, public: bool
    ) -> dict[str, object]:
        token = "" if public else await self.token.get()
        status, content = await self._send("GET", path, parameters, token)
        if status == 401 and not public:
            # Expired early, or withdrawn: one new token, and no more than one.
            token = await self.token.get(refused=token)
            status, content = await self._send("GET", path, parameters, token)
        if not 200 <= status < 300:
            raise failure(status, content)
        data = parsed(content).get("data")
        if not isinstance(data, dict):
            raise ProviderError("tastytrade answered without data.")
        return record(data)

    async def _login(self) -> dict[str, object]:
        body = {
            "grant_type": "refresh_token",
            "client_secret": self._settings.secret,
            "refresh_token": self._settings.refresh_token,
        }
        status, content = await self._send("POST", LOGIN_PATH, None, "", body)
        if not 200 <= status < 300:
            error = failure(status, content)
            # A wrong secret or refresh token comes as 400 (OAuth) or 401.
            if isinstance(error, AuthError | RefusedError):
                codes = error.details.get("codes") if error.details else None
                raise AuthError(
                    "tastytrade refused the login: check TT_SECRET and TT_REFRESH, then restart.",
                    details={"codes": codes},
                )
            raise error
        answer = parsed(content)
        if not text(answer.get("access_token")):
            raise ProviderError("tastytrade's login answered without a token.")
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        token: str,
        body: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Status and body. Stops reading, and raises ProviderError, beyond MAX_BODY_BYTES."""
        try:
            async with self.http.stream(
                method,
                path,
                params=dict(parameters) if parameters else None,
                json=body,
                headers={"Authorization": f"Bearer {token}"} if token else None,
            ) as response:
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_BODY_BYTES:
                        raise ProviderError("tastytrade answered with more than is read.")
                return response.status_code, bytes(content)
        except httpx2.HTTPError as error:
            raise ProviderUnavailableError(
                f"tastytrade cannot be reached ({type(error).__name__})."
            ) from error
