"""Events in the news that matter more than tone: fraud, probes, guidance, dilution...

For: finding red flags by patterns, unless the sentence denies them. Not for: sentiment.
"""

import re
from dataclasses import dataclass
from typing import Literal

Severity = Literal["moderate", "high"]


@dataclass(frozen=True, slots=True)
class EventClass:
    """A kind of event with the pattern that names it."""

    type: str
    severity: Severity
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event that a sentence speaks of."""

    type: str
    severity: Severity
    text: str


def _event(type_: str, severity: Severity, *alternatives: str) -> EventClass:
    return EventClass(
        type_, severity, re.compile(rf"\b(?:{'|'.join(alternatives)})", re.IGNORECASE)
    )


EVENT_CLASSES = (
    _event("bankruptcy", "high", "bankrupt", "chapter 11", "insolven", "going concern"),
    _event("fraud", "high", "fraud", "accounting irregularit", "embezzle", "indict"),
    _event("restatement", "high", "restat(?:e|es|ed|ing|ement)\\b"),
    _event(
        "regulatory_probe",
        "high",
        "(?:sec|doj|ftc|regulator\\w*|federal|criminal) "
        "(?:\\w+ )?(?:probe|investigat|charge|subpoena)",
        "antitrust (?:suit|case|charge)",
        "subpoena",
    ),
    _event("delisting", "high", "delist"),
    _event("debt_default", "high", "default(?:s|ed)? on", "debt default", "missed (?:a )?payment"),
    _event("trading_halt", "high", "trading (?:was |is )?(?:halted|suspended)", "halts trading"),
    _event(
        "guidance_cut",
        "high",
        "(?:cuts?|lowers?|slashe?s?|withdraws?|reduces?) "
        "(?:its |full[- ]year |annual )*(?:guidance|outlook|forecast)",
        "(?:guidance|outlook|forecast) (?:was|is) (?:cut|lowered|withdrawn|reduced)",
        "profit warning",
    ),
    _event("data_breach", "high", "data breach", "cyber ?attack", "ransomware", "hacked"),
    _event(
        "clinical_or_product_failure",
        "high",
        "trial fail",
        "fails? (?:a |its )?(?:phase|trial)",
        "fda (?:rejects|rejected)",
        "complete response letter",
    ),
    _event(
        "merger",
        "high",
        "to be acquired",
        "takeover (?:bid|offer)",
        "agrees to (?:buy|acquire)",
        "merger",
    ),
    _event("dividend_cut", "moderate", "(?:cuts?|suspends?|slashe?s?) (?:its |the )?dividend"),
    _event("downgrade", "moderate", "downgrade"),
    _event(
        "earnings_miss",
        "moderate",
        "misse?s? (?:\\w+ )?(?:earnings|estimates|expectations)",
        "fell short",
    ),
    _event("recall", "moderate", "recall(?:s|ed|ing)? "),
    _event("lawsuit", "moderate", "lawsuit", "class[ -]action", "sues?\\b", "sued\\b"),
    _event(
        "dilution", "moderate", "share offering", "stock offering", "secondary offering", "dilut"
    ),
    _event("layoffs", "moderate", "layoff", "job cuts", "cuts? (?:\\d+ |thousands of )?jobs"),
    _event(
        "executive_departure",
        "moderate",
        "(?:ceo|cfo|chief executive|chief financial officer) "
        "(?:\\w+ ){0,3}(?:resign|steps? down|depart|ousted|fired)",
    ),
    _event("short_report", "moderate", "short[- ]seller", "short report"),
)

_DENIAL = re.compile(
    r"\b(?:no|not|never|without|den(?:y|ies|ied)|dismiss(?:es|ed)?|clear(?:s|ed) (?:\w+ )?of|"
    r"avoid(?:s|ed)?|rule[sd]? out|upgrade[sd]?)\b[^.;,]{0,40}$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")


def find_events(text: str) -> list[FoundEvent]:
    """Each kind of event once, in the order of EVENT_CLASSES, with the sentence that names it."""
    sentences = [part.strip() for part in _SENTENCE.split(text) if part.strip()]
    found = []
    for kind in EVENT_CLASSES:
        sentence = next((item for item in sentences if _speaks_of(kind, item)), None)
        if sentence is not None:
            found.append(FoundEvent(kind.type, kind.severity, sentence))
    return found


def _speaks_of(kind: EventClass, sentence: str) -> bool:
    """Named, and not denied in the few words before."""
    return any(
        not _DENIAL.search(sentence[: match.start()]) for match in kind.pattern.finditer(sentence)
    )
