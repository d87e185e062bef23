"""What a provider that also knows its owner's brokerage accounts gives: the positions held there.

For: the shapes between such a provider and `/broker/positions`. Not for: market data (base.py), and
nothing that changes an account.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol, cast

from ttai_analysis.providers.base import Provider


@dataclass(frozen=True, slots=True)
class HeldLeg:
    """One contract of 100 shares, or shares: `quantity` is signed (negative is sold), `open_price`
    the average in dollars per share, `opened_at` when the broker first held it."""

    symbol: str
    quantity: float
    open_price: float
    opened_at: datetime
    right: Literal["call", "put"] | None = None
    strike: float | None = None
    expiration: date | None = None


@dataclass(frozen=True, slots=True)
class LeftHolding:
    """Something held that is no share and no standard option, and why it is left out."""

    symbol: str
    instrument_type: str
    reason: str


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """One account with all that is held in it, as the broker lists it. A closed one: nothing."""

    number: str
    name: str
    legs: tuple[HeldLeg, ...]
    left: tuple[LeftHolding, ...]


class HoldsAccounts(Protocol):
    """A provider that can be asked for the accounts of who runs it."""

    def accounts(self) -> tuple[BrokerAccount, ...]:
        """The accounts as of now. Raises a ServiceError when any of them cannot be read whole:
        what is missing would look as if it had been closed."""
        ...


def accounts_held_by(provider: Provider) -> HoldsAccounts | None:
    """The provider as one that holds accounts, where it is one; also where it is traced."""
    return cast(HoldsAccounts, provider) if hasattr(provider, "accounts") else None
