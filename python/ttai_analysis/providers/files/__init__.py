"""Market data from a folder of CSV files, with a clock that can be set back."""
