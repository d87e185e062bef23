"""`python -m ttai_analysis.calibration --data DIR --out report.html [--json]`.

For: the command line. Exit codes: 0, 1 when the folder or the page fails, 2 for a wrong call.
"""

import argparse
import json
import sys
from pathlib import Path

from ttai_analysis.calibration.outcomes import EVERY
from ttai_analysis.calibration.page import page
from ttai_analysis.calibration.report import calibrate
from ttai_analysis.calibration.samples import DataFolderError, read_samples
from ttai_analysis.command import Parser, run
from ttai_analysis.errors import ServiceError


def main(arguments: list[str] | None = None) -> int:
    """Read, calibrate, write. The verdicts, or with --json all figures, go to standard output."""
    asked = _parser().parse_args(arguments)
    # Looked at first: the figures take minutes.
    if asked.out is not None and not asked.out.parent.is_dir():
        print(f"calibrate: there is no folder {asked.out.parent} for the page.", file=sys.stderr)
        return 1
    if asked.out is not None and asked.out.is_dir():
        print(f"calibrate: {asked.out} is a folder; --out wants a file.", file=sys.stderr)
        return 1
    try:
        samples = read_samples(asked.data)
        report = calibrate(samples, every=asked.every, progress=_progress)
        if asked.out is not None:
            asked.out.write_text(page(report), encoding="utf-8")
    except (DataFolderError, ServiceError, OSError, ValueError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        print("\n".join([*report.verdicts, *report.missing]))
        if asked.out is not None:
            print(f"The page: {asked.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="calibrate",
        description="Compares probabilities and chart labels with what followed in real bars.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder with market/bars/SYMBOL.csv, indices/sp500*.csv, indices/vix*.csv",
    )
    parser.add_argument("--out", type=Path, help="write the page there")
    parser.add_argument("--json", action="store_true", help="all figures as JSON")
    parser.add_argument(
        "--every", type=_positive, default=EVERY, help=f"label every n-th session ({EVERY})"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return number


def _progress(symbol: str, done: int, total: int) -> None:
    """One line a symbol; on a terminal it moves."""
    line = f"charts of {symbol}: {done} of {total}"
    if sys.stderr.isatty():
        print(f"\r\033[2K{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done == total:
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
