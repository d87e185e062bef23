"""Plots as inline SVG: rates with their intervals.

For: two kinds of plot that a page can hold without a script or a library. Not for: figures.
Colours come from the page's CSS variables, so that they follow its light or dark scheme.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ttai_analysis.calibration.intervals import Interval

WIDTH = 640
ROOM_FOR_NAMES = 0.12
LEFT, RIGHT, TOP, BOTTOM = 56, 28, 16, 44


@dataclass(frozen=True, slots=True)
class Point:
    """A rate over what was expected, with a name."""

    name: str
    expected: float
    realised: Interval


@dataclass(frozen=True, slots=True)
class Row:
    """A name with a rate."""

    name: str
    rate: Interval


def expected_against_realised(points: Sequence[Point], x_title: str, y_title: str) -> str:
    """Dots with whiskers, and the line on which expectation and outcome agree."""
    values = [value for point in points for value in (point.expected, *_ends(point.realised))]
    low, high = _range(values, ROOM_FOR_NAMES)
    height = 380

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return height - BOTTOM - (value - low) / (high - low) * (height - TOP - BOTTOM)

    parts = []
    for tick in _ticks(low, high):
        parts.append(_line(x(low), y(tick), x(high), y(tick), "grid"))
        parts.append(_text(LEFT - 8, y(tick) + 4, f"{100 * tick:.0f} %", "end"))
        parts.append(_text(x(tick), height - BOTTOM + 18, f"{100 * tick:.0f} %", "middle"))
    parts.append(_line(x(low), y(low), x(high), y(high), "agree"))
    for point in points:
        at = x(point.expected)
        parts.append(_line(at, y(point.realised.low), at, y(point.realised.high), "whisker"))
        parts.append(_dot(at, y(point.realised.value), point.name, point.realised))
        parts.append(_text(at, y(point.realised.low) + 16, point.name, "middle", "name"))
    parts.append(_text((LEFT + WIDTH) / 2, height - 6, x_title, "middle", "title"))
    return _svg(height, f"{y_title} against {x_title}", parts)


def rows_with_intervals(rows: Sequence[Row], title: str) -> str:
    """A line a name: where its rate lies."""
    low, high = _range([value for row in rows for value in _ends(row.rate)])
    left, step = 178, 24
    height = TOP + step * len(rows) + BOTTOM

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - RIGHT)

    parts = []
    for tick in _ticks(low, high):
        parts.append(_line(x(tick), TOP, x(tick), height - BOTTOM, "grid"))
        parts.append(_text(x(tick), height - BOTTOM + 18, f"{100 * tick:.0f} %", "middle"))
    for index, row in enumerate(rows):
        y = TOP + step * (index + 0.5)
        parts.append(_text(left - 10, y + 4, row.name, "end", "name"))
        parts.append(_line(x(row.rate.low), y, x(row.rate.high), y, "whisker"))
        parts.append(_dot(x(row.rate.value), y, row.name, row.rate))
    parts.append(_text((left + WIDTH) / 2, height - 6, title, "middle", "title"))
    return _svg(height, title, parts)


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.low, interval.value, interval.high


def _range(values: Sequence[float], room: float = 0.08) -> tuple[float, float]:
    known = [value for value in values if value == value]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    space = max(0.02, room * (high - low))
    return max(0.0, low - space), min(1.0, high + space)


def _ticks(low: float, high: float) -> list[float]:
    step = next((size for size in (1, 2, 5, 10, 20) if (high - low) * 100 / size <= 9), 25)
    first = -(-int(low * 10_000) // (step * 100))
    return [
        tick * step / 100
        for tick in range(first, int(100 / step) + 1)
        if low <= tick * step / 100 <= high
    ]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _dot(x: float, y: float, name: str, rate: Interval) -> str:
    told = f"{name}: {100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f} %)"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(told)}</title></circle>'


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
