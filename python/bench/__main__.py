"""`python -m bench [--smoke]`, in python/: JSON on standard output, a table on standard error.

For: all figures of the analysis service on this machine. Not for: judging them; the aims beside
them are for the reader.
"""

import argparse
import json
import os
import platform
import sys

import numpy as np

from bench import implied, indicators, service, size
from bench.timing import Figures
from ttai_analysis import __version__
from ttai_analysis.command import run

NOT_MEASURED = (
    "Several callers at once; other providers than the simulated market; a machine that is idle "
    "for certain; TA-Lib computes no historical volatility and other seeds of the ADX."
)


def main() -> int:
    """Measure, print."""
    asked = _parser().parse_args()
    smoke: bool = asked.smoke
    repeats = 1 if smoke else 15
    sizes = (1_000,) if smoke else (1_000, 100_000)
    results: Figures = {
        "indicators": indicators.measure(5 if smoke else 50, repeats),
        "implied": [implied.measure(contracts, repeats) for contracts in sizes],
        "start": service.measure_start(1 if smoke else 5),
        "answers": service.measure_answers(3 if smoke else 400, 1 if smoke else 15),
        "size": size.measure(),
        "notMeasured": NOT_MEASURED,
    }
    machine = {
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "version": __version__,
    }
    print(json.dumps({"smoke": smoke, "machine": machine, "results": results}, indent=2))
    print(_table(results), file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measures indicators, implied volatility, answers over HTTP, start, memory "
        "and size. JSON on standard output, a table on standard error.",
    )
    parser.add_argument("--smoke", action="store_true", help="few and once: that it works")
    return parser


def _table(results: Figures) -> str:
    rows = [("what", "figure", "beside it")]
    found = results["indicators"]
    assert isinstance(found, dict)
    rows.append(
        (
            f"indicators, {found['symbols']} symbols x {found['bars']} bars",
            f"{found['oursMs']} ms",
            f"TA-Lib alone {found['taLibAloneMs']} ms, numpy at least "
            f"{found['numpyLowerBoundMs']} ms",
        )
    )
    implied_rows = results["implied"]
    assert isinstance(implied_rows, list)
    for row in implied_rows:
        beside = f"numpy prices them once in {row['numpyLowerBoundMs']} ms"
        if row["contracts"] == 100_000:
            beside += ", aim 40 ms"
        rows.append((f"implied volatility, {row['contracts']}", f"{row['oursMs']} ms", beside))
    answers, start, sizes = results["answers"], results["start"], results["size"]
    assert isinstance(answers, dict)
    assert isinstance(start, dict)
    assert isinstance(sizes, dict)
    named = (
        ("chart", "/analyze/chart", "aim 5 ms"),
        ("options", "/analyze/options", "aim 15 ms"),
        ("quotes200", "/quotes of 200", ""),
        ("quick50", "quick batch of 50, warm", ""),
        ("quick50Cold", "quick batch of 50, first", ""),
    )
    for key, name, aim in named:
        figures = answers[key]
        rows.append((name, f"p50 {figures['p50Ms']} ms", f"p99 {figures['p99Ms']} ms  {aim}"))
    rows += [
        ("start to /healthz", f"{start['healthzMs']} ms", ""),
        ("start to first chart", f"{start['firstChartMs']} ms", "aim 1000 ms"),
        ("start to first options", f"{start['firstOptionsMs']} ms", "aim 1000 ms"),
        ("resident at /healthz", f"{start['residentAtHealthzMb']} MB", ""),
        ("resident, warm", f"{answers['residentWarmMb']} MB", ""),
        ("installed", f"{sizes['installedMb']} MB", f"{sizes['packages']} packages"),
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{name:<{widths[0]}}  {figure:>{widths[1]}}  {beside}".rstrip()
        for name, figure, beside in rows
    )


if __name__ == "__main__":
    run(main)
