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
