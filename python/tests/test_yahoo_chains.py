"""Yahoo's option chains: what is no standard contract, and what is no quote."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from yahoo_bodies import (
    IN_SESSION,
    LAST_CLOSE,
    PRE_MARKET,
    contract,
    fair_contracts,
    options_body,
    quote_row,
    recorded,
)

from ttai_analysis.errors import ProviderError, SymbolNotFoundError
from ttai_analysis.providers.yahoo.parse_options import (
    chain_of,
    expiries_worth_fetching,
    parse_options,
)
from ttai_analysis.timestamps import ordinal_of

APRIL = ordinal_of(date(2025, 4, 11))


def test_contracts_that_are_not_standard_are_skipped_and_said() -> None:
    live = {"bid": 1.0, "ask": 1.1}
    saturday = ordinal_of(date(2025, 4, 12))
    rows = [
        contract(APRIL, 95.0, "P", **live),
        contract(APRIL, 96.0, "P", contractSize="MINI", **live),
        contract(APRIL, 97.0, "P", **live) | {"contractSymbol": "AAPL1250411P00097000"},
        contract(saturday, 98.0, "P", **live),
        contract(APRIL, 99.0, "P", **live) | {"strike": None},
    ]
    chain = chain_of("AAPL", [parse_options("AAPL", options_body(rows))], IN_SESSION, ["x:1"])
    assert chain is not None
    assert chain.strike.tolist() == [95.0]
    assert not chain.complete
    assert chain.warnings == (
        "x:1",
        "contract_without_strike_or_expiry:1",
        "non_standard_deliverable:2",
        "saturday_expiry:1",
    )


def test_what_a_contract_lacks_is_not_known() -> None:
    row = contract(APRIL, 95.0, "P", bid=None, ask=1.1)
    del row["volume"], row["openInterest"]
    chain = chain_of("AAPL", [parse_options("AAPL", options_body([row]))], IN_SESSION)
    assert chain is not None
    assert (chain.bid[0], chain.ask[0]) == (0.0, 1.1)
    assert chain.complete
    assert np.isnan(chain.volume[0])
    assert np.isnan(chain.open_interest[0])


def test_before_the_open_no_contract_has_a_quote() -> None:
    rows = fair_contracts(APRIL, 46)
    bodies = {
        state: parse_options("AAPL", options_body(rows, quote=quote_row(marketState=state)))
        for state in ("REGULAR", "PRE", "PREPRE")
    }
    live, *early = (chain_of("AAPL", [body], IN_SESSION) for body in bodies.values())
    assert live is not None
    assert (live.bid > 0.0).any()
    for chain in early:
        assert chain is not None
        assert (chain.bid.max(), chain.ask.max()) == (0.0, 0.0)
        assert chain.warnings == ("no_live_quotes",)


def test_no_options_is_no_chain_and_no_symbol_is_an_error() -> None:
    assert chain_of("AAPL", [parse_options("AAPL", options_body([]))], IN_SESSION) is None
    with pytest.raises(SymbolNotFoundError):
        parse_options("XXXX", {"optionChain": {"result": [], "error": None}})
    with pytest.raises(ProviderError):
        parse_options("XXXX", {"finance": {"error": {"code": "Unauthorized"}}})


@pytest.mark.parametrize("symbol", ["AMZN", "QQQ"])
def test_the_recorded_chains_have_no_quotes(shared_data: Path, symbol: str) -> None:
    body = parse_options(symbol, recorded(shared_data, symbol))
    chain = chain_of(symbol, [body], PRE_MARKET)
    assert chain is not None
    assert len(chain) > 90
    assert (chain.bid.max(), chain.ask.max()) == (0.0, 0.0)
    assert chain.warnings == ("no_live_quotes",)
    assert chain.as_of == datetime.fromtimestamp(LAST_CLOSE, UTC) - timedelta(
        seconds=1 if symbol == "QQQ" else 0
    )


def test_expiries_near_the_wanted_are_fetched_and_the_rest_is_counted() -> None:
    days = [0, *range(1, 60, 2), 74, 76, 300]
    wanted, left_out = expiries_worth_fetching([day * 86_400 for day in days], 0, ())
    assert len(wanted) == 16
    assert wanted == sorted(wanted)
    assert wanted[0] >= 25 * 86_400
    assert left_out == len(days) - 16


def test_expiries_of_what_is_held_are_fetched_however_near_or_far() -> None:
    days = [0, *range(1, 60, 2), 74, 76, 300]
    wanted, left_out = expiries_worth_fetching([day * 86_400 for day in days], 0, {1, 300, 301})
    assert {1, 300} < {expiry // 86_400 for expiry in wanted}
    assert (len(wanted), left_out) == (18, len(days) - 18)
