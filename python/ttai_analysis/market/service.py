"""/market-data and /quotes: from a request and a provider to the answer.

For: rows as the contract wants them. Not for: analysis.
"""

from datetime import datetime

from ttai_analysis.answers import AnswerHead, age_seconds, answer_head
from ttai_analysis.chart.service import checked_bars
from ttai_analysis.errors import InvalidMarketDataError
from ttai_analysis.market.faults import quote_faults
from ttai_analysis.market.freshness import bars_are_stale, stale_before
from ttai_analysis.models.common import MAX_PRICE, Evidence, Quality, sound_data
from ttai_analysis.models.market_data import (
    Bar,
    DividendRow,
    MarketData,
    MarketDataRequest,
    QuoteRow,
    QuotesMeta,
    QuotesRequest,
    SplitRow,
)
from ttai_analysis.providers.base import Bars, Provider, Quote, Timeframe
from ttai_analysis.quality import code_of, forbidding

DEFAULT_PERIOD: dict[Timeframe, str] = {"daily": "1y", "weekly": "5y", "intraday": "5d"}
INTERVAL: dict[Timeframe, str] = {"daily": "1d", "weekly": "1wk", "intraday": "5m"}
CURRENCY = "USD"
TIMEZONE = "America/New_York"
MAX_MID_WIDTH = 0.02
"""A quote wider than this share of its mid has no meaningful middle."""


def market_data(request: MarketDataRequest, provider: Provider, as_of: datetime) -> MarketData:
    """Completed bars and the last price."""
    period = request.period or DEFAULT_PERIOD[request.timeframe]
    bars = provider.bars(
        request.symbol, request.timeframe, period, as_of, adjusted=request.adjusted
    )
    quote = provider.quote(request.symbol, as_of)
    newest = int(bars.timestamps[-1]) if len(bars) else None
    stale = bars_are_stale(newest, request.timeframe, as_of)
    _, warnings = checked_bars(bars, request.timeframe, as_of)
    close = float(bars.close[-1]) if bars.adjusted and len(bars) else None
    warnings += quote_faults(request.symbol, quote, as_of, close, trading=False)
    warnings += quote.warnings if quote else ()
    faults = forbidding(warnings)
    return MarketData(
        **answer_head("/market-data", request, provider.source, as_of),
        quality=Quality(
            source=provider.source,
            as_of=bars.as_of,
            age_seconds=age_seconds(as_of, bars.as_of),
            stale=stale,
            adjusted=bars.adjusted,
            bars_used=len(bars),
            warnings=list(dict.fromkeys(warnings)),
        ),
        evidence=[
            Evidence(
                rule="last_session_present",
                value=not stale,
                threshold="present",
                passed=not stale,
                weight=0.0,
            ),
            sound_data(faults),
        ],
        symbol=request.symbol,
        timeframe=request.timeframe,
        interval=INTERVAL[request.timeframe],
        currency=CURRENCY,
        timezone=TIMEZONE,
        bars=bar_rows(bars),
        adj_close=None if bars.adj_close is None else bars.adj_close.tolist(),
        splits=[
            SplitRow(day=split.day, numerator=split.numerator, denominator=split.denominator)
            for split in bars.splits
        ],
        dividends=[
            DividendRow(ex_date=dividend.ex_date, amount=dividend.amount)
            for dividend in bars.dividends
        ],
        last_price=quote.price if quote else None,
        last_price_at=quote.as_of if quote else None,
        market_state=quote.session if quote else None,
    )


def bar_rows(bars: Bars) -> list[Bar]:
    """One row per bar; the provider has checked the numbers, so they are not checked again."""
    columns = (
        bars.timestamps.tolist(),
        bars.open.tolist(),
        bars.high.tolist(),
        bars.low.tolist(),
        bars.close.tolist(),
        [int(size) if size.is_integer() else size for size in bars.volume.tolist()],
    )
    return [
        Bar.model_construct(timestamp=at, open=o, high=h, low=low, close=c, volume=v)
        for at, o, h, low, c, v in zip(*columns, strict=True)
    ]


def quotes(
    request: QuotesRequest, provider: Provider, as_of: datetime
) -> tuple[dict[str, Quote], dict[str, QuoteRow], list[str]]:
    """What the provider gave and its rows, by symbol in the order asked, and the symbols that have
    none: a quote that cannot be makes no row, and fails no other."""
    asked = list(dict.fromkeys(request.symbols))
    answered = provider.quotes(asked, as_of)
    given = {symbol: answered[symbol] for symbol in asked if symbol in answered}
    oldest = stale_before(as_of)
    rows = {
        symbol: quote_row(quote, provider.source, as_of, oldest)
        for symbol, quote in given.items()
        if quote.symbol == symbol and 0.0 < quote.price <= MAX_PRICE
    }
    return given, rows, [symbol for symbol in asked if symbol not in rows]


def quote_row(quote: Quote, source: str, as_of: datetime, oldest: datetime) -> QuoteRow:
    """The row of one quote; it is stale when traded before `oldest`."""
    change = None
    if quote.prev_close:
        change = 100.0 * (quote.price / quote.prev_close - 1.0)
    return QuoteRow(
        price=quote.price,
        bid=quote.bid,
        ask=quote.ask,
        mid=middle(quote.bid, quote.ask),
        last=quote.price,
        volume=quote.volume,
        prev_close=quote.prev_close,
        change_pct=change,
        as_of=quote.as_of,
        age_seconds=age_seconds(as_of, quote.as_of),
        stale=quote.as_of < oldest,
        source=source,
        session=quote.session,
    )


def middle(bid: float | None, ask: float | None) -> float | None:
    """The mid of a sound two-sided quote; None when one side is missing or it is over 2 % wide."""
    if not bid or not ask or bid > ask:
        return None
    mid = 0.5 * (bid + ask)
    return mid if (ask - bid) / mid <= MAX_MID_WIDTH else None


def quotes_meta(
    head: AnswerHead,
    given: dict[str, Quote],
    found: dict[str, QuoteRow],
    missing: list[str],
    source: str,
) -> QuotesMeta:
    """The head of an answer of /quotes, with the age of its oldest quote, and as `code:SYMBOL` what
    is wrong with each."""
    oldest = min((row.as_of for row in found.values()), default=None)
    stale = [symbol for symbol, row in found.items() if row.stale]
    return QuotesMeta(
        **head,
        quality=Quality(
            source=source,
            as_of=oldest,
            age_seconds=age_seconds(head["as_of"], oldest),
            stale=bool(stale) or not found,
            adjusted=False,
            bars_used=0,
            warnings=[
                *(f"stale:{symbol}" for symbol in stale),
                *(
                    f"{code}:{symbol}"
                    for symbol, quote in given.items()
                    for code in _faults(symbol, quote, head["as_of"])
                ),
            ],
        ),
        evidence=[],
        missing_symbols=missing,
    )


def _faults(symbol: str, quote: Quote, as_of: datetime) -> list[str]:
    """Codes; one quote that cannot be fails no other."""
    try:
        found = quote_faults(symbol, quote, as_of, None, trading=True)
    except InvalidMarketDataError:
        found = ["unusable_quote"]
    return list(dict.fromkeys(map(code_of, [*found, *quote.warnings])))
