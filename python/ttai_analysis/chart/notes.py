"""The sentence that a chart analysis says in words.

For: plain wording of findings. Not for: any number or label of its own.
"""

from ttai_analysis.chart.trend import Trend
from ttai_analysis.models.chart import LevelRow


def chart_notes(
    recommendation: str,
    trend: Trend | None,
    supports: list[LevelRow],
    resistances: list[LevelRow],
    rejects: list[str],
) -> str:
    """A few short sentences, the same for the same findings."""
    parts = []
    if trend is not None:
        parts.append(f"Trend {trend.direction}, {trend.quality}; extension risk {trend.extension}.")
        if trend.reduced_history:
            parts.append("Fewer than 200 bars: shorter averages stand in for the 50 and 200.")
    if supports:
        parts.append(f"Nearest support {_level(supports[0])}.")
    if resistances:
        parts.append(f"Nearest resistance {_level(resistances[0])}.")
    if rejects:
        parts.append(f"Rejected: {', '.join(rejects)}.")
    else:
        parts.append(f"Overall {recommendation}; labels are context, not a forecast.")
    return " ".join(parts)


def _level(row: LevelRow) -> str:
    return f"{row.price:.2f} ({row.strength}, {row.type}, {row.distance_pct:.1f}% away)"
