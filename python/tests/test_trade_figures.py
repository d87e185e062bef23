"""Figures of whole trades: those printed together agree, and say what they are of."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from helpers import NOW, Client, chain_body, one_expiry_chain

from ttai_analysis.options.contracts import contracts_of
from ttai_analysis.options.odds import probability_of_touch, probability_of_touching_either
from ttai_analysis.options.trades import covered_call
from ttai_analysis.options.words import FAULTS
from ttai_analysis.providers.base import Chain
from ttai_analysis.quality import FORBIDDING
from ttai_analysis.timestamps import format_rfc3339

OPTIONS = "/analyze/options"
AS_OF = format_rfc3339(NOW)
GREEKS = ("delta", "gamma", "thetaPerDay", "vegaPerPoint")
SPREADS = ("bull_put_spread", "bear_call_spread", "iron_condor")


def _both(one: Chain, other: Chain) -> Chain:
    """One chain of two."""

    def joined(name: str) -> Any:
        return np.concatenate([getattr(one, name), getattr(other, name)])

    return replace(
        one,
        expiry=joined("expiry"),
        strike=joined("strike"),
        is_call=joined("is_call"),
        bid=joined("bid"),
        ask=joined("ask"),
        open_interest=joined("open_interest"),
        volume=joined("volume"),
    )


def _options(client: Client, chain: Chain | None = None, **more: Any) -> dict[str, Any]:
    body = {"symbol": "AAPL", "earnings": {"date": None}, "asOf": AS_OF, **more}
    if chain is not None:
        body["optionChain"] = chain_body(chain)
    return client.answer(OPTIONS, body)


@pytest.mark.parametrize("strategy", ["csp", *SPREADS])
def test_the_ratio_to_realised_volatility_is_of_the_expiry_sold(
    client: Client, strategy: str
) -> None:
    """Thirty days are dearer here than the sixty that are sold."""
    chain = _both(one_expiry_chain(dte=30, iv=0.6), one_expiry_chain(dte=58, iv=0.3))
    told = {"indicators": {"hv20": 0.25}}
    found = _options(
        client, chain, strategy=strategy, chartContext=told, constraints={"dteMin": 50}
    )
    assert found["atmIv"] == pytest.approx(0.3, abs=0.01)
    assert found["ivHvRatio"] == pytest.approx(found["atmIv"] / 0.25, abs=1e-5)
    assert found["vrp"] == pytest.approx(found["atmIv"] - 0.25, abs=1e-5)
    rule = next(item for item in found["evidence"] if item["rule"] == "implied_over_realised")
    assert rule["value"] == pytest.approx(min(1.0, (found["ivHvRatio"] - 0.9) / 0.3), abs=1e-5)


@pytest.mark.parametrize("strategy", ["csp", "covered_call", "iron_condor"])
def test_chain_and_option_analysis_expect_the_same_move(client: Client, strategy: str) -> None:
    sold = _options(client, strategy=strategy)
    assert sold["recommendation"] == "select"
    chain = client.answer("/option-chain", {"symbol": "AAPL", "asOf": AS_OF})
    row = next(r for r in chain["expirations"] if r["expiration"] == sold["bestExpiration"])
    assert sold["atmIv"] == row["atTheMoneyIv"]
    assert sold["expectedMove"] == row["expectedMove"]


def test_the_expected_move_of_the_last_minute_is_small(client: Client) -> None:
    """A Friday a minute before the close: what is left is a minute, not a day."""
    at = NOW.replace(day=13, hour=19, minute=59)
    chain = client.answer(
        "/option-chain", {"symbol": "AAPL", "asOf": format_rfc3339(at), "dteMax": 0}
    )
    row = chain["expirations"][0]
    expected = chain["underlyingPrice"] * row["atTheMoneyIv"] * np.sqrt(1.0 / 525_600.0)
    assert row["expectedMove"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("strategy", SPREADS)
def test_a_package_has_its_own_market_and_greeks(client: Client, strategy: str) -> None:
    """As one thing that is sold: what its legs sum to, sold less bought."""
    found = _options(client, one_expiry_chain(), strategy=strategy)
    sold = [leg for leg in found["legs"] if leg["action"] == "sell"]
    bought = [leg for leg in found["legs"] if leg["action"] == "buy"]

    def total(legs: list[dict[str, Any]], name: str) -> float:
        return float(sum(leg[name] for leg in legs))

    bid, ask = total(sold, "bid") - total(bought, "ask"), total(sold, "ask") - total(bought, "bid")
    assert (found["bid"], found["ask"]) == (pytest.approx(bid), pytest.approx(ask))
    assert found["premium"] == pytest.approx(bid)
    assert found["mid"] == pytest.approx((bid + ask) / 2)
    assert found["spreadPct"] == pytest.approx(100 * (ask - bid) / found["mid"], abs=1e-4)
    assert found["delta"] == pytest.approx(total(sold, "delta") - total(bought, "delta"), abs=5e-6)
    contracts = contracts_of(one_expiry_chain(), NOW, 0.04)
    for name, column in (("gamma", contracts.gamma), ("vegaPerPoint", contracts.vega_per_point),
                         ("thetaPerDay", contracts.theta_per_day)):  # fmt: skip
        net = sum(
            (1 if leg["action"] == "sell" else -1) * column[_row(contracts.chain, leg)]
            for leg in found["legs"]
        )
        assert found[name] == pytest.approx(net, rel=0.02)


def _row(chain: Chain, leg: dict[str, Any]) -> int:
    rows = (chain.strike == leg["strike"]) & (chain.is_call == (leg["right"] == "call"))
    return int(np.flatnonzero(rows)[0])


def test_the_odds_of_a_condor_are_of_either_side(client: Client) -> None:
    chain = one_expiry_chain()
    found = _options(client, chain, strategy="iron_condor")
    contracts = contracts_of(chain, NOW, 0.04)
    rows = [_row(chain, leg) for leg in found["legs"] if leg["action"] == "sell"]
    each = [float(contracts.prob_itm[row]) for row in rows]
    assert found["probItm"] == pytest.approx(sum(each), rel=0.01)
    touches = [float(contracts.prob_touch[row]) for row in rows]
    assert max(touches) < found["probTouch"] <= sum(touches)
    assert found["probTouch"] > found["probItm"]


def test_the_odds_of_a_vertical_are_of_its_short_strike(client: Client) -> None:
    chain = one_expiry_chain()
    found = _options(client, chain, strategy="bull_put_spread")
    contracts = contracts_of(chain, NOW, 0.04)
    row = _row(chain, found["legs"][0])
    assert found["probItm"] == pytest.approx(float(contracts.prob_itm[row]), rel=0.01)
    assert found["probTouch"] == pytest.approx(float(contracts.prob_touch[row]), rel=0.01)


def test_the_least_of_the_sold_contracts_tells_the_liquidity(client: Client) -> None:
    chain = one_expiry_chain()
    interest = np.where(chain.is_call, 300.0, 900.0)
    found = _options(client, replace(chain, open_interest=interest), strategy="iron_condor")
    assert (found["openInterest"], found["liquidityScore"]) == (300.0, "fair")


@pytest.mark.parametrize(("lower", "upper"), [(90.0, 110.0), (97.0, 103.0), (60.0, 104.0)])
def test_touching_either_level_is_as_likely_as_paths_say(lower: float, upper: float) -> None:
    """Against a walk with the share of each step's bridge that crosses a level unseen."""
    spot, t, r, q, volatility = 100.0, 0.12, 0.05, 0.01, 0.3
    steps, paths = 200, 20_000
    random = np.random.default_rng(4)
    dt = t / steps
    moves = random.normal((r - q - 0.5 * volatility**2) * dt, volatility * np.sqrt(dt),
                          (paths, steps))  # fmt: skip
    walk = np.concatenate([np.zeros((paths, 1)), np.cumsum(moves, axis=1)], axis=1)
    survival = np.ones(paths)
    for level in (np.log(lower / spot), np.log(upper / spot)):
        away = (walk - level) * np.sign(-level)
        inside = np.maximum(away[:, :-1], 0.0) * np.maximum(away[:, 1:], 0.0)
        survival *= np.prod(1.0 - np.exp(-2.0 * inside / (volatility**2 * dt)), axis=1)
    found = probability_of_touching_either(lower, upper, spot, t, r, q, volatility)
    assert found == pytest.approx(1.0 - float(survival.mean()), abs=0.01)


def test_touching_either_of_two_levels_with_one_far_away_is_touching_the_other() -> None:
    one = float(probability_of_touch(95.0, 100.0, 0.1, 0.04, 0.0, 0.3))
    found = probability_of_touching_either(95.0, 1e6, 100.0, 0.1, 0.04, 0.0, 0.3)
    assert found == pytest.approx(one, abs=1e-12)
    assert probability_of_touching_either(95.0, 99.0, 100.0, 0.1, 0.04, 0.0, 0.3) == 1.0


@pytest.mark.parametrize(("dte", "close_at"), [(23, None), (28, None), (30, 21), (44, 21)])
def test_a_short_trade_is_not_closed_as_soon_as_it_is_opened(
    client: Client, dte: int, close_at: int | None
) -> None:
    day = NOW + timedelta(days=dte)
    found = _options(client, one_expiry_chain(dte=dte))
    assert (found["dte"], found["bestExpiration"]) == (dte, day.date().isoformat())
    assert found["management"]["closeAtDte"] == close_at
    assert ("too short to close" in found["optionsNotes"]) == (close_at is None)


WORDS = [
    ({"minOpenInterest": 1e8}, "open interest"),
    ({"minBid": 1e6}, "bid"),
    ({"maxCapital": 1.0}, "capital"),
    ({"minDelta": 0.001, "maxDelta": 0.001}, "delta"),
    ({"dteMin": 900, "dteMax": 900}, "days to expiry"),
    ({"minWeeklyRocPct": 500.0}, "return"),
]


@pytest.mark.parametrize(("limits", "words"), WORDS, ids=str)
def test_the_rationale_says_in_words_why_nothing_passes(
    client: Client, limits: dict[str, float], words: str
) -> None:
    found = _options(client, one_expiry_chain(), constraints=limits)
    assert words in found["rationale"]
    assert "_" not in found["rationale"]
    assert found["rejectReasons"][0] == "no_candidate"


def test_bad_data_and_reports_are_told_in_words_too(client: Client) -> None:
    chain = chain_body(one_expiry_chain()) | {
        "quality": {"warnings": ["served_from_cache_after_failure"]}
    }
    day = (NOW + timedelta(days=5)).date().isoformat()
    body = {"symbol": "KMI", "optionChain": chain, "earnings": {"date": day}, "asOf": AS_OF}
    told = client.answer(OPTIONS, body)
    assert told["rejectReasons"] == ["earnings_inside_dte", "served_from_cache_after_failure"]
    assert "_" not in told["rationale"]
    assert "report" in told["rationale"]


STOPPED = [
    ("csp", {"costBasis": 1.0, "constraints": {"maxCapital": 1.0}}, "stopped_by_capital"),
    ("covered_call", {"costBasis": 999.0}, "stopped_by_basis"),
    ("bull_put_spread", {"spreadWidth": 500.0}, "stopped_by_wing"),
    ("bull_put_spread", {"constraints": {"minBid": 1.3}}, "stopped_by_credit"),
    ("iron_condor", {"constraints": {"maxCapital": 1.0}}, "stopped_by_capital"),
]


@pytest.mark.parametrize(("strategy", "more", "reason"), STOPPED, ids=str)
def test_the_gate_that_stopped_the_last_is_named_first(
    client: Client, strategy: str, more: dict[str, Any], reason: str
) -> None:
    found = _options(client, one_expiry_chain(), strategy=strategy, **more)
    assert found["rejectReasons"][:2] == ["no_candidate", reason]


def test_of_a_condors_sides_the_one_that_has_none_is_named(client: Client) -> None:
    chain = one_expiry_chain()
    thin = np.where(~chain.is_call & (chain.strike < 93.0), 5.0, 1000.0)
    bid, ask = np.where(chain.is_call, 0.0, chain.bid), chain.ask
    found = _options(
        client, replace(chain, bid=bid, ask=ask, open_interest=thin), strategy="iron_condor"
    )
    assert found["rejectReasons"][:2] == ["no_candidate", "stopped_by_bid"]


@pytest.mark.parametrize("basis", [80.0, 101.0])
def test_a_covered_call_stands_on_one_basis(client: Client, basis: float) -> None:
    found = _options(client, one_expiry_chain(), strategy="covered_call", costBasis=basis)
    credit, strike = found["premium"], found["bestStrike"]
    assert found["capitalRequired"] == pytest.approx(100 * basis)
    assert found["rocPct"] == pytest.approx(100 * credit / basis, abs=1e-5)
    assert found["ifCalledPct"] == pytest.approx(100 * (strike - basis + credit) / basis, abs=1e-5)
    assert found["maxProfit"] == pytest.approx(100 * (strike - basis + credit))
    assert found["breakeven"] == pytest.approx(basis - credit)
    limits = {"maxCapital": 100 * basis - 1.0}
    stopped = _options(
        client, one_expiry_chain(), strategy="covered_call", costBasis=basis, constraints=limits
    )
    assert stopped["recommendation"] == "reject"
    contracts = contracts_of(one_expiry_chain(), NOW, 0.04)
    assert covered_call(contracts, _row(contracts.chain, found["legs"][0]), None).capital == 1e4


def test_the_rationale_of_a_spread_names_its_legs(client: Client) -> None:
    found = _options(client, one_expiry_chain(), strategy="iron_condor")
    for leg in found["legs"]:
        assert f"{leg['action']} {leg['strike']:g} {leg['right']}" in found["rationale"]
    assert "-0.00" not in found["rationale"]
    put = _options(client, one_expiry_chain())
    assert f"AAPL: {put['bestStrike']:g} expiring" in put["rationale"]


def test_each_fault_that_forbids_a_trade_has_words() -> None:
    assert set(FAULTS) == FORBIDDING
