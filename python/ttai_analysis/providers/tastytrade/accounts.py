"""The positions in a tastytrade customer's accounts, read and never changed.

For: `GET /customers/me/accounts` and `GET /accounts/NUMBER/positions`. Not for: balances, orders or
anything else of an account. An answer that cannot be understood is an error as a whole: a position
that is silently missing would look as if it had been closed.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal
from urllib.parse import quote as url_quote

from ttai_analysis.errors import ProviderError
from ttai_analysis.providers.accounts import BrokerAccount, HeldLeg, LeftHolding
from ttai_analysis.providers.numbers import number
from ttai_analysis.providers.tastytrade.values import moment, record, text

ACCOUNTS_PATH = "/customers/me/accounts"
SHARES_PER_CONTRACT = 100.0
OCC = re.compile(r"(?P<root>[A-Z0-9./]{1,6}) *(?P<day>\d{6})(?P<right>[CP])(?P<mills>\d{8})")
SYMBOL = re.compile(r"[A-Z][A-Z0-9.\-/]{0,9}")

Get = Callable[[str], Mapping[str, object]]
"""The `data` of a GET."""


def accounts_of(get: Get) -> tuple[BrokerAccount, ...]:
    """All accounts; closed ones hold nothing. Raises ProviderError for what is not understood."""
    found = []
    for item in _items(get(ACCOUNTS_PATH), "accounts"):
        account = record(item.get("account"))
        account_number = text(account.get("account-number"))
        if not account_number:
            raise ProviderError("tastytrade answered with an account that has no number.")
        name = text(account.get("nickname")) or text(account.get("account-type-name"))
        path = f"/accounts/{url_quote(account_number, safe='')}/positions"
        items = [] if account.get("is-closed") is True else _items(get(path), "positions")
        found.append(_account(account_number, name or "account", items))
    return tuple(found)


def _account(account_number: str, name: str, items: list[dict[str, object]]) -> BrokerAccount:
    read = [_holding(item) for item in items]
    return BrokerAccount(
        number=account_number,
        name=name,
        legs=tuple(one for one in read if isinstance(one, HeldLeg)),
        left=tuple(one for one in read if isinstance(one, LeftHolding)),
    )


def _holding(item: Mapping[str, object]) -> HeldLeg | LeftHolding | None:
    """None for a position of no size: it is there until the end of the day that it was closed."""
    symbol, kind = text(item.get("symbol")), text(item.get("instrument-type"))
    size, direction = number(item.get("quantity")), text(item.get("quantity-direction"))
    if size == 0.0 or direction == "Zero":
        return None
    if kind not in ("Equity", "Equity Option"):
        return LeftHolding(symbol, kind, "only shares and options on shares are followed")
    underlying = text(item.get("underlying-symbol")) or symbol
    open_price, opened_at = number(item.get("average-open-price")), moment(item.get("created-at"))
    shares = number(item.get("multiplier"))
    if size is None or direction not in ("Long", "Short") or open_price is None or not opened_at:
        raise _unreadable(symbol)
    if not SYMBOL.fullmatch(underlying):
        raise _unreadable(symbol)
    quantity = abs(size) if direction == "Long" else -abs(size)
    if kind == "Equity":
        return HeldLeg(underlying, quantity, abs(open_price), opened_at)
    contract = OCC.fullmatch(symbol)
    if contract is None:
        raise _unreadable(symbol)
    if contract["root"][-1].isdigit() or shares != SHARES_PER_CONTRACT:
        return LeftHolding(symbol, kind, "it is an adjusted option, not on 100 shares")
    right: Literal["call", "put"] = "call" if contract["right"] == "C" else "put"
    return HeldLeg(
        underlying,
        quantity,
        abs(open_price),
        opened_at,
        right,
        int(contract["mills"]) / 1000.0,
        _expiration(contract["day"], symbol),
    )


def _expiration(written: str, symbol: str) -> date:
    try:
        return date(2000 + int(written[:2]), int(written[2:4]), int(written[4:]))
    except ValueError as error:
        raise _unreadable(symbol) from error


def _items(answer: Mapping[str, object], of_what: str) -> list[dict[str, object]]:
    """The objects of `items`, all of them: an answer without a list is no empty one."""
    found = answer.get("items")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ProviderError(f"tastytrade answered without a list of {of_what}.")
    return found


def _unreadable(symbol: str) -> ProviderError:
    return ProviderError(f"tastytrade holds {symbol[:30]!r} in a form that cannot be read.")
