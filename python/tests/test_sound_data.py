"""Data that cannot be trusted: the rules of chart/faults.py and options/chain_faults.py, one by
one, on bars and chains that callers send. (What providers tell: test_fault_provider.py.)"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from helpers import AT_100, NOW, Client, chain_body, input_bars, one_expiry_chain, series_of

from ttai_analysis.chart.faults import bar_faults, without_unfinished
from ttai_analysis.market.faults import quote_faults
from ttai_analysis.options.chain_faults import sound_chain, sound_contracts
from ttai_analysis.options.contracts import contracts_of
from ttai_analysis.providers.base import Quote
from ttai_analysis.quality import forbidding
from ttai_analysis.timestamps import format_rfc3339, ordinal_of

OPTIONS = "/analyze/options"
SELECTS = {"symbol": AT_100, "earnings": {"date": None}}


def _options(client: Client, chain: dict[str, Any], **more: Any) -> dict[str, Any]:
    return client.answer(OPTIONS, {**SELECTS, "optionChain": chain, **more})


def test_the_clean_chain_is_sold(client: Client) -> None:
    assert _options(client, chain_body(one_expiry_chain()))["recommendation"] == "select"


@pytest.mark.parametrize(
    ("age", "stale"),
    [(timedelta(days=8), True), (timedelta(minutes=21), True), (timedelta(minutes=16), False)],
)
def test_in_a_session_a_chain_is_of_the_last_minutes(
    client: Client, age: timedelta, stale: bool
) -> None:
    chain = chain_body(one_expiry_chain()) | {"asOf": format_rfc3339(NOW - age)}
    found = _options(client, chain, asOf=format_rfc3339(NOW))
    assert found["recommendation"] == ("reject" if stale else "select")
    assert found["rejectReasons"] == (["stale_chain"] if stale else [])
    assert found["quality"]["stale"] is stale
    assert found["bestStrike"] is not None, "the figures are shown all the same"


@pytest.mark.parametrize(("hour", "warnings"), [(20, []), (17, ["stale_chain"])])
def test_outside_sessions_a_chain_reaches_up_to_the_last_close(
    hour: int, warnings: list[str]
) -> None:
    friday, sunday = date(2026, 3, 13), datetime(2026, 3, 15, 12, tzinfo=UTC)
    taken = datetime(friday.year, friday.month, friday.day, hour, tzinfo=UTC)
    chain = replace(one_expiry_chain(), as_of=taken, bid=one_expiry_chain().bid + 0.01)
    assert [w for w in sound_chain(chain, "TEST", sunday)[1] if "stale" in w] == warnings


@pytest.mark.parametrize("factor", [3.0, 0.5, 1.04, 0.96])
def test_a_price_of_the_underlying_that_parity_refutes(client: Client, factor: float) -> None:
    chain = chain_body(one_expiry_chain())
    found = _options(client, chain, underlyingPrice=100.0 * factor)
    assert found["recommendation"] == "reject"
    assert "spot_mismatch" in found["rejectReasons"]
    assert _options(client, chain, underlyingPrice=101.0)["rejectReasons"] == []


def test_volatilities_that_come_with_a_chain_are_not_used(client: Client) -> None:
    chain = one_expiry_chain()
    plain = _options(client, chain_body(chain))
    given = _options(client, chain_body(chain, impliedVolatility="garbage"))
    assert "provider_iv_ignored" in given["quality"]["warnings"]
    assert given["iv"] == plain["iv"]
    assert given["recommendation"] == "select"


def test_saturday_expiries_were_real_until_2015() -> None:
    saturday = date(2014, 3, 22)
    as_of = datetime(2014, 2, 5, 16, tzinfo=UTC)
    chain = one_expiry_chain()
    old = replace(chain, as_of=as_of, expiry=np.full(len(chain), ordinal_of(saturday)))
    kept, warnings = sound_chain(old, "TEST", as_of)
    assert len(kept) == len(chain)
    assert not any(warning.startswith("saturday") for warning in warnings)


def test_contracts_that_come_twice_are_left_out() -> None:
    chain = one_expiry_chain()
    strike = chain.strike.copy()
    strike[1] = strike[0]
    kept, warnings = sound_chain(replace(chain, strike=strike), "TEST", NOW)
    assert len(kept) == len(chain) - 2
    assert "duplicate_contracts:2" in warnings
    assert "unreliable_chain" not in warnings


def _walk(n: int, seed: int = 4) -> np.ndarray:
    return np.asarray(100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.012, n))))


def test_a_real_fall_is_no_split_and_no_bad_tick() -> None:
    close = _walk(200)
    close[150:] *= 0.72
    series = series_of(close)
    as_of = datetime.fromtimestamp(int(series.timestamps[-1]) + 86_400, UTC)
    codes = bar_faults(series, "daily", as_of, adjusted=True, has_splits=False)
    assert not [code for code in codes if code.startswith("suspected")]


def test_a_bar_in_progress_is_not_used() -> None:
    series = series_of(_walk(100))
    noon = datetime.fromtimestamp(int(series.timestamps[-1]) + 16 * 3600, UTC)
    cut, warnings = without_unfinished(series, "daily", noon)
    assert (len(cut), warnings) == (99, ["live_bar_dropped"])
    evening = noon + timedelta(hours=6)
    assert without_unfinished(series, "daily", evening) == (series, [])


def test_unadjusted_bars_that_a_caller_sends_reject(client: Client) -> None:
    bars = input_bars(series_of(_walk(300)))
    body = {"symbol": "AAPL", "marketData": {"bars": bars, "adjusted": False}}
    assert "unadjusted_prices" in client.answer("/analyze/chart", body)["rejectReasons"]


@pytest.mark.parametrize(
    ("strategy", "upper"),
    [("csp", False), ("covered_call", False), ("bull_put_spread", False),
     ("bear_call_spread", False), ("iron_condor", True)],
)  # fmt: skip
def test_figures_and_their_signs(client: Client, strategy: str, upper: bool) -> None:
    found = _options(client, chain_body(one_expiry_chain()), strategy=strategy)
    assert found["recommendation"] == "select"
    assert (found["breakevenUpper"] is not None) == upper
    assert found["breakevenDistancePct"] > 0.0
    assert found["expectedMoveStraddle"] == pytest.approx(
        0.85 * 0.8 * 0.3 * 100.0 * np.sqrt(44 / 365), rel=0.03
    )
    assert found["forward"] == pytest.approx(100.0 * np.exp(0.04 * 44 / 365), rel=1e-3)
    assert found["vrp"] == pytest.approx(found["atmIv"] - found["hv20"], abs=2e-6)
    assert found["assignmentRisk"] == "low"
    weights = [rule["weight"] for rule in found["evidence"]]
    assert sum(weights) == pytest.approx(1.0)
    gate = next(rule for rule in found["evidence"] if rule["rule"] == "data_is_sound")
    assert (gate["pass"], gate["value"]) == (True, "sound")
    sold = [leg for leg in found["legs"] if leg["action"] == "sell"]
    assert all((leg["delta"] < 0) == (leg["right"] == "put") for leg in sold)
    assert found["thetaPerDay"] < 0 < found["vegaPerPoint"]
    assert found["maxProfit"] > 0
    assert found["maxLoss"] > 0


@pytest.mark.parametrize("endpoint", ["/analyze/chart", "/analyze/research"])
def test_the_weights_of_the_evidence_are_one(client: Client, endpoint: str) -> None:
    found = client.answer(endpoint, {"symbol": "MSFT"})
    assert sum(rule["weight"] for rule in found["evidence"]) == pytest.approx(1.0)
    assert all(
        {"rule", "value", "threshold", "pass", "weight"} <= set(r) for r in found["evidence"]
    )


QUOTE = Quote(
    symbol="X", price=100.0, bid=99.99, ask=100.01, volume=1e6, prev_close=99.0,
    as_of=NOW - timedelta(seconds=10), session="regular",
)  # fmt: skip


def _quote(**changes: Any) -> Quote:
    return replace(QUOTE, **changes)


FRIDAY_CLOSE = datetime(2026, 3, 13, 20, tzinfo=UTC)
EVENING, SUNDAY = FRIDAY_CLOSE + timedelta(hours=3), FRIDAY_CLOSE + timedelta(hours=40)
SIDES: list[tuple[str, float | None, float | None]] = [
    ("wide_quote", 90.0, 110.0),
    ("one_sided_quote", 99.0, None),
    ("no_live_quotes", 0.0, 0.0),
    ("crossed_quote", 101.0, 99.0),
]


@pytest.mark.parametrize(("code", "bid", "ask"), SIDES)
def test_in_a_session_a_market_that_is_none_forbids(
    code: str, bid: float | None, ask: float | None
) -> None:
    for session in ("regular", "pre", "post"):
        quote = _quote(bid=bid, ask=ask, session=session)
        assert quote_faults("X", quote, NOW, 100.0, trading=True) == [code]


@pytest.mark.parametrize(("code", "bid", "ask"), SIDES)
@pytest.mark.parametrize(("as_of", "session"), [(EVENING, "post"), (SUNDAY, "closed")])
def test_outside_a_session_the_last_trade_is_the_price_whatever_is_quoted(
    as_of: datetime, session: str, code: str, bid: float | None, ask: float | None
) -> None:
    quote = _quote(bid=bid, ask=ask, session=session, as_of=FRIDAY_CLOSE)
    found = quote_faults("X", quote, as_of, 100.0, trading=True)
    assert found == [f"closed_market_quote:{code}"]
    assert forbidding(found) == []
    of_a_session = replace(quote, session="regular")
    assert quote_faults("X", of_a_session, as_of, 100.0, trading=True) == [code]


@pytest.mark.parametrize(("minutes", "stale"), [(16, False), (20, False), (21, True)])
def test_delayed_data_with_its_time_in_a_cache_is_not_stale(minutes: int, stale: bool) -> None:
    """Usually 15 minutes late, and up to 5 in a cache."""
    told = NOW - timedelta(minutes=minutes)
    quote = quote_faults("X", _quote(as_of=told), NOW, 100.0, trading=True)
    chain = sound_chain(replace(one_expiry_chain(), as_of=told), "TEST", NOW)[1]
    assert ("stale_quote" in quote, "stale_chain" in chain) == (stale, stale)


def test_calls_and_puts_that_contradict_each_other() -> None:
    honest = contracts_of(one_expiry_chain(), NOW, 0.04)
    assert sound_contracts(honest, None)[1] == ["sub_intrinsic:1"]
    chain = honest.chain
    for factor in (1.3, 0.7):
        dear = np.where(chain.is_call, 1.0, factor)
        wrong = replace(chain, bid=chain.bid * dear, ask=chain.ask * dear)
        codes = sound_contracts(contracts_of(wrong, NOW, 0.04), None)[1]
        assert any(code.startswith("parity_violated:") for code in codes), factor
        assert "unreliable_chain" in codes


def test_one_contradicting_strike_is_counted_and_condemns_nothing() -> None:
    chain = one_expiry_chain()
    row = np.flatnonzero(~chain.is_call & (chain.strike == 102.5))[0]
    bid, ask = chain.bid.copy(), chain.ask.copy()
    bid[row], ask[row] = bid[row] + 3.0, ask[row] + 3.0
    wrong = contracts_of(replace(chain, bid=bid, ask=ask), NOW, 0.04)
    judged, found = sound_contracts(wrong, None)
    assert "parity_violated:1" in found
    assert "unreliable_chain" not in found
    assert np.isnan(judged.iv[chain.strike == 102.5]).all(), "which of the two is wrong is unknown"
