"""What a chart says: indicators, swings, levels, trend, and a label with its published score."""
