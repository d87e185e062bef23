"""What the commands of this package share: how they are interrupted, and how a wrong call is told.

For: `python -m ttai_analysis.fetching` and `.calibration`. Not for the service (server.py).
"""

import argparse
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

EXIT_WRONG_CALL, EXIT_INTERRUPTED = 2, 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage that a person knows is that of `npm run ttai`."""

    def error(self, message: str) -> NoReturn:
        """Ends with the exit code of a wrong call."""
        self.exit(EXIT_WRONG_CALL, f"{self.prog}: {message}\n")


def run(main: Callable[[], int]) -> NoReturn:
    """Run to the end, or until SIGINT or SIGTERM; what is half written is taken away then."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    # The terminal and who started this both send one: the second must not interrupt the putting
    # away. Not SIG_IGN, with which Python complains of one that is on its way already.
    signal.signal(signal.SIGINT, _pass_over)
    signal.signal(signal.SIGTERM, _pass_over)
    raise KeyboardInterrupt


def _pass_over(_number: int, _frame: FrameType | None) -> None:
    pass
