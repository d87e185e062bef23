"""Bars and quotes as they are asked for: /market-data and /quotes."""
