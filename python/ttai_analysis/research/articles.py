"""Which articles can be believed.

For: leaving out what is of another time or symbol, no text, or told before. Not for: what they say.
"""

from datetime import datetime

from ttai_analysis.providers.base import Article


def readable(
    articles: list[Article], symbol: str, as_of: datetime
) -> tuple[list[Article], list[str]]:
    """Articles that can be believed, newest first, each story once, and warnings."""
    warnings = []
    past = [article for article in articles if article.published_at <= as_of]
    own = [article for article in past if article.symbol == symbol]
    clear = [article for article in own if _is_text(article)]
    unique: dict[str, Article] = {}
    ids: set[str] = set()
    for article in sorted(clear, key=_order, reverse=True):
        title = " ".join(article.title.lower().split())
        if article.id not in ids and title not in unique:
            ids.add(article.id)
            unique[title] = article
    for code, dropped in (
        ("dropped_articles_after_as_of", len(articles) - len(past)),
        ("dropped_foreign_articles", len(past) - len(own)),
        ("unreadable_articles", len(own) - len(clear)),
        ("dropped_duplicate_articles", len(clear) - len(unique)),
    ):
        if dropped:
            warnings.append(f"{code}:{dropped}")
    return list(unique.values()), warnings


def _is_text(article: Article) -> bool:
    """Whether it has a title that is no page of HTML or JSON."""
    title = article.title.strip()
    return bool(title) and not title.startswith(("<", "{", "["))


def _order(article: Article) -> tuple[datetime, str]:
    return article.published_at, article.id
