"""The access token: 15 minutes long, fetched with the refresh token of the settings.

For: one login at a time, and never a second one after a refusal: many failed logins get an address
blocked for hours. Not for: requests (rest.py).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ttai_analysis.errors import AuthError
from ttai_analysis.providers.numbers import number
from ttai_analysis.providers.tastytrade.values import text

RENEW_BEFORE_SECONDS = 60.0
DEFAULT_LIFETIME_SECONDS = 900.0
PAUSE_AFTER_REFUSAL_SECONDS = 3600.0

Login = Callable[[], Awaitable[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class TokenState:
    """For /readyz. Seconds; `refused` tells why the last login was refused."""

    logged_in: bool
    valid_for: float | None
    refused: str | None


class AccessToken:
    """`login` posts to /oauth/token and raises AuthError when refused; `clock` counts seconds."""

    def __init__(self, login: Login, clock: Callable[[], float]) -> None:
        self._login = login
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._valid_until = float("-inf")
        self._refusal: AuthError | None = None
        self._refused_until = float("-inf")

    async def get(self, *, refused: str | None = None) -> str:
        """A token that is good for a minute at least, and is not the one that was `refused`.

        Raises AuthError for a refused login, without asking again for an hour.
        """
        if self._is_good(refused):
            return self._token
        async with self._lock:
            if self._is_good(refused):
                return self._token
            self.refuse_if_refused()
            try:
                answer = await self._login()
            except AuthError as error:
                self._refusal = error
                self._refused_until = self._clock() + PAUSE_AFTER_REFUSAL_SECONDS
                raise
            self._refusal = None
            self._token = text(answer.get("access_token"))
            lifetime = number(answer.get("expires_in")) or DEFAULT_LIFETIME_SECONDS
            self._valid_until = self._clock() + lifetime
            return self._token

    def refuse_if_refused(self) -> None:
        """Raises AuthError when `get` would without asking. Any thread."""
        if self._refusal and self._clock() < self._refused_until:
            raise AuthError(self._refusal.message, details=self._refusal.details)

    def state(self) -> TokenState:
        """How long the token is good, and whether the login was refused."""
        left = self._valid_until - self._clock()
        refused = self._refusal if self._clock() < self._refused_until else None
        return TokenState(
            logged_in=self._token != "" and refused is None,
            valid_for=left if left > 0.0 else None,
            refused=refused.message if refused else None,
        )

    def _is_good(self, refused: str | None) -> bool:
        return self._clock() < self._valid_until - RENEW_BEFORE_SECONDS and self._token != refused
