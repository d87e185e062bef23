"""What is held in tastytrade accounts, from HTTP to HTTP: read whole, or not at all."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import NOW, Client, client_for, error_of, parse
from starlette.responses import JSONResponse, Response
from tastytrade_fixtures import server
from tastytrade_server import REFRESH, SECRET, TastytradeServer, envelope

from ttai_analysis.__main__ import _log_to_stderr
from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.settings import Settings, TastytradeSettings

__all__ = ["server"]

ACCOUNTS = "/customers/me/accounts"
OPENED = "2026-02-02T15:30:00.123+00:00"


def account(number: str, **more: Any) -> dict[str, object]:
    row = {"account-number": number, "nickname": "Wheel", "is-closed": False, **more}
    return {"account": row, "authority-level": "owner"}


def option(symbol: str = "AAPL  260417P00150000", **more: Any) -> dict[str, object]:
    return {
        "account-number": "5WT1",
        "symbol": symbol,
        "instrument-type": "Equity Option",
        "underlying-symbol": symbol[:6].strip(),
        "quantity": 1,
        "quantity-direction": "Short",
        "average-open-price": "2.35",
        "multiplier": 100,
        "created-at": OPENED,
        **more,
    }


def shares(**more: Any) -> dict[str, object]:
    return {
        **option("KO"),
        "instrument-type": "Equity",
        "quantity": "100.0",
        "quantity-direction": "Long",
        "average-open-price": "60.25",
        "multiplier": 1,
        **more,
    }


def data(*items: dict[str, object]) -> Response:
    return JSONResponse({"data": {"items": list(items)}})


@pytest.fixture
def context(server: TastytradeServer) -> Iterator[ServiceContext]:
    settings = TastytradeSettings(SECRET, REFRESH, server.url)
    made = ServiceContext(Settings(provider="tastytrade", as_of=NOW, tastytrade=settings))
    yield made
    made.close()


@pytest.fixture
def service(context: ServiceContext) -> Client:
    return Client(create_app(context))


def held(server: TastytradeServer, service: Client, *items: dict[str, object]) -> dict[str, Any]:
    server.answers = {ACCOUNTS: [data(account("5WT1"))], "/accounts/5WT1/positions": [data(*items)]}
    response = service.get("/broker/positions")
    assert response.status_code == 200, response.text
    [found] = parse(response)["accounts"]
    assert isinstance(found, dict)
    return found


def test_shares_and_options_of_every_account(server: TastytradeServer, service: Client) -> None:
    server.answers = {
        ACCOUNTS: [
            data(
                account("5WT1"),
                account("5WT2", **{"is-closed": True}),
                account("5/T3", **{"nickname": "", "account-type-name": "Individual"}),
            )
        ],
        "/accounts/5WT1/positions": [data(option(), shares())],
        "/accounts/5%2FT3/positions": [data()],
    }
    answer = parse(service.get("/broker/positions"))
    assert (answer["source"], answer["asOf"]) == ("tastytrade", "2026-03-18T15:30:00Z")
    assert [(one["number"], one["name"]) for one in answer["accounts"]] == [
        ("5WT1", "Wheel"),
        ("5WT2", "Wheel"),
        ("5/T3", "Individual"),
    ]
    first, closed, second = answer["accounts"]
    assert (closed["legs"], closed["left"]) == ([], [])
    assert first["legs"] == [
        {
            "symbol": "AAPL",
            "kind": "option",
            "right": "put",
            "strike": 150.0,
            "expiration": "2026-04-17",
            "quantity": -1,
            "openPrice": 2.35,
            "openedAt": "2026-02-02T15:30:00.123Z",
        },
        {
            "symbol": "KO",
            "kind": "stock",
            "right": None,
            "strike": None,
            "expiration": None,
            "quantity": 100,
            "openPrice": 60.25,
            "openedAt": "2026-02-02T15:30:00.123Z",
        },
    ]
    assert (second["legs"], first["left"], second["left"]) == ([], [], [])
    assert ("GET", "/accounts/5WT2/positions") not in server.requests


@pytest.mark.parametrize(
    ("item", "leg"),
    [
        (option("SPXW  260320C05012500", **{"underlying-symbol": "SPX"}), ("SPX", "call", 5012.5)),
        (option("BRK/B 260417P00400000"), ("BRK/B", "put", 400.0)),
        (option("F     260417P00012500"), ("F", "put", 12.5)),
    ],
)
def test_a_contract_is_read_by_its_symbol(
    server: TastytradeServer,
    service: Client,
    item: dict[str, object],
    leg: tuple[str, str, float],
) -> None:
    [found] = held(server, service, item)["legs"]
    assert (found["symbol"], found["right"], found["strike"]) == leg


def test_what_cannot_be_followed_is_named_and_what_is_gone_is_not(
    server: TastytradeServer, service: Client
) -> None:
    found = held(
        server,
        service,
        option("/ESM6", **{"instrument-type": "Future", "multiplier": 50}),
        option("BTC/USD", **{"instrument-type": "Cryptocurrency"}),
        option("AAPL1 260417P00150000"),
        option("AAPL  260417P00155000", multiplier="10.0"),
        option("AAPL  260417P00160000", **{"quantity": 0, "quantity-direction": "Zero"}),
    )
    assert found["legs"] == []
    assert [(one["symbol"], one["instrumentType"]) for one in found["left"]] == [
        ("/ESM6", "Future"),
        ("BTC/USD", "Cryptocurrency"),
        ("AAPL1 260417P00150000", "Equity Option"),
        ("AAPL  260417P00155000", "Equity Option"),
    ]
    assert all(one["reason"] for one in found["left"])


@pytest.mark.parametrize(
    "item",
    [
        option(**{"average-open-price": "NaN"}),
        option(**{"average-open-price": ""}),
        option(quantity="many"),
        option(**{"quantity-direction": "Sideways"}),
        option(**{"created-at": "yesterday"}),
        option("AAPL 17 APR 150 PUT", **{"underlying-symbol": "AAPL"}),
        option("AAPL  261317P00150000"),
        option(**{"underlying-symbol": "a b; c"}),
    ],
)
def test_one_position_that_cannot_be_read_fails_the_answer(
    server: TastytradeServer, service: Client, item: dict[str, object]
) -> None:
    server.answers = {
        ACCOUNTS: [data(account("5WT1"))],
        "/accounts/5WT1/positions": [data(shares(), item)],
    }
    response = service.get("/broker/positions")
    assert (response.status_code, error_of(response)["code"]) == (502, "PROVIDER_ERROR")


@pytest.mark.parametrize(
    ("second", "status", "code"),
    [
        (envelope(403, "not_permitted"), 401, "AUTH_ERROR"),
        (envelope(404, "record_not_found"), 502, "PROVIDER_ERROR"),
        (JSONResponse({"data": {}}), 502, "PROVIDER_ERROR"),
        (JSONResponse({"data": {"items": [1]}}), 502, "PROVIDER_ERROR"),
        (Response("<html>"), 502, "PROVIDER_ERROR"),
    ],
)
def test_one_account_that_cannot_be_read_fails_the_answer(
    server: TastytradeServer, service: Client, second: Response, status: int, code: str
) -> None:
    server.answers = {
        ACCOUNTS: [data(account("5WT1"), account("5WT2"))],
        "/accounts/5WT1/positions": [data(option())],
        "/accounts/5WT2/positions": [second],
    }
    response = service.get("/broker/positions")
    assert (response.status_code, error_of(response)["code"]) == (status, code)


def test_each_request_reads_anew(server: TastytradeServer, service: Client) -> None:
    assert len(held(server, service, option())["legs"]) == 1
    assert held(server, service)["legs"] == []


def test_a_refused_login_is_an_auth_error(server: TastytradeServer, service: Client) -> None:
    server.refuse_login = True
    response = service.get("/broker/positions")
    assert (response.status_code, error_of(response)["code"]) == (401, "AUTH_ERROR")


def test_a_refused_account_leaves_the_market_alone(
    server: TastytradeServer, service: Client
) -> None:
    for _ in range(6):
        server.answers = {
            ACCOUNTS: [data(account("5WT1"))],
            "/accounts/5WT1/positions": [envelope(403, "not_permitted")],
        }
        service.get("/broker/positions")
    response = service.post("/quotes", {"symbols": ["AAPL"]})
    assert response.status_code == 200, response.text


def test_account_numbers_are_not_logged(
    server: TastytradeServer, service: Client, caplog: pytest.LogCaptureFixture
) -> None:
    _log_to_stderr(Settings(log_level="debug"))
    with caplog.at_level(logging.DEBUG):
        held(server, service, option())
        server.answers = {ACCOUNTS: [data(account("5WT1"))]}
        assert "5WT1" not in service.get("/broker/positions").text
    # The test's own client tells of what it asks; nothing of ours does.
    told = [one.getMessage() for one in caplog.records if not one.name.startswith("asyncio")]
    assert not [line for line in told if "5WT1" in line]


def test_other_providers_have_no_accounts() -> None:
    response = client_for(Settings()).get("/broker/positions")
    error = error_of(response)
    assert (response.status_code, error["code"]) == (409, "NO_BROKER_ACCOUNTS")
    assert "MARKET_DATA=tastytrade" in error["message"]
    assert error["retryable"] is False
