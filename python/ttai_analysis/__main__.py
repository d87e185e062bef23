"""`python -m ttai_analysis --host 127.0.0.1 --port 0 --exit-with-stdin`.

For: the command line. Exit codes: 0 after a drain, 1 when the port is taken, 2 for bad settings.
"""

import argparse
import logging
import os
import sys

from ttai_analysis import __version__
from ttai_analysis.settings import Settings, SettingsError, settings_from_environment

EXIT_PORT, EXIT_SETTINGS = 1, 2


def main() -> int:
    """Parse, check the settings before any heavy import, then serve."""
    arguments = _parser().parse_args()
    try:
        settings = settings_from_environment(os.environ)
    except SettingsError as error:
        print(f"ttai_analysis: {error}", file=sys.stderr)
        return EXIT_SETTINGS
    _log_to_stderr(settings)

    from ttai_analysis.context import ServiceContext
    from ttai_analysis.server import serve

    try:
        serve(
            ServiceContext(settings),
            arguments.host,
            arguments.port,
            exit_with_stdin=arguments.exit_with_stdin,
        )
    except OSError as error:
        print(
            f"ttai_analysis: cannot listen on {arguments.host}:{arguments.port}: {error}",
            file=sys.stderr,
        )
        return EXIT_PORT
    return 0


class OneLineFormatter(logging.Formatter):
    """Writes control characters of a message as escapes: what came from outside (a path, an error
    of a peer) must not look like a line of ours. Tracebacks keep their lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line."""
        line = super().formatMessage(record)
        return line if line.isprintable() else "".join(map(_printable, line))


def _printable(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ttai_analysis", description="TTAI analysis service")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free port")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when stdin ends")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _log_to_stderr(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper())
    for talkative in ("uvicorn.error", "httpx2", "httpcore2"):
        # They would tell the address of each request, and some hold the number of an account.
        logging.getLogger(talkative).setLevel(max(logging.WARNING, logging.getLogger().level))


if __name__ == "__main__":
    sys.exit(main())
