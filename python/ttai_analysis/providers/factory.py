"""Builds the one provider that the settings name.

For: the choice. Not for: checking settings (settings.py) or falling back: there is no fallback.
"""

from ttai_analysis.providers.base import Provider
from ttai_analysis.settings import Settings, SettingsError
from ttai_analysis.timestamps import Clock, system_clock


def create_provider(settings: Settings, clock: Clock = system_clock) -> Provider:
    """The provider; its heavy imports happen here, so call this off the start-up path."""
    if settings.provider == "simulated":
        from ttai_analysis.providers.simulated.provider import (
            SimulatedProvider,
        )

        return SimulatedProvider(seed=settings.seed, script=settings.script)
    if settings.provider == "files" and settings.data_dir is not None:
        from ttai_analysis.providers.files.provider import FilesProvider

        return FilesProvider(settings.data_dir)
    if settings.provider == "yahoo":
        from ttai_analysis.providers.yahoo.provider import YahooProvider
        from ttai_analysis.providers.yahoo.transport import YFinanceTransport

        # On the real clock, also where the service's own is stopped: Yahoo tells of the present.
        return YahooProvider(YFinanceTransport())
    if settings.provider == "tastytrade" and settings.tastytrade is not None:
        from ttai_analysis.providers.tastytrade.provider import TastytradeProvider

        return TastytradeProvider(settings.tastytrade, clock)
    raise SettingsError(f"MARKET_DATA '{settings.provider}' cannot be used.")
