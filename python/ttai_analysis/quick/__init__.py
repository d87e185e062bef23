"""A first look at a symbol: chart and options together."""
