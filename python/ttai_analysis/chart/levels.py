"""Support and resistance zones, and where independent sources agree.

For: grouping swings about their mean, with touches that are real ones. Not for: trend labels.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ttai_analysis.chart.series import Series
from ttai_analysis.chart.swings import Swing
from ttai_analysis.providers.base import FloatArray

ZONE_ATR = 0.5
ZONE_SHARE = 0.005
MEMORY_BARS = 126.0
MIN_BARS_BETWEEN_TOUCHES = 3
STRONG_TOUCHES = 3
MODERATE_TOUCHES = 2
GAP_ATR = 0.5
GAP_LOOKBACK = 126


@dataclass(frozen=True, slots=True)
class Zone:
    """A band of prices; `weight` ranks it by recency and volume of its touches."""

    price: float
    low: float
    high: float
    kind: str
    touches: int
    last_touch: int | None
    weight: float

    @property
    def strength(self) -> Literal["strong", "moderate", "weak"]:
        """By the number of touches."""
        if self.touches >= STRONG_TOUCHES:
            return "strong"
        return "moderate" if self.touches >= MODERATE_TOUCHES else "weak"


def zone_width(close: float, atr: float) -> float:
    """Half an ATR, but at least half a percent."""
    return max(ZONE_ATR * atr, ZONE_SHARE * close)


def swing_zones(series: Series, swings: list[Swing], width: float) -> list[Zone]:
    """Zones of swing prices, lowest first.

    A price joins the zone below it while it lies within `width` of that zone's mean, so no zone
    spans more than twice the width, however many swings there are.
    """
    groups: list[list[Swing]] = []
    for swing in sorted(swings, key=lambda item: (item.price, item.index)):
        mean = sum(item.price for item in groups[-1]) / len(groups[-1]) if groups else 0.0
        if groups and swing.price - mean <= width:
            groups[-1].append(swing)
        else:
            groups.append([swing])
    volume_score = _volume_score(series.volume)
    return [_zone(series, group, volume_score) for group in groups]


def _zone(series: Series, group: list[Swing], volume_score: FloatArray) -> Zone:
    prices = [swing.price for swing in group]
    indices = sorted(swing.index for swing in group)
    touches, previous = 0, -MIN_BARS_BETWEEN_TOUCHES
    for index in indices:
        if index - previous >= MIN_BARS_BETWEEN_TOUCHES:
            touches, previous = touches + 1, index
    ages = len(series) - 1 - np.array(indices)
    weight = float(np.sum(np.exp(-ages / MEMORY_BARS) * (1.0 + volume_score[indices])))
    kinds = {swing.kind for swing in group}
    kind = "role_flip" if len(kinds) == 2 else f"swing_{kinds.pop()}"
    return Zone(
        price=sum(prices) / len(prices),
        low=min(prices),
        high=max(prices),
        kind=kind,
        touches=touches,
        last_touch=int(series.timestamps[indices[-1]]),
        weight=weight,
    )


def _volume_score(volume: FloatArray) -> FloatArray:
    deviation = float(np.std(volume)) if volume.size else 0.0
    if deviation == 0.0:
        return np.zeros(volume.size)
    return np.asarray(np.clip((volume - volume.mean()) / deviation, 0.0, 1.0))


def named_zone(price: float, kind: str, weight: float) -> Zone:
    """A single price that is a level by what it is, not by touches."""
    return Zone(price, price, price, kind, 0, None, weight)


def open_gaps(series: Series, atr: FloatArray) -> list[Zone]:
    """The near edges of gaps of half an ATR or more that no later bar has closed."""
    zones = []
    for i in range(max(1, len(series) - GAP_LOOKBACK), len(series)):
        least = GAP_ATR * atr[i]
        floor, ceiling = float(series.high[i - 1]), float(series.low[i])
        if ceiling - floor >= least and float(series.low[i:].min()) > floor:
            zones.append(named_zone(floor, "gap", 0.3))
        floor, ceiling = float(series.high[i]), float(series.low[i - 1])
        if ceiling - floor >= least and float(series.high[i:].max()) < ceiling:
            zones.append(named_zone(ceiling, "gap", 0.3))
    return zones


def round_prices(close: float) -> list[float]:
    """The nearest round prices below and above: steps of a twentieth of the decade above."""
    step = 10.0 ** np.ceil(np.log10(close)) / 20.0
    below = np.floor(close / step) * step
    return [float(price) for price in (below, below + step) if price > 0.0]


def merge_named(zones: list[Zone], named: list[Zone], width: float) -> list[Zone]:
    """All zones; a named level inside a swing zone's reach adds nothing of its own."""
    extra: list[Zone] = []
    for candidate in named:
        if not any(abs(candidate.price - zone.price) <= width for zone in (*zones, *extra)):
            extra.append(candidate)
    return sorted((*zones, *extra), key=lambda zone: zone.price)


def confluence(
    sources: dict[str, float], width: float, limit: int
) -> list[tuple[float, list[str]]]:
    """Prices where two or more independent sources lie within `width`, lowest first.

    `sources` maps a name such as `fib_61.8`, `sma_50`, `swing_low@131.20` to its price. All
    ratios of one leg are one source, and so are all swings.
    """
    ordered = sorted(sources.items(), key=lambda item: (item[1], item[0]))
    zones: list[tuple[float, list[str]]] = []
    start = 0
    while start < len(ordered):
        near = [item for item in ordered[start:] if item[1] - ordered[start][1] <= width]
        names = [name for name, _ in near]
        if len({_family(name) for name in names}) < 2:
            start += 1
            continue
        zones.append((sum(price for _, price in near) / len(near), names))
        start += len(near)
    return sorted(zones, key=lambda zone: (-len(zone[1]), zone[0]))[:limit]


def _family(name: str) -> str:
    base = name.split("@", maxsplit=1)[0]
    if base.startswith("fib_"):
        return "fib"
    return "swing" if base.startswith("swing_") or base == "role_flip" else base
