"""FEED_DATA of DXLink as events: COMPACT lists in the configured order of fields, or FULL objects.

For: the shape. Not for: what an event means (live.py, candles.py).
"""

from collections.abc import Iterator, Mapping, Sequence

from ttai_analysis.errors import ProviderError

Event = Mapping[str, object]

LIVE_FIELDS: dict[str, tuple[str, ...]] = {
    "Quote": ("eventSymbol", "bidTime", "askTime", "bidPrice", "askPrice"),
    "Trade": ("eventSymbol", "time", "price", "dayVolume"),
    "Summary": ("eventSymbol", "prevDayClosePrice", "openInterest"),
    "Greeks": (
        "eventSymbol",
        "time",
        "price",
        "volatility",
        "delta",
        "gamma",
        "theta",
        "rho",
        "vega",
    ),
}
CANDLE_FIELDS: dict[str, tuple[str, ...]] = {
    "Candle": (
        "eventSymbol",
        "eventFlags",
        "index",
        "time",
        "open",
        "high",
        "low",
        "close",
        "volume",
    ),
}


def events_of(
    data: Sequence[object], fields: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Event]]:
    """(type, event) for each event of a FEED_DATA message.

    Raises ProviderError where the values do not fit the fields: a shifted list would give a price
    for a size.
    """
    kind = ""
    for item in data:
        if isinstance(item, str):
            kind = item
        elif isinstance(item, dict):
            yield str(item.get("eventType", kind)), item
        elif isinstance(item, list):
            yield from _rows(kind, item, fields)
        else:
            raise ProviderError("The stream sent events in a shape that is not known.")


def _rows(
    kind: str, values: Sequence[object], fields: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Event]]:
    names = fields.get(kind, ())
    width = len(names)
    if not width or len(values) % width:
        raise ProviderError(
            f"The stream sent {len(values)} values of {kind or 'no type'}, "
            f"which are not rows of {width}."
        )
    for start in range(0, len(values), width):
        yield kind, dict(zip(names, values[start : start + width], strict=True))
