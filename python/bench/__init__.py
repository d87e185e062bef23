"""Measures the analysis service; see __main__.py."""
