"""Settings: one clear refusal for each bad one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ttai_analysis.settings import SettingsError, settings_from_environment


def test_the_default_is_the_simulated_market() -> None:
    settings = settings_from_environment({"MARKET_DATA": "", "LOG_LEVEL": ""})
    assert (settings.provider, settings.as_of, settings.log_level) == ("simulated", None, "warning")


def test_files_and_replay(folder: Path) -> None:
    settings = settings_from_environment(
        {
            "MARKET_DATA": "files",
            "MARKET_DATA_DIR": str(folder),
            "MARKET_DATA_AS_OF": "2021-03-31T16:00:00-04:00",
        }
    )
    assert settings.data_dir == folder
    assert settings.as_of == datetime(2021, 3, 31, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"MARKET_DATA": "bloomberg"}, "must be one of"),
        ({"MARKET_DATA": "files"}, "MARKET_DATA_DIR"),
        ({"MARKET_DATA": "files", "MARKET_DATA_DIR": "/nowhere"}, "bars/SYMBOL.csv"),
        ({"MARKET_DATA_AS_OF": "yesterday"}, "MARKET_DATA_AS_OF"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    ],
    ids=str,
)
def test_bad_settings_are_refused(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings_from_environment(environment)


def test_a_script_needs_the_simulated_market(folder: Path) -> None:
    with pytest.raises(SettingsError, match="MARKET_DATA_SCRIPT"):
        settings_from_environment(
            {"MARKET_DATA": "files", "MARKET_DATA_DIR": str(folder), "MARKET_DATA_SCRIPT": "x"}
        )


def test_yahoo_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_from_environment({"MARKET_DATA": "yahoo"}).provider == "yahoo"
    monkeypatch.setattr("ttai_analysis.settings.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="requirements-extras"):
        settings_from_environment({"MARKET_DATA": "yahoo"})


def test_missing_settings_are_told_before_a_missing_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ttai_analysis.settings.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="TT_SECRET"):
        settings_from_environment({"MARKET_DATA": "tastytrade"})


TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:99999"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_RESOURCE_ATTRIBUTES", "region"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Bearer hush-hush"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api key=hush-hush"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%2"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hush%0Ahush"),
    ],
    ids=str,
)
def test_what_opentelemetry_would_trip_over_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        settings_from_environment({**TRACED, name: value})
    assert "hush" not in str(refused.value)


def test_what_opentelemetry_understands_is_taken() -> None:
    settings = settings_from_environment(
        {
            **TRACED,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test,city=Z%C3%BCrich,",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20abc==, x-team = options",
        }
    )
    assert settings.otlp_endpoint == "http://localhost:4318"


def test_without_a_collector_nobody_looks_at_it() -> None:
    assert settings_from_environment({"OTEL_TRACES_SAMPLER": "sometimes"}).otlp_endpoint is None
