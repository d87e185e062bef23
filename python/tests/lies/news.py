"""Lies about news: none, of another time or share, unreadable, one story many times."""

from dataclasses import replace
from datetime import timedelta

from lies.base import Lies

NEWS = Lies("news")

NEWS.add("no_news_source", lambda _n, _: None, "provider_has_no_news")
NEWS.add("no_news", lambda _n, _: (), "no_news_data")
NEWS.add(
    "news_from_the_future",
    lambda n, t: tuple(replace(a, published_at=t + timedelta(days=1)) for a in n),
    "dropped_articles_after_as_of",
)
NEWS.add(
    "news_is_html",
    lambda n, _: tuple(replace(a, title="<!DOCTYPE html><title>Strong gains</title>") for a in n),
    "unreadable_articles",
)
NEWS.add(
    "news_without_titles",
    lambda n, _: tuple(replace(a, title=" ") for a in n),
    "unreadable_articles",
)
NEWS.add(
    "one_story_many_times",
    lambda n, _: tuple(replace(n[0], id=str(i), title="Profit soars, beats") for i in range(9)),
    "dropped_duplicate_articles",
)
NEWS.add(
    "news_of_another",
    lambda n, _: tuple(replace(a, symbol="OTHER") for a in n),
    "dropped_foreign_articles",
)
NEWS.add(
    "stale_news",
    lambda n, t: tuple(replace(a, published_at=t - timedelta(days=20)) for a in n),
    "stale_news",
)
