"""Lets a language model word the texts of an answer that is complete already (PROSE_MODEL).

For: chartNotes, rationale, optionsNotes, researchNotes, and nothing else. Not for: anything that
is decided. The model is told the plain texts only, and what it returns is used only where
checks.py finds neither a number nor a label in it that the plain text and the answer do not have.
Whatever fails, the plain text stays, and `prose_unavailable` is said.
"""

import importlib
import json
import logging
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ttai_analysis.deadline import remaining_seconds
from ttai_analysis.models.common import Answer
from ttai_analysis.prose.checks import MAX_LENGTH, is_faithful

log = logging.getLogger(__name__)

TEXTS = ("chart_notes", "rationale", "options_notes", "research_notes")
LABELS = ("recommendation", "sentiment")
MAX_SECONDS = 5.0
RESERVE_SECONDS = 0.25
"""Left of a deadline for writing the answer: it must never be lost to its wording."""
MAX_AT_ONCE = 8
"""Calls under way; whoever comes while all are taken keeps the plain text."""
MAX_TOKENS = 800
INSTRUCTIONS = (
    "You get a JSON object of short texts on a stock or its options. Return a JSON object with "
    "the same keys, each text worded more fluently for a trader, in plain English without "
    f"formatting, on one line, in at most {MAX_LENGTH} characters. Say nothing that the text does "
    "not say. Keep every number exactly as written, in the same order; write no other number, "
    "neither in digits nor in words, and name no rating that the text does not name."
)
AnswerT = TypeVar("AnswerT", bound=Answer)


class ProseWriter:
    """One model; used by any number of threads."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._free = threading.BoundedSemaphore(MAX_AT_ONCE)

    def rewritten(self, answer: AnswerT) -> AnswerT:
        """The answer with the same fields, but for its texts and, on a failure, one warning."""
        plain = {name: getattr(answer, name) for name in TEXTS if hasattr(answer, name)}
        labels = {getattr(answer, name) for name in LABELS if hasattr(answer, name)}
        if not plain:
            return answer
        try:
            found = self._within(remaining_seconds(MAX_SECONDS + RESERVE_SECONDS), plain)
        except TimeoutError:
            return _with_warning(answer, "timeout")
        except Exception as error:  # a library's errors, and those of whatever it loads
            log.warning("prose: %s", type(error).__name__)
            return _with_warning(answer, "failed")
        texts = {
            name: found[name].strip()
            for name, text in plain.items()
            if isinstance(found.get(name), str) and is_faithful(found[name], text, labels)
        }
        answer = answer.model_copy(update=texts)
        return answer if len(texts) == len(plain) else _with_warning(answer, "refused")

    def load(self) -> None:
        """Import the library now, which takes seconds; a failure is told by the answers."""
        try:
            _library()
        except Exception as error:
            log.warning("prose: %s", type(error).__name__)

    def _within(self, left: float, plain: dict[str, str]) -> dict[str, Any]:
        """Ask in a thread that may be left behind, for a library need not keep to a timeout."""
        seconds = left - RESERVE_SECONDS
        if seconds <= 0.0 or not self._free.acquire(blocking=False):
            raise TimeoutError
        outcome: list[dict[str, Any] | Exception] = []

        def run() -> None:
            try:
                outcome.append(_asked(self._model, plain, seconds))
            except Exception as error:
                outcome.append(error)
            finally:
                self._free.release()

        thread = threading.Thread(target=run, name="prose", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._free.release()
            raise
        thread.join(seconds)
        if not outcome:
            raise TimeoutError
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]


def _asked(model: str, plain: dict[str, str], seconds: float) -> dict[str, Any]:
    response = _library()(
        model=model,
        messages=[
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": json.dumps(plain)},
        ],
        max_tokens=MAX_TOKENS,
        timeout=seconds,
        num_retries=0,
    )
    found = json.loads(response.choices[0].message.content)
    if not isinstance(found, dict):
        raise ValueError("the model's answer is no object")
    return found


def _library() -> Callable[..., Any]:
    """litellm's completion: quiet, for standard output is the service's, and without fetching its
    price list from the network."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    completion: Callable[..., Any] = litellm.completion
    return completion


def _with_warning(answer: AnswerT, why: str) -> AnswerT:
    warnings = [*answer.quality.warnings, f"prose_unavailable:{why}"]
    return answer.model_copy(
        update={"quality": answer.quality.model_copy(update={"warnings": warnings})}
    )
