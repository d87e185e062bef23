"""Symbols that fulfil criteria: /screener/candidates."""
