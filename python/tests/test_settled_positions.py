"""Positions whose options have expired: their last close counts, not today's price."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from helpers import Client, client_for

from ttai_analysis.settings import Settings
from ttai_analysis.timestamps import from_epoch

PATH = "/positions/evaluate"
EXPIRED = date(2026, 2, 20)
NO_FLAGS = {"takeProfit": None, "closeByDte": None, "tested": None, "testedBy": None}


def _leg(right: str, strike: float, expiration: str, quantity: float = -1) -> dict[str, Any]:
    return {
        "right": right,
        "strike": strike,
        "expiration": expiration,
        "quantity": quantity,
        "openPrice": 1.0,
    }


def _value(client: Client, symbol: str, *legs: dict[str, Any]) -> dict[str, Any]:
    body = {"positions": [{"id": "1", "symbol": symbol, "legs": list(legs)}]}
    found: dict[str, Any] = client.answer(PATH, body)["positions"][0]
    return found


def test_an_expired_option_is_worth_what_its_last_close_made_of_it(client: Client) -> None:
    data = client.answer("/market-data", {"symbol": "AAPL"})
    close = next(
        bar["close"] for bar in data["bars"] if from_epoch(bar["timestamp"]).date() == EXPIRED
    )
    # In the money then, out of it now.
    strike = round(0.5 * (close + data["lastPrice"]), 2)
    right = "put" if close < data["lastPrice"] else "call"
    found = _value(client, "AAPL", _leg(right, strike, EXPIRED.isoformat()))
    leg = found["legs"][0]
    assert (leg["valuation"], leg["inTheMoney"]) == ("expired", True)
    assert leg["price"] == leg["intrinsic"] == pytest.approx(abs(close - strike), abs=1e-6)
    assert found["pnl"] == pytest.approx(100.0 * (1.0 - abs(close - strike)))
    assert (found["assignmentRisk"], found["assignmentReasons"]) == (
        "high",
        ["expired_in_the_money"],
    )
    assert found["management"] == NO_FLAGS
    assert "expired:leg1" in found["warnings"]


def test_an_expired_leg_leaves_the_flags_to_the_others(client: Client) -> None:
    alive = _leg("put", 300.0, "2026-04-17")
    both = _value(client, "AAPL", _leg("put", 900.0, EXPIRED.isoformat()), alive)
    alone = _value(client, "AAPL", alive)
    assert (both["dte"], both["expiration"]) == (alone["dte"], "2026-04-17")
    assert both["shortDelta"] == alone["shortDelta"]
    assert both["management"]["closeByDte"] is False
    assert both["management"]["tested"] == alone["management"]["tested"]


def _folder_with_a_split(folder: Path) -> Client:
    """100 on Friday the 18th of December; two new shares for each old one on the 21st; then 60."""
    days = [date(2015, 12, day) for day in (14, 15, 16, 17, 18, 21, 22, 23)]
    lines = ["date,open,high,low,close,volume"]
    for day in days:
        price = 100.0 if day.day <= 18 else 60.0
        lines.append(f"{day},{price},{price},{price},{price},1000000")
    (folder / "bars" / "XYZ.csv").write_text("\n".join(lines))
    (folder / "splits.csv").write_text("symbol,date,numerator,denominator\nXYZ,2015-12-21,2,1\n")
    at = datetime(2015, 12, 23, 21, 0, tzinfo=UTC)
    return client_for(Settings(provider="files", data_dir=folder, as_of=at))


def test_a_split_after_the_expiry_does_not_move_its_close(folder: Path) -> None:
    client = _folder_with_a_split(folder)
    found = _value(client, "XYZ", _leg("put", 104.0, "2015-12-18"))
    assert found["legs"][0]["price"] == pytest.approx(4.0)


def test_without_that_close_nothing_is_known(folder: Path) -> None:
    client = _folder_with_a_split(folder)
    found = _value(client, "XYZ", _leg("put", 104.0, "2015-11-20"))
    leg = found["legs"][0]
    assert (leg["price"], leg["intrinsic"], leg["inTheMoney"]) == (None, None, None)
    assert (found["pnl"], found["assignmentRisk"]) == (None, "unknown")
    assert found["assignmentReasons"] == ["no_settlement_price"]
    assert {"expired:leg1", "no_settlement_price:leg1"} <= set(found["warnings"])


@pytest.mark.parametrize("expiration", ["1970-01-16", "2199-01-18", "2026-04-18", "2026-04-19"])
def test_expiries_that_cannot_be_are_refused(client: Client, expiration: str) -> None:
    body = {"positions": [{"id": "1", "symbol": "AAPL", "legs": [_leg("put", 300.0, expiration)]}]}
    response = client.post(PATH, body)
    assert response.status_code == 400
    assert "expiration" in response.json()["error"]["message"]


def test_contracts_are_whole(client: Client) -> None:
    body = {
        "positions": [
            {"id": "1", "symbol": "AAPL", "legs": [_leg("put", 300.0, "2026-04-17", -1.5)]}
        ]
    }
    response = client.post(PATH, body)
    assert response.status_code == 400
    assert "whole" in response.json()["error"]["message"]


def test_shares_may_be_parts(client: Client) -> None:
    stock = {"kind": "stock", "quantity": 1.5, "openPrice": 100.0}
    assert _value(client, "AAPL", stock)["structure"] == "stock"
