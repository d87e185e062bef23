"""Whether a rewritten text may stand for the plain one.

For: numbers, labels, length. Not for: style, nor whether a model's words are good ones. Who doubts
keeps the plain text, so a check may be too strict and never too lax.
"""

import re
import unicodedata
from collections.abc import Collection

MAX_LENGTH = 1_200
"""Characters; a longer text is refused, since half a text may say something else."""

LABEL = re.compile(
    r"\b(?:(?:un|de|mis|non)?-?)(select|reject|bullish|bearish|neutral|positive|negative)\w*",
    re.IGNORECASE,
)
NEGATED = re.compile(
    r"(?:\b(?:not|no|non|never|neither|nor|hardly|un|without|against|contrary|opposite)\b|n['\u2019]t\b)"
    r"(?:\W+\w+){0,3}\W*$",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\d{4}-\d\d-\d\d|(?:(?<!\w)[-+\u2212\u2013])?\$?\.?\d[\d,]*(?:\.\d+)*(?:\s?%)?[A-Za-z]*"
)
"""With its sign, its unit, and letters that stick to it: 10k is not 10."""
NUMBER_WORD = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|"
    r"thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|half|third|"
    r"quarter|once|twice|double|triple|dozen|halves|percent|per cent|minus|plus)s?\b",
    re.IGNORECASE,
)


def is_faithful(text: str, plain: str, labels: Collection[str]) -> bool:
    """Whether `text` says no number that `plain` does not, and no label but `labels`.

    Numbers are compared as written, with sign and unit, and must come in the order of the plain
    text: so two of them cannot change places. A label counts in every form ("rejected"), and not
    behind a negation.
    """
    if not text.strip() or len(text) > MAX_LENGTH or not text.isprintable():
        return False
    return _numbers_stand(text, plain) and _labels_stand(text, labels)


def _numbers_stand(text: str, plain: str) -> bool:
    given = iter(_numbers(plain))
    if not all(number in given for number in _numbers(text)):
        return False
    words = {found.lower() for found in NUMBER_WORD.findall(plain)}
    if any(found.lower() not in words for found in NUMBER_WORD.findall(text)):
        return False
    # Digits of other scripts, fractions and Roman numerals are numbers that nobody compares.
    return not any(unicodedata.numeric(letter, None) is not None for letter in _not_digits(text))


def _numbers(text: str) -> list[str]:
    """As written, but for a comma that follows."""
    return [found.rstrip(",") for found in NUMBER.findall(text)]


def _not_digits(text: str) -> str:
    return "".join(letter for letter in text if letter not in "0123456789")


def _labels_stand(text: str, labels: Collection[str]) -> bool:
    for found in LABEL.finditer(text):
        if found.group(1).lower() not in labels or found.group(0)[0].lower() in "udm":
            return False
        if NEGATED.search(text[: found.start()]):
            return False
    return True
