"""How long fetched market data may be given again, in seconds.

For: the numbers, in one place. Not for: judging staleness of an answer (market/freshness.py).
"""

QUOTE_SECONDS = 30.0
CHAIN_SECONDS = 60.0
INTRADAY_HISTORY_SECONDS = 60.0
DAILY_HISTORY_SECONDS = 3_600.0
NEWS_SECONDS = 300.0
COMPANY_SECONDS = 86_400.0
"""Earnings dates, dividends, size, short interest, and that a symbol does not exist."""
