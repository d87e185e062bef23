"""Measures the analysis service; see __main__.py. TA-Lib is imported as the service does it."""

from ttai_analysis.talib_alone import import_talib_alone

import_talib_alone()
