"""The tone of a text and of a set of articles, from the project's own lexicon.

For: scores from -1 to 1. Not for: events (events.py) or risk labels (risks.py).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ttai_analysis.providers.base import Article
from ttai_analysis.research.lexicon import INTENSIFIERS, NEGATIVE, NEGATORS, PHRASES, POSITIVE

TITLE_WEIGHT = 2.0
HALF_LIFE_DAYS = 7.0
SOFTNESS = 2.0
"""A text of this weight scores tanh(1) = .76."""
NEGATION_REACH = 3
NEGATION_FACTOR = -0.6
_WORD = re.compile(r"[a-z][a-z'\-]*")
_ENDINGS = ("", "s", "es", "d", "ed", "ing", "ly", "ies", "ied")


def _forms(stem: str) -> set[str]:
    """The stem with common endings; doubled consonants and dropped vowels included."""
    forms = {stem + ending for ending in _ENDINGS}
    if stem.endswith("e"):
        forms |= {stem[:-1] + "ing", stem[:-1] + "ed"}
    if stem.endswith("y"):
        forms |= {stem[:-1] + "ies", stem[:-1] + "ied"}
    if len(stem) > 2 and stem[-1] not in "aeiouyw" and stem[-2] in "aeiou":
        forms |= {stem + stem[-1] + "ed", stem + stem[-1] + "ing"}
    return forms


IRREGULAR = {
    "fell": -1.0,
    "lost": -1.1,
    "grew": 0.9,
    "rose": 0.8,
    "won": 1.1,
    "sank": -1.4,
    "shrank": -1.1,
    "slid": -1.2,
    "beaten": 1.8,
    "fallen": -1.0,
    "worries": -1.0,
}
WORDS: dict[str, float] = {
    form: weight
    for table in (POSITIVE, NEGATIVE)
    for stem, weight in table.items()
    for form in sorted(_forms(stem))
} | IRREGULAR


@dataclass(frozen=True, slots=True)
class Tone:
    """The mean tone of a set of articles and how many of them had any."""

    score: float
    articles: int


def text_weight(text: str) -> float:
    """The summed tone of a text, unbounded."""
    lowered = text.lower().replace("\u2019", "'")
    total = 0.0
    for phrase, weight in PHRASES.items():
        while (at := lowered.find(phrase)) >= 0:
            before = _WORD.findall(lowered[:at])[-NEGATION_REACH:]
            total += weight * (NEGATION_FACTOR if NEGATORS.intersection(before) else 1.0)
            lowered = f"{lowered[:at]} {lowered[at + len(phrase) :]}"
    words = _WORD.findall(lowered)
    for index, word in enumerate(words):
        weight = WORDS.get(word, 0.0)
        if weight == 0.0:
            continue
        if index and words[index - 1] in INTENSIFIERS:
            weight *= INTENSIFIERS[words[index - 1]]
        if any(before in NEGATORS for before in words[max(0, index - NEGATION_REACH) : index]):
            weight *= NEGATION_FACTOR
        total += weight
    return total


def article_score(article: Article) -> float:
    """-1..1: the title counts twice the summary."""
    weight = TITLE_WEIGHT * text_weight(article.title) + text_weight(article.summary)
    return math.tanh(weight / (SOFTNESS * TITLE_WEIGHT))


def tone_of(articles: Sequence[Article], as_of: datetime) -> Tone:
    """The mean of the articles' scores, each halved in weight for every week of age."""
    total = weights = 0.0
    for article in articles:
        days = (as_of - article.published_at).total_seconds() / 86_400.0
        weight = 0.5 ** (days / HALF_LIFE_DAYS)
        total += weight * article_score(article)
        weights += weight
    return Tone(score=total / weights if weights > 0.0 else 0.0, articles=len(articles))
