"""The calibration as figures: rates with intervals, and what they allow to say.

For: from outcomes to one plain dictionary, the same for the page and for --json. Not for: HTML
(page.py). Every sentence on an edge is computed from the intervals here.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from ttai_analysis.calibration.intervals import (
    CONFIDENCE,
    DRAWS,
    SEED,
    Bootstrap,
    Interval,
    block_bootstrap,
)
from ttai_analysis.calibration.outcomes import (
    EVERY,
    HORIZON,
    LabelSample,
    Progress,
    PutOutcomes,
    label_charts,
    sell_puts,
)
from ttai_analysis.calibration.samples import Samples
from ttai_analysis.providers.base import IntArray
from ttai_analysis.timestamps import date_from_ordinal

BLOCK_WINDOWS = 2
"""A stretch of the bootstrap is as long as two windows."""
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("recommendation", ("bullish", "neutral", "bearish", "reject")),
    ("direction", ("up", "sideways", "down")),
    ("quality", ("strong", "moderate", "weak")),
    ("extension", ("low", "moderate", "high")),
)
"""Labels from the one that should do best to the one that should do worst."""
COMPARED = {
    "recommendation": ("bullish", "bearish"),
    "direction": ("up", "down"),
    "quality": ("strong", "weak"),
    "extension": ("low", "high"),
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Puts of one delta: what the model said, and what came."""

    delta: float
    samples: int
    windows: int
    model_pop: float
    realised_pop: Interval
    twice_delta: float
    model_touch: float
    touched: Interval


@dataclass(frozen=True, slots=True)
class Label:
    """One label: how often the price held, raw and adjusted for its volatility."""

    family: str
    label: str
    samples: int
    windows: int
    raw: Interval
    adjusted: Interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """The better-sounding label less the worse-sounding one, adjusted, and whether that shows."""

    family: str
    better: str
    worse: str
    difference: Interval
    edge: bool


@dataclass(frozen=True, slots=True)
class Report:
    """All figures. Rates are decimals; a part that the folder cannot feed is empty."""

    puts: list[Bucket] = field(default_factory=list)
    puts_period: tuple[str, str] | None = None
    labels: list[Label] = field(default_factory=list)
    labels_period: tuple[str, str] | None = None
    symbols: list[str] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    comparison_confidence: float = CONFIDENCE
    verdicts: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    not_measured: str = (
        "Costs, slippage, early assignment, the skew of real chains, the size of wins and losses, "
        "and symbols that were delisted: the histories are of symbols that lived."
    )

    def as_json(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        method = {
            "confidence": CONFIDENCE,
            "draws": DRAWS,
            "seed": SEED,
            "blockWindows": BLOCK_WINDOWS,
            "horizonSessions": HORIZON,
        }
        return {**asdict(self), "method": method}


def calibrate(samples: Samples, *, every: int = EVERY, progress: Progress | None = None) -> Report:
    """The whole report; the same folder gives the same figures."""
    missing: list[str] = []
    puts: list[Bucket] = []
    puts_period = labels_period = None
    if samples.index is None:
        missing.append("No index with its VIX: probabilities of puts are not calibrated.")
    else:
        outcomes = sell_puts(samples.index)
        if outcomes.days.size:
            puts, puts_period = put_buckets(outcomes), _period(outcomes.days)
        else:
            missing.append("The index ends before the first put does.")
    if samples.simulated:
        names = ", ".join(samples.simulated)
        missing.append(f"SIMULATED bars, which say nothing about markets: {names}.")
    labels: list[Label] = []
    comparisons: list[Comparison] = []
    found = label_charts(samples.histories, every=every, progress=progress)
    if found:
        labels, comparisons = label_rates(found, every)
        labels_period = _period(np.array([sample.day for sample in found], dtype=np.int64))
    else:
        missing.append("No history is long enough: chart labels are not calibrated.")
    return Report(
        puts=puts,
        puts_period=puts_period,
        labels=labels,
        labels_period=labels_period,
        symbols=sorted({sample.symbol for sample in found}),
        comparisons=comparisons,
        comparison_confidence=_shared_confidence(len(FAMILIES)),
        verdicts=[*put_verdict(puts), *label_verdict(comparisons)],
        missing=missing,
    )


def put_buckets(outcomes: PutOutcomes) -> list[Bucket]:
    """A row a delta."""
    rows = outcomes.days.size
    counts = np.ones((rows, len(outcomes.deltas)))
    block = BLOCK_WINDOWS * outcomes.window_sessions
    profit = block_bootstrap(outcomes.profit.astype(np.float64), counts, block)
    touched = block_bootstrap(outcomes.touched.astype(np.float64), counts, block)
    return [
        Bucket(
            delta=delta,
            samples=rows,
            windows=-(-rows // outcomes.window_sessions),
            model_pop=float(outcomes.model_pop[:, column].mean()),
            realised_pop=profit.rate(column),
            twice_delta=2.0 * delta,
            model_touch=float(outcomes.model_touch[:, column].mean()),
            touched=touched.rate(column),
        )
        for column, delta in enumerate(outcomes.deltas)
    ]


def label_rates(samples: Sequence[LabelSample], every: int) -> tuple[list[Label], list[Comparison]]:
    """Rates of every label that occurs, and the comparisons within each family."""
    day = np.array([sample.day for sample in samples], dtype=np.int64)
    days, row = np.unique(day, return_inverse=True)
    block = -(-BLOCK_WINDOWS * HORIZON // every)
    labels: list[Label] = []
    comparisons: list[Comparison] = []
    for family, names in FAMILIES:
        column = np.array([names.index(getattr(sample, family)) for sample in samples])

        def drawn(
            hit: Callable[[LabelSample], bool],
            column: IntArray = column,
            width: int = len(names),
        ) -> Bootstrap:
            counts, hits = np.zeros((days.size, width)), np.zeros((days.size, width))
            np.add.at(counts, (row, column), 1.0)
            np.add.at(hits, (row, column), [float(hit(sample)) for sample in samples])
            return block_bootstrap(hits, counts, block)

        raw = drawn(lambda sample: sample.raw)
        adjusted = drawn(lambda sample: sample.adjusted)
        present = set(column.tolist())
        labels += [
            Label(
                family=family,
                label=name,
                samples=int((column == index).sum()),
                windows=int(np.unique(row[column == index] * every // HORIZON).size),
                raw=raw.rate(index),
                adjusted=adjusted.rate(index),
            )
            for index, name in enumerate(names)
            if index in present
        ]
        better, worse = COMPARED[family]
        if {names.index(better), names.index(worse)} <= present:
            difference = adjusted.difference(
                names.index(better), names.index(worse), _shared_confidence(len(FAMILIES))
            )
            comparisons.append(
                Comparison(family, better, worse, difference, edge=difference.low > 0.0)
            )
    return labels, comparisons


def put_verdict(puts: Sequence[Bucket]) -> list[str]:
    """What the intervals say of the probability of profit and of the rule of twice the delta."""
    if not puts:
        return []
    above = [bucket for bucket in puts if bucket.realised_pop.low > bucket.model_pop]
    below = [bucket for bucket in puts if bucket.realised_pop.high < bucket.model_pop]
    if above:
        first = (
            f"The model's probability of profit was too low in {len(above)} of {len(puts)} delta "
            "buckets: implied volatility was above what followed in these years of one index."
        )
    elif below:
        first = (
            f"The model's probability of profit was too HIGH in {len(below)} of {len(puts)} delta "
            "buckets: do not rely on it."
        )
    else:
        first = "The model's probability of profit lies inside every interval."
    rare = [bucket for bucket in puts if bucket.touched.high < bucket.twice_delta]
    second = (
        f"Strikes were touched less often than twice their delta in {len(rare)} of {len(puts)} "
        "buckets."
        if rare
        else "Twice the delta lies inside or below every interval of strikes that were touched."
    )
    third = "A frequent profit is not an edge: how large the rare losses are is not in this table."
    return [first, second, third]


def label_verdict(comparisons: Sequence[Comparison]) -> list[str]:
    """The sentence on an edge, from the intervals alone."""
    if not comparisons:
        return []
    shown = [item for item in comparisons if item.edge]
    reversed_ones = [item for item in comparisons if item.difference.high < 0.0]
    if shown:
        names = ", ".join(f"{item.better} over {item.worse}" for item in shown)
        sentences = [f"Adjusted for volatility, the intervals show a difference of {names}."]
    else:
        sentences = [
            "No edge shown: adjusted for volatility, no chart label did better than its opposite "
            "beyond what chance explains."
        ]
    sentences += [
        f"Against its name, {item.better} did worse than {item.worse}, adjusted for volatility."
        for item in reversed_ones
    ]
    return sentences


def _shared_confidence(comparisons: int) -> float:
    """Bonferroni: so that all comparisons together are wrong by chance no oftener than one is."""
    return 1.0 - (1.0 - CONFIDENCE) / comparisons


def _period(days: IntArray) -> tuple[str, str]:
    first, last = int(days.min()), int(days.max())
    return date_from_ordinal(first).isoformat(), date_from_ordinal(last).isoformat()
