"""All lies by name: bars, quotes, chains, facts, news and failures of transport."""

from lies.bars import BARS
from lies.base import Lie, Subject
from lies.chains import CHAINS
from lies.facts import EARNINGS, METRICS, RATE
from lies.news import NEWS
from lies.quotes import QUOTES
from lies.transport import TRANSPORT

__all__ = ["LIES", "Lie", "Subject"]

LIES: dict[str, Lie] = {
    name: lie
    for lies in (BARS, QUOTES, CHAINS, EARNINGS, METRICS, RATE, NEWS, TRANSPORT)
    for name, lie in lies.by_name.items()
}
