"""The three lock files hold each other: what is tested is what runs."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1]


def _pins(name: str) -> set[str]:
    lines = (FOLDER / f"{name}.lock").read_text().splitlines()
    return {line.removesuffix(" \\") for line in lines if not line.startswith(" ")}


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [("requirements", "requirements-extras"), ("requirements-extras", "requirements-dev")],
)
def test_each_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    assert len(_pins(smaller)) > 10
    assert _pins(smaller) - _pins(larger) == set()


@pytest.mark.parametrize("name", ["requirements", "requirements-extras", "requirements-dev"])
def test_no_lock_names_a_host(name: str) -> None:
    assert "://" not in (FOLDER / f"{name}.lock").read_text()
