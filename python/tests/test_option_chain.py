"""/option-chain: contracts within bounds, and a chain that can be sent on."""

from helpers import Client, error_of


def test_contracts_are_within_the_bounds_and_in_order(client: Client) -> None:
    found = client.answer(
        "/option-chain",
        {"symbol": "AAPL", "right": "put", "dteMin": 20, "dteMax": 50, "maxStrike": 310},
    )
    rows = found["options"]
    assert rows
    assert all(row["right"] == "put" and 20 <= row["dte"] <= 50 for row in rows)
    assert all(row["strike"] <= 310 for row in rows)
    order = [(row["expiration"], row["strike"]) for row in rows]
    assert order == sorted(order)
    by_expiry = {row["expiration"]: row["contracts"] for row in found["expirations"]}
    assert by_expiry == {
        day: sum(row["expiration"] == day for row in rows) for day in sorted(by_expiry)
    }


def test_a_chain_agrees_with_its_quote_and_can_be_sent_on(client: Client) -> None:
    chain = client.answer("/option-chain", {"symbol": "AAPL", "dteMax": 1000})
    quote = client.answer("/quotes", {"symbols": ["AAPL"]})["AAPL"]
    assert chain["underlyingPrice"] == quote["price"]
    own = client.answer("/analyze/options", {"symbol": "AAPL"})
    sent = client.answer("/analyze/options", {"symbol": "AAPL", "optionChain": chain})
    assert sent["quality"]["source"] == "simulated"
    for name in ("bestStrike", "bestExpiration", "premium", "iv", "delta", "pop"):
        assert sent[name] == own[name]


def test_puts_and_calls_of_a_strike_share_their_volatility(client: Client) -> None:
    rows = client.answer("/option-chain", {"symbol": "SPY", "dteMin": 25, "dteMax": 40})["options"]
    calls = {(x["expiration"], x["strike"]): x for x in rows if x["right"] == "call"}
    near = [x for x in rows if x["right"] == "put" and x["delta"] and 0.3 <= -x["delta"] <= 0.7]
    assert near
    for put in near:
        call = calls[put["expiration"], put["strike"]]
        assert abs(put["iv"] - call["iv"]) < 0.02
        assert abs(call["delta"] - put["delta"] - 1.0) < 0.02


def test_wrong_bounds_and_unknown_symbols_are_refused(client: Client) -> None:
    crossed = client.post("/option-chain", {"symbol": "AAPL", "dteMin": 30, "dteMax": 20})
    assert (crossed.status_code, error_of(crossed)["code"]) == (400, "VALIDATION_ERROR")
    unknown = client.post("/option-chain", {"symbol": "ZZZZ"})
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "SYMBOL_NOT_FOUND")
