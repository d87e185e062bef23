"""Option prices, greeks, implied volatility, the odds of a trade, and which one to sell."""
