"""/positions/evaluate: values, payoffs, structures, assignment, and what is not known."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from helpers import Client, error_of
from hypothesis import given
from hypothesis import strategies as st

from ttai_analysis.models.positions import LegValue, PositionLeg
from ttai_analysis.positions.assignment import assignment_risk
from ttai_analysis.positions.payoff import leg_intrinsic, multiplier, open_value, payoff
from ttai_analysis.positions.structure import structure_of

PATH = "/positions/evaluate"
EXPIRY = date(2026, 4, 17)


def put(strike: float, quantity: float, price: float = 1.0, expiry: date = EXPIRY) -> PositionLeg:
    return PositionLeg(
        right="P", strike=strike, expiration=expiry, quantity=quantity, open_price=price
    )


def call(strike: float, quantity: float, price: float = 1.0, expiry: date = EXPIRY) -> PositionLeg:
    return PositionLeg(
        right="C", strike=strike, expiration=expiry, quantity=quantity, open_price=price
    )


def stock(quantity: float, price: float = 100.0) -> PositionLeg:
    return PositionLeg(kind="stock", quantity=quantity, open_price=price)


@pytest.mark.parametrize(
    ("name", "legs"),
    [
        ("stock", [stock(100)]),
        ("short_put", [put(95, -1)]),
        ("short_call", [call(105, -1)]),
        ("long_option", [put(95, 1)]),
        ("covered_call", [stock(200), call(105, -2)]),
        ("other", [stock(100), call(105, -2)]),
        ("bull_put_spread", [put(90, 1), put(95, -1)]),
        ("bear_call_spread", [call(105, -1), call(110, 1)]),
        ("other", [put(90, -1), put(95, 1)]),
        ("other", [put(90, 1), put(95, -2)]),
        ("other", [put(90, 1), put(95, -1, expiry=date(2026, 5, 15))]),
        ("iron_condor", [call(110, 1), put(90, 1), call(105, -1), put(95, -1)]),
    ],
)
def test_structures_have_their_names(name: str, legs: list[PositionLeg]) -> None:
    assert structure_of(legs) == name


def test_payoffs_of_the_usual_structures() -> None:
    csp = payoff([put(95, -1, 2.0)])
    assert csp is not None
    assert (csp.max_profit, csp.max_loss, csp.breakevens) == (200.0, 9300.0, (93.0,))
    naked = payoff([call(105, -1, 2.0)])
    assert naked is not None
    assert (naked.max_profit, naked.max_loss, naked.breakevens) == (200.0, None, (107.0,))
    condor = payoff([put(90, 1, 0.5), put(95, -1, 1.5), call(105, -1, 1.5), call(110, 1, 0.5)])
    assert condor is not None
    assert (condor.max_profit, condor.max_loss, condor.breakevens) == (200.0, 300.0, (93.0, 107.0))
    covered = payoff([stock(100, 98.0), call(105, -1, 2.0)])
    assert covered is not None
    assert (covered.max_profit, covered.max_loss, covered.breakevens) == (900.0, 9600.0, (96.0,))
    assert payoff([put(90, 1), put(95, -1, expiry=date(2026, 5, 15))]) is None


legs_of_one_expiry = st.lists(
    st.builds(
        lambda is_call, strike, quantity, price: (call if is_call else put)(
            strike, quantity, price
        ),
        st.booleans(),
        st.sampled_from([80.0, 90.0, 95.0, 100.0, 105.0, 120.0]),
        st.sampled_from([-3.0, -1.0, 1.0, 2.0]),
        st.sampled_from([0.0, 0.25, 1.5, 7.0]),
    ),
    min_size=1,
    max_size=5,
)


@given(legs=legs_of_one_expiry, shares=st.sampled_from([None, -100.0, 100.0, 300.0]))
def test_payoffs_equal_those_of_every_price(legs: list[PositionLeg], shares: float | None) -> None:
    position = [*legs, *([stock(shares)] if shares else [])]
    found = payoff(position)
    assert found is not None

    def result(price: float) -> float:
        worth = sum(leg.quantity * multiplier(leg) * leg_intrinsic(leg, price) for leg in position)
        return worth - open_value(position)

    results = [result(price) for price in np.arange(0.0, 400.0, 2.5)]
    far, farther = result(1e5), result(2e5)
    if found.max_profit is None:
        assert farther > far
    else:
        assert found.max_profit == pytest.approx(max(results))
    if found.max_loss is None:
        assert farther < far
    else:
        assert found.max_loss == pytest.approx(max(0.0, -min(results)))
    for price in found.breakevens:
        assert result(price) == pytest.approx(0.0, abs=1e-6 * max(1.0, price))


def _chain(client: Client) -> tuple[float, list[dict[str, Any]]]:
    chain = client.answer("/option-chain", {"symbol": "AAPL", "dteMin": 25, "dteMax": 35})
    return chain["underlyingPrice"], chain["options"]


def _leg(row: dict[str, Any], quantity: float, price: float) -> dict[str, Any]:
    return {
        "right": row["right"],
        "strike": row["strike"],
        "expiration": row["expiration"],
        "quantity": quantity,
        "openPrice": price,
    }


def test_a_short_put_is_valued_at_the_mid_with_live_greeks(client: Client) -> None:
    spot, rows = _chain(client)
    row = next(x for x in rows if x["right"] == "put" and x["delta"] and -0.35 < x["delta"] < -0.25)
    body = {"id": "a", "symbol": "AAPL", "legs": [_leg(row, -2, 2 * row["mid"])]}
    found = client.answer(PATH, {"positions": [body]})["positions"][0]
    assert found["structure"] == "short_put"
    assert found["marketValue"] == pytest.approx(-200 * row["mid"])
    assert found["pnl"] == pytest.approx(200 * row["mid"])
    assert found["profitCapturedPct"] == pytest.approx(50.0)
    assert found["shortDelta"] == pytest.approx(-row["delta"])
    assert found["delta"] == pytest.approx(-200 * row["delta"])
    assert found["thetaPerDay"] == pytest.approx(-200 * row["thetaPerDay"], rel=1e-5)
    assert found["dte"] == row["dte"]
    assert found["management"] == {
        "takeProfit": True,
        "closeByDte": False,
        "tested": False,
        "testedBy": None,
    }
    assert found["assignmentRisk"] == "low"
    assert found["underlyingPrice"] == spot


def test_a_price_of_the_caller_moves_the_greeks(client: Client) -> None:
    spot, rows = _chain(client)
    row = next(x for x in rows if x["right"] == "put" and x["delta"] and -0.35 < x["delta"] < -0.25)
    body = {"id": "a", "symbol": "AAPL", "legs": [_leg(row, -1, 1.0)]}
    request = {"positions": [body], "quotes": {"AAPL": {"price": 0.98 * spot}}}
    found = client.answer(PATH, request)["positions"][0]
    assert found["shortDelta"] > -row["delta"] + 0.02
    assert "price_from_request" in found["warnings"]


def test_what_is_not_known_is_null_and_named(client: Client) -> None:
    _, rows = _chain(client)
    row = rows[0] | {"expiration": "2026-04-16"}
    body = {"id": "a", "symbol": "AAPL", "legs": [_leg(row, -1, 1.0)]}
    found = client.answer(PATH, {"positions": [body]})["positions"][0]
    for name in ("marketValue", "pnl", "delta", "shortDelta", "thetaPerDay", "profitCapturedPct"):
        assert found[name] is None
    assert found["management"]["takeProfit"] is None
    assert "no_price:leg1" in found["warnings"]


def test_one_failure_is_one_positions(client: Client) -> None:
    positions = [
        {
            "id": "good",
            "symbol": "AAPL",
            "legs": [{"kind": "stock", "quantity": 5, "openPrice": 1}],
        },
        {"id": "bad", "symbol": "ZZZZ", "legs": [{"kind": "stock", "quantity": 5, "openPrice": 1}]},
    ]
    found = client.answer(PATH, {"positions": positions})
    assert [row["id"] for row in found["positions"]] == ["good"]
    assert found["errors"]["bad"]["code"] == "SYMBOL_NOT_FOUND"


@pytest.mark.parametrize(
    "change",
    [
        {"legs": []},
        {"legs": [{"kind": "stock", "quantity": 0, "openPrice": 1}]},
        {"legs": [{"kind": "stock", "quantity": 1, "openPrice": 1, "strike": 5}]},
        {"legs": [{"right": "P", "strike": 5, "quantity": 1, "openPrice": 1}]},
        {"legs": [{"kind": "stock", "quantity": 1, "openPrice": -1}]},
        {"id": ""},
    ],
    ids=str,
)
def test_wrong_positions_are_refused(client: Client, change: dict[str, Any]) -> None:
    good = {"id": "a", "symbol": "AAPL", "legs": [{"kind": "stock", "quantity": 1, "openPrice": 1}]}
    for positions in ([good | change], [good, good]):
        response = client.post(PATH, {"positions": positions})
        assert (response.status_code, error_of(response)["code"]) == (400, "VALIDATION_ERROR")


def leg_value(
    right: str, strike: float, spot: float, extrinsic: float | None, dte: int
) -> LegValue:
    intrinsic = max(0.0, spot - strike if right == "call" else strike - spot)
    price = None if extrinsic is None else intrinsic + extrinsic
    return LegValue(
        kind="option", right="call" if right == "call" else "put", strike=strike,
        expiration=EXPIRY, dte=dte, quantity=-1.0, bid=None, ask=None, price=price,
        valuation="quoted" if extrinsic is not None else "unknown", iv=0.3, delta=0.5,
        intrinsic=intrinsic, extrinsic=extrinsic, in_the_money=intrinsic > 0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("right", "strike", "extrinsic", "dte", "dividend", "expected"),
    [
        ("put", 90.0, 1.0, 30, None, ("low", [])),
        ("put", 110.0, 3.0, 30, None, ("moderate", ["in_the_money"])),
        ("put", 110.0, 0.2, 30, None, ("high", ["interest_exceeds_time_value"])),
        ("put", 110.0, 0.05, 1, None,
         ("high", ["in_the_money_at_expiry", "exercise_is_due", "no_time_value_left"])),
        ("put", 130.0, 0.01, 60, None,
         ("high", ["no_time_value_left", "interest_exceeds_time_value"])),
        ("put", 99.0, 0.5, 2, None, ("moderate", ["near_the_money_at_expiry"])),
        ("put", 110.0, None, 30, None, ("unknown", ["no_option_price"])),
        ("call", 90.0, 0.5, 30, 0.6, ("high", ["dividend_exceeds_time_value"])),
        ("call", 90.0, 0.7, 30, 0.6, ("moderate", ["in_the_money"])),
        ("call", 90.0, 0.7, 30, None, ("moderate", ["in_the_money", "dividend_unknown"])),
    ],
)  # fmt: skip
def test_assignment_follows_its_rules(
    right: str,
    strike: float,
    extrinsic: float | None,
    dte: int,
    dividend: float | None,
    expected: tuple[str, list[str]],
) -> None:
    leg = leg_value(right, strike, 100.0, extrinsic, dte)
    assert assignment_risk([leg], 100.0, 0.05, dividend, date(2026, 4, 1)) == expected


def test_a_dividend_to_come_lets_a_put_wait() -> None:
    leg = leg_value("put", 130.0, 100.0, 1.5, 60)
    assert assignment_risk([leg], 100.0, 0.05, 0.5, None) == (
        "high",
        ["exercise_is_due"],
    )
    assert assignment_risk([leg], 100.0, 0.05, 0.5, EXPIRY) == ("moderate", ["in_the_money"])


def test_on_its_ex_date_a_dividend_is_gone() -> None:
    leg = leg_value("call", 90.0, 100.0, 0.5, 30)
    today = EXPIRY - timedelta(days=30)
    for ex_date, level in ((today, "moderate"), (today + timedelta(days=1), "high")):
        assert assignment_risk([leg], 100.0, 0.05, 0.6, ex_date)[0] == level


def test_a_position_without_short_options_can_not_be_assigned() -> None:
    assert assignment_risk([], 100.0, 0.05, None, None) == ("none", [])


def test_a_price_that_the_chain_contradicts_values_no_option(client: Client) -> None:
    spot, rows = _chain(client)
    row = next(x for x in rows if x["right"] == "put" and x["delta"] and -0.35 < x["delta"] < -0.25)
    shares = {"kind": "stock", "quantity": 100, "openPrice": 1.0}
    body = {"id": "a", "symbol": "AAPL", "legs": [_leg(row, -1, 1.0), shares]}
    request = {"positions": [body], "quotes": {"AAPL": {"price": 0.5 * spot}}}
    found = client.answer(PATH, request)["positions"][0]
    assert {"spot_mismatch", "price_from_request"} <= set(found["warnings"])
    option, stock_row = found["legs"]
    assert stock_row["price"] == pytest.approx(0.5 * spot)
    for name in ("price", "iv", "delta", "intrinsic", "extrinsic", "inTheMoney"):
        assert option[name] is None
    for name in ("marketValue", "pnl", "delta", "shortDelta", "thetaPerDay"):
        assert found[name] is None
    assert (found["assignmentRisk"], found["assignmentReasons"]) == ("unknown", ["spot_mismatch"])
    assert found["management"]["tested"] is None


def test_stock_alone_has_nothing_to_do_with_its_chain(client: Client) -> None:
    _, rows = _chain(client)
    shares = {"kind": "stock", "quantity": 100, "openPrice": 1.0}
    alone = {"id": "a", "symbol": "AAPL", "legs": [shares]}
    other = {"id": "b", "symbol": "AAPL", "legs": [_leg(rows[0], -1, 1.0)]}
    found = client.answer(PATH, {"positions": [alone, other]})["positions"]
    assert found[0]["warnings"] == []
    assert any(warning.startswith("one_sided_quotes") for warning in found[1]["warnings"])


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        (None, True),
        ("2026-02-20T15:00:00Z", True),
        ("2026-03-17T15:00:00Z", False),
        ("2026-03-06T15:00:00Z", False),
        ("2026-03-05T15:00:00Z", True),
    ],
)
def test_a_trade_that_began_late_is_not_closed_at_once(
    client: Client, opened: str | None, expected: bool
) -> None:
    """16 days are left; 42, 17, 28 and 29 were at the opening."""
    leg = {"right": "P", "strike": 300.0, "expiration": "2026-04-03", "quantity": -1}
    body: dict[str, Any] = {"id": "a", "symbol": "AAPL", "legs": [{**leg, "openPrice": 1.0}]}
    if opened is not None:
        body["openedAt"] = opened
    found = client.answer(PATH, {"positions": [body]})["positions"][0]
    assert found["dte"] == 16
    assert found["management"]["closeByDte"] is expected
