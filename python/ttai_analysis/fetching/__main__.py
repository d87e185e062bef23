"""`python -m ttai_analysis.fetching SPY QQQ --provider yahoo --out DIR [--from DATE] [--chains]`.

For: the command line. Prints one JSON object a line as each symbol is done, and one at the end.
Exit codes: 0 when everything is stored, 1 when some symbol is not, 2 for a wrong call or setting.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ttai_analysis.command import EXIT_WRONG_CALL, Parser, run
from ttai_analysis.fetching.job import Stored, Wanted, fetch
from ttai_analysis.fetching.writer import FolderWriter
from ttai_analysis.models.common import Symbol
from ttai_analysis.providers.factory import create_provider
from ttai_analysis.settings import PROVIDERS, SettingsError, settings_from_environment
from ttai_analysis.timestamps import new_york_date, system_clock

EXIT_SOME_FAILED = 1


def main(arguments: list[str] | None = None) -> int:
    """Fetch, one symbol after the other."""
    asked = _parser().parse_args(arguments)
    try:
        settings = settings_from_environment(
            {**os.environ, "MARKET_DATA": asked.provider}, chosen_by="--provider"
        )
        provider = create_provider(settings)
    except SettingsError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return EXIT_WRONG_CALL
    try:
        writer = FolderWriter(asked.out, provider.source)
    except OSError as error:
        print(f"fetch: {asked.out} can't be written to: {error}", file=sys.stderr)
        return EXIT_SOME_FAILED
    symbols = tuple(dict.fromkeys(asked.symbols))
    wanted = Wanted(symbols=symbols, first=getattr(asked, "from"), chains=asked.chains)
    failed = unchanged = 0
    try:
        now = settings.as_of or system_clock()
        if wanted.first is not None and wanted.first >= new_york_date(now):
            told = f"--from {wanted.first} is not over: bars are of past days."
            print(f"fetch: {told}", file=sys.stderr)
            return EXIT_WRONG_CALL
        for done, stored in enumerate(fetch(provider, writer, wanted, now), 1):
            failed += stored.error is not None
            unchanged += stored.unchanged
            _tell({"event": "symbol", "done": done, "total": len(symbols), **_plain(stored)})
    finally:
        provider.close()
    _tell(
        {
            "event": "ended",
            "stored": len(symbols) - failed - unchanged,
            "unchanged": unchanged,
            "failed": failed,
            "source": provider.source,
            "folder": str(asked.out),
        }
    )
    return EXIT_SOME_FAILED if failed else 0


def _plain(stored: Stored) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(stored).items()
    }


def _tell(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="fetch",
        description="Stores bars and option chains of a provider for the `files` provider.",
    )
    parser.add_argument("symbols", nargs="+", type=_symbol)
    parser.add_argument(
        "--provider", required=True, choices=[name for name in PROVIDERS if name != "files"]
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder; made if absent")
    parser.add_argument("--from", type=_date, help="first day; what is stored, or five years")
    parser.add_argument("--chains", action="store_true", help="option chains and quotes, too")
    return parser


def _symbol(text: str) -> str:
    try:
        return str(TypeAdapter(Symbol).validate_python(text))
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a symbol") from error


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a date such as 2020-01-31") from error


if __name__ == "__main__":
    run(main)
