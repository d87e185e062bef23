"""What a dividend does to the simulated market's options: forwards step down behind the ex-date."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from helpers import NOW

from ttai_analysis.options.contracts import Contracts, contracts_of
from ttai_analysis.providers.base import FloatArray, IntArray
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.timestamps import from_epoch, ordinal_of

RATE = 0.04
SECOND = timedelta(seconds=1)
PAYERS = ("KO", "T", "VZ", "XOM", "PFE", "JNJ", "MO", "IBM")


def coming_dividend(market: SimulatedProvider, symbol: str) -> tuple[datetime, int, float]:
    """When the next dividend leaves the price, its ex-date in days since 1970, what is paid."""
    told = market.metrics(symbol, NOW).next_ex_dividend
    assert told is not None
    session = market._table.index_of(told)
    assert session is not None
    moment = from_epoch(int(market._table.opens[session]) - 5400)
    bars = market.bars(symbol, "daily", "1mo", moment + timedelta(days=1), adjusted=False)
    paid = next(one for one in bars.dividends if one.ex_date == told)
    return moment, ordinal_of(told), paid.amount


def carried(contracts: Contracts) -> tuple[IntArray, FloatArray]:
    """Each expiry, and what parity says that a share then is worth today."""
    days, first = np.unique(contracts.chain.expiry, return_index=True)
    assert contracts.parity[first].all()
    return days, contracts.forward[first] * np.exp(-RATE * contracts.years[first])


@pytest.mark.parametrize("symbol", PAYERS)
def test_forwards_step_down_by_the_dividend_behind_its_ex_date(
    market: SimulatedProvider, symbol: str
) -> None:
    moment, ex_day, amount = coming_dividend(market, symbol)
    at = moment - timedelta(days=12)
    chain = market.chain(symbol, at)
    days, worth = carried(contracts_of(chain, at, RATE))
    spot, near = chain.underlying_price, 0.25 * amount
    before, behind = days < ex_day, (days >= ex_day + 7) & (days < ex_day + 80)
    assert before.any()
    assert behind.sum() > 3
    # The mids of six strikes vote, each within its spread.
    assert worth[before] == pytest.approx(spot, abs=near)
    assert worth[behind] == pytest.approx(spot - amount, abs=near)
    assert (worth[days > ex_day + 95] < spot - 1.4 * amount).all()
    # Calls that end soon behind it are dear: some will be exercised for the dividend.
    soon = (days >= ex_day) & (days < ex_day + 7)
    assert (worth[soon] > spot - amount - near).all()
    assert (worth[soon] < spot + near).all()


@pytest.mark.parametrize("symbol", PAYERS)
def test_a_dividend_that_is_paid_moves_the_price_and_not_the_forwards(
    market: SimulatedProvider, symbol: str
) -> None:
    moment, ex_day, amount = coming_dividend(market, symbol)
    before, after = (
        contracts_of(market.chain(symbol, at), at, RATE) for at in (moment - SECOND, moment)
    )
    spots = before.chain.underlying_price, after.chain.underlying_price
    assert spots[0] - spots[1] == pytest.approx(amount, abs=2e-3 * spots[0])
    days, worth = carried(before)
    days_after, worth_after = carried(after)
    assert days.tolist() == days_after.tolist()
    later = days >= ex_day + 7
    assert worth[later] == pytest.approx(worth_after[later], abs=0.35 * amount)


@pytest.mark.parametrize("symbol", PAYERS)
def test_a_call_in_the_money_has_little_time_value_before_the_ex_date_and_never_less_than_none(
    market: SimulatedProvider, symbol: str
) -> None:
    moment, ex_day, amount = coming_dividend(market, symbol)
    at = moment - timedelta(hours=16)
    contracts = contracts_of(market.chain(symbol, at), at, RATE)
    chain = contracts.chain
    inside = chain.is_call & (chain.expiry >= ex_day) & (chain.expiry < ex_day + 40)
    rows = np.flatnonzero(inside & (chain.strike < 0.9 * chain.underlying_price))
    rows = rows[contracts.two_sided[rows]]
    assert rows.size > 10
    time_value = contracts.mid[rows] - (chain.underlying_price - chain.strike[rows])
    # Its holder gives up less than the dividend is worth. A cent or a nickel is what quotes round.
    assert (time_value < amount).all()
    assert (time_value > -0.05).all()


@pytest.mark.parametrize(("symbol", "days_ago"), [("CVX", 80), ("CVX", 240), ("DUK", 360)])
def test_no_longer_put_is_sold_for_less_than_a_nearer_one_is_bought(
    market: SimulatedProvider, symbol: str, days_ago: int
) -> None:
    """Deep in the money the one that ends just behind a dividend is worth most."""
    chain = market.chain(symbol, NOW - timedelta(days=days_ago))
    assert chain is not None
    best: dict[float, float] = {}
    puts = np.flatnonzero(~chain.is_call)
    for row in puts[np.argsort(chain.expiry[puts], kind="stable")]:
        strike = float(chain.strike[row])
        assert chain.ask[row] >= best.get(strike, 0.0)
        best[strike] = max(best.get(strike, 0.0), float(chain.bid[row]))
