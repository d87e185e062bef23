"""/analyze/quick wants the chart that the strategy wants, as runs do (src/machines/analysis.ts)."""

import pytest
from helpers import Client

SYMBOLS = ("AAPL", "MSFT", "NVDA", "GOOG", "AMZN", "META", "JPM", "XOM", "KO", "PEP", "WMT", "DIS")
WANTED = {
    "csp": "bullish",
    "covered_call": "bullish",
    "bull_put_spread": "bullish",
    "bear_call_spread": "bearish",
    "iron_condor": "neutral",
}


@pytest.mark.parametrize("strategy", WANTED)
def test_a_pick_has_the_chart_that_its_strategy_wants(client: Client, strategy: str) -> None:
    for symbol in SYMBOLS:
        found = client.answer("/analyze/quick", {"symbol": symbol, "strategy": strategy})
        if f"chart:{WANTED[strategy]}" not in found["reasons"]:
            assert found["recommendation"] != "select", symbol
