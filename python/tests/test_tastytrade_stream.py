"""DXLink over a real websocket: what it feeds, and each way in which it fails."""

import threading
from datetime import UTC, datetime

import pytest
from helpers import NOW
from tastytrade_fixtures import Connect, connect, live_row, server, stream_ended, with_timing
from tastytrade_market import EXPIRIES, streamer
from tastytrade_server import TastytradeServer, envelope

from ttai_analysis.errors import (
    InsufficientDataError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    SymbolNotFoundError,
)
from ttai_analysis.providers.tastytrade.provider import TastytradeProvider

__all__ = ["connect", "server", "stream_ended"]

PUT = streamer(EXPIRIES[1], 92.5, "P")
AAPL_CANDLES = "AAPL{=1d,tho=true}"


def stream_detail(provider: TastytradeProvider) -> dict[str, object]:
    detail = provider.state(NOW).detail["stream"]
    assert isinstance(detail, dict)
    return detail


def fed(server: TastytradeServer, provider: TastytradeProvider) -> None:
    """AAPL is quoted and fed."""
    provider.quote("AAPL", NOW)
    live_row(provider, "AAPL")


def test_quotes_follow_the_stream(server: TastytradeServer, connect: Connect) -> None:
    provider = connect()
    fed(server, provider)
    server.push("Trade", "AAPL", price=104.25, time=NOW.timestamp() * 1000 - 1000)
    server.push("Quote", "AAPL", bidPrice=104.2, askPrice=104.3)
    live_row(provider, "AAPL", lambda row: row.price == 104.25 and row.bid == 104.2)
    quote = provider.quote("AAPL", NOW)
    assert quote is not None
    assert (quote.price, quote.bid, quote.ask, quote.prev_close) == (104.25, 104.2, 104.3, 99.0)
    assert quote.as_of < NOW
    assert quote.warnings == ()


def test_a_side_that_goes_leaves_one_side(server: TastytradeServer, connect: Connect) -> None:
    provider = connect()
    fed(server, provider)
    server.push("Quote", "AAPL", bidPrice="NaN", askPrice=100.4)
    live_row(provider, "AAPL", lambda row: row.ask == 100.4)
    quote = provider.quote("AAPL", NOW)
    assert quote is not None
    assert (quote.bid, quote.ask) == (None, 100.4)


def test_greeks_are_fed_and_kept_beside_ours(server: TastytradeServer, connect: Connect) -> None:
    provider = connect()
    fed(server, provider)
    assert provider.chain("AAPL", NOW) is not None
    server.push("Greeks", PUT, delta=-0.21, gamma="NaN")
    row = live_row(provider, PUT, lambda row: row.greeks is not None and row.greeks.delta == -0.21)
    assert row.greeks is not None
    assert row.greeks.gamma is None
    assert row.greeks.received_at == NOW


@pytest.mark.parametrize("shape", ["COMPACT", "FULL", "reordered"])
def test_every_shape_of_feed_data_is_read(
    server: TastytradeServer, connect: Connect, shape: str
) -> None:
    server.data_format = "FULL" if shape == "FULL" else "COMPACT"
    server.reorder_fields = shape == "reordered"
    provider = connect()
    fed(server, provider)
    row = live_row(provider, "AAPL")
    assert (row.bid, row.ask, row.price) == (99.99, 100.01, 100.0)


def test_a_lost_connection_is_made_again_with_all_subscriptions(
    server: TastytradeServer, connect: Connect
) -> None:
    provider = connect()
    fed(server, provider)
    server.drop_streams(1011)
    server.wait(lambda it: it.stream_count == 2)
    server.wait(lambda it: it.subscribed("Quote").count("AAPL") == 2)
    live_row(provider, "AAPL")


def test_what_was_fed_is_forgotten_with_the_connection(
    server: TastytradeServer, connect: Connect, stream_ended: threading.Event
) -> None:
    provider = connect(timing=with_timing(first_backoff=3600.0, longest_backoff=3600.0))
    fed(server, provider)
    server.drop_streams(1011)
    assert stream_ended.wait(20.0)
    assert provider.live_values.row("AAPL") is None
    quote = provider.quote("AAPL", NOW)
    assert quote is not None
    assert quote.warnings == ("not_streamed",)
    assert quote.as_of < NOW
    assert "1011" in str(stream_detail(provider)["lastError"])


def test_too_long_a_message_is_named_and_survived(
    server: TastytradeServer, connect: Connect, stream_ended: threading.Event
) -> None:
    server.close_with = 1009
    provider = connect(timing=with_timing(first_backoff=3600.0, longest_backoff=3600.0))
    provider.quote("AAPL", NOW)
    assert stream_ended.wait(20.0)
    assert "1009" in str(stream_detail(provider)["lastError"])


def test_subscriptions_go_in_chunks(server: TastytradeServer, connect: Connect) -> None:
    provider = connect()
    provider.quotes([f"BULK{number}" for number in range(400)], NOW)
    server.wait(lambda it: len(it.subscribed("Summary")) == 400)
    sizes = [len(message["add"]) for message in server.stream_log if "add" in message]
    assert max(sizes) <= 500
    assert server.stream_count == 1


def test_a_stream_that_falls_silent_is_left_for_another(
    server: TastytradeServer, connect: Connect
) -> None:
    server.silent = True
    provider = connect(timing=with_timing(silence=0.2, keep_alive=3600.0))
    quote = provider.quote("AAPL", NOW)
    assert quote is not None
    assert quote.price == 100.0
    server.wait(lambda it: it.stream_count >= 3)
    assert "silent" in str(stream_detail(provider)["lastError"])


def test_keep_alive_keeps_a_quiet_stream(server: TastytradeServer, connect: Connect) -> None:
    server.silent = True
    connect(timing=with_timing(silence=10.0, keep_alive=0.02))
    server.wait(lambda it: sum(m["type"] == "KEEPALIVE" for m in it.stream_log) >= 5)
    assert server.stream_count == 1


def test_a_handshake_that_never_ends_is_given_up(
    server: TastytradeServer, connect: Connect
) -> None:
    server.never_authorise = True
    provider = connect(timing=with_timing(handshake=0.1))
    server.wait(lambda it: it.stream_count >= 2)
    assert not stream_detail(provider)["connected"]
    assert provider.knows("AAPL")


def test_a_token_that_expires_mid_stream_is_replaced(
    server: TastytradeServer, connect: Connect
) -> None:
    server.expire_after_subscription = True
    provider = connect()
    provider.quote("AAPL", NOW)
    server.wait(lambda it: it.stream_count == 2)
    server.wait(lambda it: it.requests.count(("GET", "/api-quote-tokens")) == 2)
    live_row(provider, "AAPL")


def test_a_connection_ends_before_its_token_does(
    server: TastytradeServer, connect: Connect
) -> None:
    provider = connect(timing=with_timing(token_life=0.05))
    server.wait(lambda it: it.stream_count >= 3)
    assert stream_detail(provider)["lastError"] is None


def test_an_account_that_is_not_open_yet_is_named(
    server: TastytradeServer, connect: Connect, stream_ended: threading.Event
) -> None:
    refusal = envelope(404, "quote_streamer.customer_not_found_error")
    server.answers["/api-quote-tokens"] = [refusal] * 100
    provider = connect(timing=with_timing(first_backoff=3600.0, longest_backoff=3600.0))
    assert stream_ended.wait(20.0)
    assert "finish opening" in str(stream_detail(provider)["lastError"])
    quote = provider.quote("AAPL", NOW)
    assert quote is not None
    assert quote.warnings == ("not_streamed",)


def test_daily_bars_end_with_the_last_complete_session(connect: Connect) -> None:
    bars = connect().bars("AAPL", "daily", "1y", NOW, adjusted=True)
    assert len(bars) == 252
    assert bars.as_of == datetime(2026, 3, 17, 20, 0, tzinfo=UTC)
    assert bars.close[-1] > 3.0, "the running candle must not count"
    assert [dividend.amount for dividend in bars.dividends] == [0.26]
    assert bars.adjusted
    assert "split_adjustment_not_stated" in bars.warnings


def test_history_is_shared_between_periods(server: TastytradeServer, connect: Connect) -> None:
    provider = connect()
    year = provider.bars("AAPL", "daily", "1y", NOW, adjusted=True)
    quarter = provider.bars("AAPL", "daily", "3mo", NOW, adjusted=False)
    weekly = provider.bars("AAPL", "weekly", "1y", NOW, adjusted=True)
    assert len(weekly) < len(quarter) < len(year)
    assert "unadjusted_bars_unavailable" in quarter.warnings
    assert server.subscribed("Candle") == [AAPL_CANDLES]
    server.wait(lambda it: any("remove" in message for message in it.stream_log))


def test_five_minute_bars_are_complete_ones(connect: Connect) -> None:
    bars = connect().bars("AAPL", "intraday", "5d", NOW, adjusted=True)
    assert int(bars.timestamps[-1]) == int(NOW.timestamp()) - 300
    assert bars.as_of == NOW


def test_a_part_of_a_history_is_not_given_for_the_whole(
    server: TastytradeServer, connect: Connect
) -> None:
    server.candles_without_end = True
    provider = connect(candles=0.3)
    with pytest.raises(ProviderTimeoutError):
        provider.bars("AAPL", "daily", "1y", NOW, adjusted=True)
    server.candles_without_end = False
    assert len(provider.bars("AAPL", "daily", "1y", NOW, adjusted=True)) == 252


def test_no_history(connect: Connect) -> None:
    provider = connect()
    with pytest.raises(SymbolNotFoundError):
        provider.bars("NOPE", "daily", "1y", NOW, adjusted=True)
    with pytest.raises(InsufficientDataError):
        provider.bars("BULK1", "daily", "1y", NOW, adjusted=True)


def test_contracts_that_the_stream_does_not_feed_come_over_rest(
    server: TastytradeServer, connect: Connect
) -> None:
    server.silent_symbols = {PUT}
    provider = connect(live=3.0)
    fed(server, provider)
    chain = provider.chain("AAPL", NOW)
    assert chain is not None
    assert (chain.bid > 0.0).all()
    assert server.chunks == [1, 1], "the underlying, and the one contract"


def test_a_moment_of_the_past_has_closes_and_no_present(connect: Connect) -> None:
    provider = connect()
    then = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
    quote = provider.quote("AAPL", then)
    assert quote is not None
    assert quote.as_of == datetime(2026, 3, 9, 20, 0, tzinfo=UTC)
    assert quote.bid is None
    assert provider.chain("AAPL", then) is None
    assert not provider.earnings("AAPL", then).known
    assert provider.metrics("AAPL", then).iv_rank is None


def test_a_stream_that_is_down_leaves_the_rest_in_peace(
    server: TastytradeServer, connect: Connect, stream_ended: threading.Event
) -> None:
    server.never_authorise = True
    provider = connect(timing=with_timing(handshake=0.05))
    assert stream_ended.wait(20)
    for number in range(6):
        with pytest.raises((ProviderUnavailableError, ProviderTimeoutError)):
            provider.bars(f"BULK{number}", "daily", "1y", NOW, adjusted=True)
    assert provider.knows("AAPL")
    assert provider.quote("AAPL", NOW) is not None
    assert provider.state(NOW).ready


def test_subscriptions_are_bounded_and_rest_answers_beyond(
    server: TastytradeServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = connect()
    fed(server, provider)
    held = stream_detail(provider)["subscriptions"]
    monkeypatch.setattr("ttai_analysis.providers.tastytrade.stream.MAX_WANTED", held)
    quote = provider.quote("SPY", NOW)
    assert quote is not None
    assert "not_streamed" in quote.warnings
    assert stream_detail(provider)["subscriptions"] == held
