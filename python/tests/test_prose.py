"""Wording by a language model: it can change texts, and nothing else, whatever it answers.

The model is a module of our own under litellm's name.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from helpers import NOW, Client, client_for, parse

from ttai_analysis.prose import writer
from ttai_analysis.prose.checks import MAX_LENGTH, is_faithful
from ttai_analysis.settings import Settings, SettingsError, settings_from_environment

REQUESTS = (
    ("/analyze/chart", ("chartNotes",)),
    ("/analyze/options", ("rationale", "optionsNotes")),
    ("/analyze/research", ("researchNotes",)),
)
BODY = {"symbol": "AAPL"}
Texts = dict[str, Any]


class Model:
    """What litellm would answer: `reply` makes new texts of the plain ones."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.reply: Callable[[Texts], Any] = lambda texts: texts

    def completion(self, **arguments: Any) -> Any:
        self.calls.append(arguments)
        texts = json.loads(arguments["messages"][-1]["content"])
        reply = self.reply(texts)
        content = reply if isinstance(reply, str) else json.dumps(reply)
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content=content))])


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    found = Model()
    module: Any = ModuleType("litellm")
    module.__spec__ = ModuleSpec("litellm", None)
    module.completion = found.completion
    monkeypatch.setitem(sys.modules, "litellm", module)
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    return found


@pytest.fixture
def prosaic() -> Client:
    return client_for(Settings(as_of=NOW, prose_model="gpt-4o-mini"))


def reworded(texts: Texts) -> Texts:
    return {name: f"In short: {text}" for name, text in texts.items()}


@pytest.mark.parametrize(("path", "names"), REQUESTS)
def test_only_texts_change(
    path: str, names: tuple[str, ...], client: Client, prosaic: Client, model: Model
) -> None:
    model.reply = reworded
    plain, worded = client.post(path, BODY), prosaic.post(path, BODY)
    expected = plain.content
    for name in names:
        text = json.dumps(parse(plain)[name], ensure_ascii=False).encode()
        told = json.dumps(f"In short: {parse(plain)[name]}", ensure_ascii=False).encode()
        assert expected.count(text) == 1
        expected = expected.replace(text, told)
    assert worded.content == expected != plain.content
    (call,) = model.calls
    assert call["model"] == "gpt-4o-mini"
    assert 0.0 < call["timeout"] <= writer.MAX_SECONDS
    assert call["num_retries"] == 0


def raising(_: Texts) -> Texts:
    raise ConnectionError("no network")


BAD: dict[str, tuple[Callable[[Texts], Any], str]] = {
    "raises": (raising, "failed"),
    "no JSON": (lambda _: "I am sorry, Dave.", "failed"),
    "a list": (lambda _: [], "failed"),
    "nothing": (lambda _: {}, "refused"),
    "other types": (lambda texts: dict.fromkeys(texts, 7), "refused"),
    "another number": (lambda texts: {k: f"{v} At 987.65." for k, v in texts.items()}, "refused"),
    "another label": (
        lambda texts: {k: f"{v} Bullish, bearish: select." for k, v in texts.items()},
        "refused",
    ),
    "too long": (lambda texts: {k: v + " Indeed." * 400 for k, v in texts.items()}, "refused"),
    "empty": (lambda texts: dict.fromkeys(texts, " "), "refused"),
    "several lines": (lambda texts: {k: f"{v}\nMore." for k, v in texts.items()}, "refused"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize(("path", "names"), REQUESTS)
def test_the_plain_text_stays(
    case: str, path: str, names: tuple[str, ...], client: Client, prosaic: Client, model: Model
) -> None:
    model.reply, why = BAD[case]
    plain, kept = client.answer(path, BODY), prosaic.answer(path, BODY)
    told = kept["quality"].pop("warnings")
    assert told == [*plain["quality"].pop("warnings"), f"prose_unavailable:{why}"]
    assert kept == plain


def test_a_slow_model_is_left_behind(
    client: Client, prosaic: Client, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(writer, "MAX_SECONDS", 0.05)
    model.reply = lambda texts: go.wait(30.0) and texts
    try:
        slow = prosaic.answer("/analyze/chart", BODY)
    finally:
        go.set()
    assert slow["chartNotes"] == client.answer("/analyze/chart", BODY)["chartNotes"]
    assert "prose_unavailable:timeout" in slow["quality"]["warnings"]


def test_the_deadline_of_the_request_leaves_time_for_its_answer(
    prosaic: Client, model: Model
) -> None:
    go = threading.Event()
    model.reply = lambda texts: go.wait(30.0) and texts
    try:
        response = prosaic.post("/analyze/chart", BODY, headers={"X-Deadline-Ms": "2000"})
    finally:
        go.set()
    assert "prose_unavailable:timeout" in parse(response)["quality"]["warnings"]
    assert model.calls[0]["timeout"] <= 2.0 - writer.RESERVE_SECONDS


def test_more_calls_than_are_allowed_wait_for_nothing(prosaic: Client, model: Model) -> None:
    go, under_way = threading.Event(), threading.Semaphore(0)

    def hold(texts: Texts) -> Texts:
        under_way.release()
        go.wait(30.0)
        return texts

    model.reply = hold
    askers = [
        threading.Thread(target=prosaic.answer, args=("/analyze/chart", BODY))
        for _ in range(writer.MAX_AT_ONCE)
    ]
    for asker in askers:
        asker.start()
    try:
        for _ in askers:
            assert under_way.acquire(timeout=30.0)
        crowded = prosaic.answer("/analyze/chart", BODY)
    finally:
        go.set()
        for asker in askers:
            asker.join()
    assert "prose_unavailable:timeout" in crowded["quality"]["warnings"]
    assert len(model.calls) == writer.MAX_AT_ONCE
    assert "prose_unavailable" not in str(prosaic.answer("/analyze/chart", BODY))


def test_no_recommendation_of_many_waits_for_it(prosaic: Client, model: Model) -> None:
    prosaic.answer("/analyze/quick", BODY)
    prosaic.answer("/analyze/quick/batch", {"symbols": ["AAPL"], "strategy": "csp"})
    prosaic.answer("/screener/candidates?detail=true", {"symbols": ["AAPL"]})
    assert model.calls == []


PLAIN = "Sell the 2026-04-17 150 put at 1.25; delta -0.22, 45 days, 8.5%. Overall select."


@pytest.mark.parametrize(
    "text",
    [
        "The 2026-04-17 150 put pays 1.25 at a delta of -0.22. We say: select.",
        "Selected: the 150 put.",
        "A trade of 45 days.",
    ],
)
def test_faithful_words(text: str) -> None:
    assert is_faithful(text, PLAIN, {"select"})


@pytest.mark.parametrize(
    "text",
    [
        "The 155 put.", "A delta of 0.22.", "A delta of +0.22.", "It yields 8.5 a week.",
        "8.5 % or 45%.", "The 150k put.", "At .25 only.", "$150 and more.", "1.250 a share.",
        "The 2026-04-18 put.", "In 2026.", "Delta -0.22 at 1.25.", "45 or 45 days.",
        "Some fifty days.", "Twice as much.", "45 percent.", "45 days, a ½ of it.", "Chapter Ⅳ.",
        "\u0661\u0665\u0660 put.", "minus 45 days.",
        "A reject.", "Rejected.", "Bullish.", "Do not select.", "Select? No: bearish.",
        "It isn't to be selected.", "Deselect.", "Unselected.", "Never one to select.",
        "", " ", "x" * (MAX_LENGTH + 1), "two\nlines", "a\u0000b",
    ],
    ids=repr,
)  # fmt: skip
def test_unfaithful_words(text: str) -> None:
    assert not is_faithful(text, PLAIN, {"select"})


def test_it_is_off_and_needs_its_package(monkeypatch: pytest.MonkeyPatch, model: Model) -> None:
    assert settings_from_environment({}).prose_model is None
    assert settings_from_environment({"PROSE_MODEL": "gpt-4o-mini"}).prose_model == "gpt-4o-mini"
    monkeypatch.setattr("ttai_analysis.settings.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"PROSE_MODEL.*litellm") as refused:
        settings_from_environment({"PROSE_MODEL": "gpt-4o-mini"})
    assert "\n" not in str(refused.value)


def test_nothing_imports_the_library_by_itself() -> None:
    code = (
        "import sys; from ttai_analysis.settings import Settings;"
        "from ttai_analysis.context import ServiceContext;"
        "ServiceContext(Settings(prose_model='any'));"
        "assert 'litellm' not in sys.modules"
    )
    folder = Path(__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


def test_no_lock_holds_it() -> None:
    folder = Path(__file__).resolve().parents[1]
    assert not [lock for lock in folder.glob("*.lock") if "litellm" in lock.read_text()]
