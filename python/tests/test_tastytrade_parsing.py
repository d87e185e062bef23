"""tastytrade's and dxFeed's shapes: numbers, COMPACT rows, candles, contracts, error envelopes."""

import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from helpers import NOW
from tastytrade_market import EXPIRIES, STRIKES, nested_chain

from ttai_analysis.errors import (
    AuthError,
    InvalidRequestError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
    SymbolNotFoundError,
)
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import UNKNOWN_EARNINGS
from ttai_analysis.providers.numbers import number, positive
from ttai_analysis.providers.tastytrade.candles import Candles, daily_bars, same_symbol
from ttai_analysis.providers.tastytrade.compact import events_of
from ttai_analysis.providers.tastytrade.contracts import (
    MAX_CONTRACTS,
    Contract,
    contracts_of,
    worth_quoting,
)
from ttai_analysis.providers.tastytrade.failures import failure
from ttai_analysis.providers.tastytrade.live import LiveValues
from ttai_analysis.providers.tastytrade.metrics import earnings_of, metrics_of
from ttai_analysis.providers.tastytrade.values import moment
from ttai_analysis.timestamps import pinned_clock

QUOTE_FIELDS = [
    "eventSymbol",
    "eventTime",
    "sequence",
    "timeNanoPart",
    "bidTime",
    "bidExchangeCode",
    "askTime",
    "askExchangeCode",
    "bidPrice",
    "askPrice",
    "bidSize",
    "askSize",
]
SPY = ["SPY", 0, 0, 0, 0, "Q", 0, "Q", 576.88, 576.9, 200.0, 300.0]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("0.3125", 0.3125),
        (4, 4.0),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        (float("nan"), None),
        ("", None),
        (None, None),
        (True, None),
        ("abc", None),
    ],
)
def test_numbers_come_in_every_dress(sent: object, read: float | None) -> None:
    assert number(sent) == read


def test_a_time_of_zero_is_no_time() -> None:
    assert moment(0) is None
    assert moment("0") is None
    assert positive("0.0") is None
    assert moment(1773847800000) == NOW == moment("2026-03-18T11:30:00.000-04:00")


def test_a_compact_quote_gives_the_published_mid() -> None:
    events = list(events_of(["Quote", [*SPY, "QQQ", *SPY[1:]]], {"Quote": QUOTE_FIELDS}))
    assert [event["eventSymbol"] for _, event in events] == ["SPY", "QQQ"]
    live = LiveValues(pinned_clock(NOW))
    for kind, event in events:
        live.take(kind, event)
    row = live.row("SPY")
    assert row is not None
    assert row.bid is not None
    assert row.ask is not None
    assert (row.bid + row.ask) / 2 == pytest.approx(576.89, abs=1e-9)
    assert row.quoted_at == NOW


def test_one_message_may_hold_several_types() -> None:
    fields = {"Quote": QUOTE_FIELDS, "Trade": ["eventSymbol", "price"]}
    kinds = [kind for kind, _ in events_of(["Quote", SPY, "Trade", ["SPY", 1, "QQQ", 2]], fields)]
    assert kinds == ["Quote", "Trade", "Trade"]


@pytest.mark.parametrize("data", [["Quote", SPY[:-1]], ["Order", [1]], [7]])
def test_values_that_do_not_fit_the_fields_are_refused(data: list[Any]) -> None:
    with pytest.raises(ProviderError):
        list(events_of(data, {"Quote": QUOTE_FIELDS}))


@pytest.mark.parametrize("gone", ["NaN", 0, "0.0", None])
def test_a_side_that_is_gone_does_not_keep_its_last_price(gone: object) -> None:
    live = LiveValues(pinned_clock(NOW))
    live.take("Quote", {"eventSymbol": "X", "bidPrice": 1.0, "askPrice": 1.2})
    live.take("Quote", {"eventSymbol": "X", "bidPrice": gone, "askPrice": 1.2})
    row = live.row("X")
    assert row is not None
    assert (row.bid, row.ask) == (None, 1.2)


def test_a_trade_without_a_time_has_the_time_of_its_receipt() -> None:
    live = LiveValues(pinned_clock(NOW))
    live.take("Trade", {"eventSymbol": "X", "price": 5, "time": 0, "dayVolume": "NaN"})
    row = live.row("X")
    assert row is not None
    assert (row.price, row.traded_at, row.volume) == (5.0, NOW, None)
    live.take("Trade", {"eventSymbol": "X", "price": "NaN", "time": 0})
    assert live.row("X") == row


def test_candle_symbols_are_the_same_in_their_normal_form() -> None:
    assert same_symbol("AAPL{=1d,tho=true}") == same_symbol("AAPL{tho=true,=d}")
    assert same_symbol("AAPL{=5m,tho=true}") != same_symbol("AAPL{=15m,tho=true}")
    assert same_symbol("AAPL{=1d}") != same_symbol("AAPL{=1w}")
    assert same_symbol("BRK/B") == "BRK/B"


@pytest.mark.parametrize("hour", [0, 4, 13])
def test_a_daily_candle_has_its_day_however_it_is_stamped(hour: int) -> None:
    """Midnight in UTC, midnight in New York, the open: all the 17th of March; the 18th runs."""
    stamps = [datetime(2026, 3, day, hour, 30 * (hour == 13), tzinfo=UTC) for day in (16, 17, 18)]
    times = np.array([int(at.timestamp()) for at in stamps])
    row = [1.0, 2.0, 0.5, 1.5, 10.0]
    bars = daily_bars(Candles(times, np.array([row] * 3), 0), session_table(), NOW.timestamp(), 0)
    assert len(bars) == 2
    assert bars.as_of == datetime(2026, 3, 17, 20, 0, tzinfo=UTC)


def test_only_standard_contracts_of_the_afternoon_are_left() -> None:
    contracts = contracts_of({"items": nested_chain()}, "AAPL")
    assert len(contracts) == 2 * len(EXPIRIES) * len(STRIKES)
    assert {contract.expiry for contract in contracts} == set(EXPIRIES)
    first = contracts[0]
    assert first.occ == "AAPL  260417P00070000"
    assert first.streamer == ".AAPL260417P70"


def test_index_options_of_both_roots_count_but_not_those_of_the_morning() -> None:
    def chain(root: str, settlement: str) -> dict[str, object]:
        row = {"strike-price": "5000", "put": f"{root} P", "put-streamer-symbol": f".{root}P"}
        expiration = {"expiration-date": "2026-04-17", "settlement-type": settlement}
        return {
            "root-symbol": root,
            "shares-per-contract": "100",
            "option-chain-type": "Standard",
            "expirations": [{**expiration, "strikes": [row]}],
        }

    found = contracts_of({"items": [chain("SPX", "AM"), chain("SPXW", "PM")]}, "SPX")
    assert [contract.streamer for contract in found] == [".SPXWP"]


def test_too_many_contracts_are_thinned_evenly() -> None:
    strikes = np.arange(500.0, 1500.0, 0.5).tolist()
    all_ = [
        Contract(date(2026, 5, 15), strike, is_call, "", "")
        for strike in strikes
        for is_call in (False, True)
    ]
    chosen = worth_quoting(all_, 1000.0, NOW.date(), 0.9)
    assert 0 < len(chosen) <= MAX_CONTRACTS
    assert {contract.strike for contract in chosen if contract.is_call} == {
        contract.strike for contract in chosen if not contract.is_call
    }
    assert worth_quoting(all_, 1000.0, date(2026, 1, 1), 0.9) == []


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "token_expired", AuthError),
        (403, "not_permitted", AuthError),
        (404, "record_not_found", SymbolNotFoundError),
        (422, "validation_error", InvalidRequestError),
        (429, "too_many_requests", RateLimitError),
        (500, "internal_server_error", ProviderUnavailableError),
        (400, "quote_streamer.customer_not_found_error", AuthError),
        (418, "teapot", ProviderError),
    ],
)
def test_errors_have_a_type_by_their_code(status: int, code: str, kind: type[Exception]) -> None:
    body = json.dumps({"error": {"code": code, "message": "secret words"}}).encode()
    error = failure(status, body)
    assert type(error).__mro__.index(kind) <= 1
    assert error.details == {"status": status, "codes": [code]}
    assert "secret words" not in error.message


def test_codes_are_found_wherever_they_are_written() -> None:
    inner = {"error": {"errors": [{"domain": "quote_streamer.customer_not_found_error"}]}}
    assert isinstance(failure(404, json.dumps(inner).encode()), AuthError)
    oauth = failure(400, b'{"error": "invalid_grant", "error_description": "no"}')
    assert oauth.details == {"status": 400, "codes": ["invalid_grant"]}
    assert isinstance(failure(502, b"<html>"), ProviderUnavailableError)


def test_metrics_with_odd_values() -> None:
    item = {
        "tw-implied-volatility-index-rank": "NaN",
        "implied-volatility-index-rank": 0.4,
        "implied-volatility-percentile": "63.1",
        "market-cap": None,
        "dividend-ex-date": "2026-02-09",
        "dividend-next-date": "2026-05-09",
    }
    metrics = metrics_of(item, NOW.date())
    assert (metrics.iv_rank, metrics.iv_percentile, metrics.market_cap) == (0.4, None, None)
    assert metrics.next_ex_dividend == date(2026, 5, 9)


def test_a_report_of_the_past_says_nothing_about_the_next() -> None:
    told = {"earnings": {"expected-report-date": "2026-03-17", "estimated": False}}
    assert earnings_of(told, NOW.date()) == UNKNOWN_EARNINGS
    assert earnings_of({"earnings": {"expected-report-date": "2026-03-18"}}, NOW.date()).known
    assert earnings_of({}, NOW.date()) == UNKNOWN_EARNINGS


def test_numbers_beyond_all_measure_are_none() -> None:
    assert number(10**400) is None
    assert moment(1e300) is None
    assert moment(10**400) is None


def test_what_is_held_is_quoted_however_far_off_it_expires() -> None:
    today, far, other = date(2026, 1, 5), date(2027, 1, 15), date(2027, 3, 19)
    all_ = [Contract(expiry, 100.0, False, "", "") for expiry in (far, other)]
    assert worth_quoting(all_, 100.0, today, 0.3) == []
    assert worth_quoting(all_, 100.0, today, 0.3, [far]) == all_[:1]
