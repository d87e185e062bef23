"""What the routes share: settings, the clock, and the provider once it is built.

For: one object in `app.state`. Not for: anything of a single request.
"""

import threading
import time
from datetime import datetime, timedelta

from ttai_analysis.errors import InvalidRequestError
from ttai_analysis.prose.writer import AnswerT, ProseWriter
from ttai_analysis.providers.base import Provider
from ttai_analysis.settings import Settings
from ttai_analysis.timestamps import Clock, format_rfc3339, pinned_clock, system_clock
from ttai_analysis.tracing import start_tracing

CLOCK_TOLERANCE = timedelta(minutes=5)
"""Callers' clocks may be ahead of ours by this much."""


class ServiceContext:
    """Built at start-up; the provider itself on first use, for its imports take a second."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or (pinned_clock(settings.as_of) if settings.as_of else system_clock)
        self._pinned = settings.as_of is not None
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._provider: Provider | None = None
        self.prose = ProseWriter(settings.prose_model) if settings.prose_model else None
        self.tracing = start_tracing(settings.otlp_endpoint)

    @property
    def uptime_seconds(self) -> float:
        """Since this object was made."""
        return time.monotonic() - self._started

    @property
    def provider_is_built(self) -> bool:
        """Whether `provider` answers at once."""
        return self._provider is not None

    @property
    def provider(self) -> Provider:
        """The one provider of this process."""
        if self._provider is None:
            with self._lock:
                if self._provider is None:
                    from ttai_analysis.providers.factory import create_provider

                    provider = create_provider(self.settings, self.clock)
                    self._provider = self.tracing.calls(provider) if self.tracing else provider
        return self._provider

    def close(self) -> None:
        """Ends the provider's threads and connections, and sends the spans that wait."""
        if self._provider is not None:
            self._provider.close()
        if self.tracing:
            self.tracing.stop()

    def worded(self, answer: AnswerT) -> AnswerT:
        """The answer with its texts as the language model words them, if there is one."""
        return answer if self.prose is None else self.prose.rewritten(answer)

    def moment(self, requested: datetime | None) -> datetime:
        """The moment a request speaks of: its asOf, or now.

        Raises InvalidRequestError for a moment after now: nobody may look ahead of the clock.
        """
        now = self.clock()
        if requested is None:
            return now
        limit = now if self._pinned else now + CLOCK_TOLERANCE
        if requested > limit:
            raise InvalidRequestError(
                f"asOf lies after the service's clock ({format_rfc3339(now)}).",
                details={"field": "asOf"},
            )
        return requested
