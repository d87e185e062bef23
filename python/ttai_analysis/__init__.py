"""The TTAI analysis service: what a chart, an option chain and the news say, as pure functions.

For: the package's name and versions. Not for: anything that runs at import time.
"""

__version__ = "0.1.0"

SCHEMA_VERSION = 1
"""Counts up when the shape of an answer changes incompatibly."""

ENGINE_VERSION = "2026.11.2"
"""Changes whenever the same input may give different numbers or labels."""
