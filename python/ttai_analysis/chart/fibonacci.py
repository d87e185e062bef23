"""Fibonacci retracements of the last major leg, aware of its direction.

For: retracement and extension prices. Not for: finding the leg (swings.py).
"""

from ttai_analysis.chart.swings import Leg

RATIOS = (0.236, 0.382, 0.5, 0.618, 0.786)
EXTENSIONS = (1.272, 1.618)


def fib_levels(leg: Leg) -> dict[str, float]:
    """Price by name (`fib_61.8`): the end of the leg less the ratio of its length.

    After a rise a retracement lies below the high, after a fall above the low; extensions lie
    beyond the end, measured from the start.
    """
    length = leg.end_price - leg.start_price
    levels = {f"fib_{ratio * 100:.1f}": leg.end_price - ratio * length for ratio in RATIOS}
    levels |= {f"fib_{ratio * 100:.1f}": leg.start_price + ratio * length for ratio in EXTENSIONS}
    return {name: price for name, price in levels.items() if price > 0.0}
