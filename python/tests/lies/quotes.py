"""Lies about quotes: sides that are missing or crossed, numbers that are none, another time."""

from dataclasses import replace
from datetime import timedelta

from lies.base import INVALID, Lies

QUOTES = Lies("quote")

QUOTES.add("no_quote", lambda _quote, _: None, "no_quote")
QUOTES.add("zero_quotes", lambda q, _: replace(q, bid=0.0, ask=0.0), "no_live_quotes")
QUOTES.add("one_sided", lambda q, _: replace(q, bid=None), "one_sided_quote")
QUOTES.add("no_ask", lambda q, _: replace(q, ask=0.0), "one_sided_quote")
QUOTES.add("crossed", lambda q, _: replace(q, bid=(q.ask or 0.0) + 0.5), "crossed_quote")
QUOTES.add(
    "wide_quote", lambda q, _: replace(q, bid=q.price * 0.9, ask=q.price * 1.1), "wide_quote"
)
QUOTES.add("nan_price", lambda q, _: replace(q, price=float("nan")), INVALID)
QUOTES.add("zero_price", lambda q, _: replace(q, price=0.0), INVALID)
QUOTES.add("nan_bid", lambda q, _: replace(q, bid=float("nan")), INVALID)
QUOTES.add("infinite_ask", lambda q, _: replace(q, ask=float("inf")), INVALID)
QUOTES.add("negative_bid", lambda q, _: replace(q, bid=-1.0), INVALID)
QUOTES.add("stale_quote", lambda q, t: replace(q, as_of=t - timedelta(days=4)), "stale_quote")
QUOTES.add("clock_skew", lambda q, t: replace(q, as_of=t + timedelta(hours=1)), "future_quote")
QUOTES.add("halted", lambda q, _: replace(q, halted=True), "halted")
QUOTES.add("quote_of_another", lambda q, _: replace(q, symbol="OTHER"), INVALID)
QUOTES.add(
    "quote_far_from_close",
    lambda q, _: replace(
        q, price=q.price * 1.6, bid=q.price * 1.6 - 0.01, ask=q.price * 1.6 + 0.01
    ),
    "quote_far_from_close",
)
