"""Every setting of the service, read once from the environment and checked.

For: turning environment variables into a `Settings`. Not for: defaults of an analysis (models/).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from ttai_analysis.timestamps import parse_rfc3339
from ttai_analysis.tracing_settings import endpoint_problem, tracing_problem

PROVIDERS = ("simulated", "files", "yahoo", "tastytrade")
PACKAGE_OF_PROVIDER = {"yahoo": "yfinance", "tastytrade": "httpx2"}
PROSE_PACKAGE = "litellm"
LOG_LEVELS = ("debug", "info", "warning", "error")
DEFAULT_SEED = "ttai"
TASTYTRADE_URL = "https://api.tastyworks.com"


class SettingsError(Exception):
    """A setting is wrong; the message names the variable and says what it may be."""


@dataclass(frozen=True, slots=True)
class TastytradeSettings:
    """The account whose market data is read: OAuth client secret, refresh token, and where."""

    secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    url: str = TASTYTRADE_URL


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment asked for.

    `as_of` pins the service's clock (replay); `None` means the clock runs.
    `script` is a test aid: a JSON file of price overrides for the simulated market.
    `prose_model` words the texts of answers, as litellm names it; None leaves them plain.
    `otlp_endpoint` is the base URL of the collector of traces, without a slash at its end.
    """

    provider: str = "simulated"
    data_dir: Path | None = None
    as_of: datetime | None = None
    script: Path | None = None
    seed: str = DEFAULT_SEED
    log_level: str = "warning"
    otlp_endpoint: str | None = None
    tastytrade: TastytradeSettings | None = None
    prose_model: str | None = None


def settings_from_environment(
    environment: Mapping[str, str], *, chosen_by: str = "MARKET_DATA"
) -> Settings:
    """Read `MARKET_DATA*`, `TT_*`, `TASTYTRADE_URL`, `PROSE_MODEL`, `LOG_LEVEL`, and where traces
    go.

    An empty value counts as absent. `chosen_by` is what the caller knows the choice of the provider
    by, such as an option of a command.

    Raises SettingsError for an unknown provider, one whose package is missing, or a bad value.
    """

    def value(name: str) -> str | None:
        return environment.get(name, "").strip() or None

    provider = _provider(value("MARKET_DATA") or "simulated", chosen_by)
    settings = Settings(
        provider=provider,
        data_dir=_data_dir(provider, value("MARKET_DATA_DIR"), chosen_by),
        as_of=_as_of(value("MARKET_DATA_AS_OF")),
        script=_script(provider, value("MARKET_DATA_SCRIPT")),
        seed=value("MARKET_DATA_SEED") or DEFAULT_SEED,
        log_level=_log_level(value("LOG_LEVEL")),
        otlp_endpoint=_otlp_endpoint(value("OTEL_EXPORTER_OTLP_ENDPOINT"), environment),
        tastytrade=_tastytrade(value, chosen_by) if provider == "tastytrade" else None,
        prose_model=_prose_model(value("PROSE_MODEL")),
    )
    # At the end: where a setting is missing as well, the package would be installed for nothing.
    _require_package(provider, chosen_by)
    return settings


def _provider(name: str, chosen_by: str) -> str:
    if name not in PROVIDERS:
        raise SettingsError(f"{chosen_by} is '{name}'; it must be one of {', '.join(PROVIDERS)}.")
    return name


def _require_package(name: str, chosen_by: str) -> None:
    package = PACKAGE_OF_PROVIDER.get(name)
    if package is not None and find_spec(package) is None:
        raise SettingsError(
            f"{chosen_by} is '{name}', which needs the package {package}: "
            "install requirements-extras.lock."
        )


def _data_dir(provider: str, value: str | None, chosen_by: str) -> Path | None:
    if provider != "files":
        return Path(value) if value else None
    if value is None:
        raise SettingsError(f"{chosen_by} is 'files', so MARKET_DATA_DIR must name its folder.")
    folder = Path(value)
    if not (folder / "bars").is_dir():
        raise SettingsError(f"MARKET_DATA_DIR '{folder}' must be a folder with bars/SYMBOL.csv.")
    return folder


def _tastytrade(value: Callable[[str], str | None], chosen_by: str) -> TastytradeSettings:
    secret, refresh_token = value("TT_SECRET"), value("TT_REFRESH")
    if secret is None or refresh_token is None:
        missing = [name for name in ("TT_SECRET", "TT_REFRESH") if value(name) is None]
        raise SettingsError(
            f"{chosen_by} is 'tastytrade', so {' and '.join(missing)} must be set: the client "
            "secret and the refresh token of an OAuth application of your account."
        )
    if value("MARKET_DATA_AS_OF") is not None:
        raise SettingsError(
            f"{chosen_by} is 'tastytrade', whose market cannot be stopped: unset MARKET_DATA_AS_OF."
        )
    url = value("TASTYTRADE_URL") or TASTYTRADE_URL
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"TASTYTRADE_URL is '{url}'; it must be an http or https address.")
    return TastytradeSettings(secret, refresh_token, url.rstrip("/"))


def _prose_model(value: str | None) -> str | None:
    if value is not None and find_spec(PROSE_PACKAGE) is None:
        raise SettingsError(
            f"PROSE_MODEL is '{value}', which needs the package {PROSE_PACKAGE}: "
            "install the extra 'prose' of pyproject.toml, or unset it."
        )
    return value


def _as_of(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_rfc3339(value)
    except ValueError as error:
        raise SettingsError(
            f"MARKET_DATA_AS_OF is '{value}'; it must be a time such as 2021-03-31T20:00:00Z."
        ) from error


def _script(provider: str, value: str | None) -> Path | None:
    if value is not None and provider != "simulated":
        raise SettingsError("MARKET_DATA_SCRIPT steers the simulated market only.")
    return Path(value) if value else None


def _otlp_endpoint(value: str | None, environment: Mapping[str, str]) -> str | None:
    if value is None:
        return None
    problem = endpoint_problem(value) or tracing_problem(environment)
    if problem is not None:
        raise SettingsError(problem)
    return value.rstrip("/")


def _log_level(value: str | None) -> str:
    aliases = {"warn": "warning", "trace": "debug", "fatal": "error", "silent": "error"}
    level = (value or "warning").lower()
    level = aliases.get(level, level)
    if level not in LOG_LEVELS:
        raise SettingsError(f"LOG_LEVEL is '{value}'; it must be one of {', '.join(LOG_LEVELS)}.")
    return level
