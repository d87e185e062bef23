"""Imports TA-Lib without pandas.

For: the start of a process that gives TA-Lib arrays only. Not for: hiding pandas from anyone else.
Where pandas is installed, TA-Lib imports it (a third of a second, 40 MB) and wraps each of its
functions to look for Series among the arguments.
"""

import sys
from types import ModuleType
from typing import cast


def import_talib_alone() -> None:
    """Call it before other threads run, since pandas cannot be imported meanwhile. Does nothing
    when either of the two is there already."""
    if "talib" in sys.modules or "pandas" in sys.modules:
        return
    sys.modules["pandas"] = cast(ModuleType, None)
    try:
        import talib  # noqa: F401
    finally:
        del sys.modules["pandas"]
