"""Market data of Yahoo Finance, on a best effort: no account, no promise, delays possible."""
