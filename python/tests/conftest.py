"""Fixtures: one simulated market per run, clients without a network, the shared data folder."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from helpers import NOW, SHARED_DATA, Client, client_for

from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.settings import Settings


@pytest.fixture(scope="session")
def market() -> SimulatedProvider:
    return SimulatedProvider(seed="test")


@pytest.fixture(scope="session")
def client() -> Client:
    return client_for(Settings(as_of=NOW))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is absent")
    return SHARED_DATA


@pytest.fixture(scope="session")
def files_client(shared_data: Path) -> Callable[[datetime], Client]:
    def make(as_of: datetime) -> Client:
        return client_for(Settings(provider="files", data_dir=shared_data / "market", as_of=as_of))

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty data folder of the `files` provider."""
    (tmp_path / "bars").mkdir()
    (tmp_path / "chains").mkdir()
    return tmp_path


def pytest_report_header(config: Any) -> str:
    return f"shared data: {'present' if SHARED_DATA.is_dir() else 'absent'} at {datetime.now(UTC)}"
