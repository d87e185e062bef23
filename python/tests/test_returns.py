"""The returns of the five strategies, worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import NOW, one_expiry_chain

from ttai_analysis.options.contracts import Contracts, contracts_of
from ttai_analysis.options.straddles import straddle_move, strangle_move
from ttai_analysis.options.trades import (
    cash_secured_put,
    covered_call,
    iron_condor,
    per_week,
    per_year,
    vertical,
)

QUOTES = {
    # (strike, call?): bid, ask
    (90.0, False): (0.50, 0.60),
    (95.0, False): (1.50, 1.60),
    (100.0, False): (3.40, 3.60),
    (100.0, True): (3.90, 4.10),
    (105.0, True): (1.90, 2.00),
    (110.0, True): (0.70, 0.80),
    (95.0, True): (7.0, 7.4),
    (105.0, False): (6.2, 6.6),
    (110.0, False): (10.1, 10.5),
    (90.0, True): (11.0, 11.4),
}


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    whole = one_expiry_chain(dte=45)
    keys = [
        (float(strike), bool(call))
        for strike, call in zip(whole.strike, whole.is_call, strict=True)
    ]
    rows = np.array([row for row, key in enumerate(keys) if key in QUOTES])
    quotes = np.array([QUOTES[keys[row]] for row in rows])
    chain = replace(
        whole,
        expiry=whole.expiry[rows], strike=whole.strike[rows], is_call=whole.is_call[rows],
        open_interest=whole.open_interest[rows], volume=whole.volume[rows],
        bid=quotes[:, 0], ask=quotes[:, 1],
    )  # fmt: skip
    return contracts_of(chain, NOW, 0.04)


def row_of(contracts: Contracts, strike: float, call: bool) -> int:
    chain = contracts.chain
    return int(np.flatnonzero((chain.strike == strike) & (chain.is_call == call))[0])


def test_a_cash_secured_put(contracts: Contracts) -> None:
    trade = cash_secured_put(contracts, row_of(contracts, 95.0, False))
    assert trade.roc_pct == pytest.approx(100 * 1.5 / 93.5)
    assert trade.gross_roc_pct == pytest.approx(100 * 1.5 / 95.0)
    assert per_week(trade.roc_pct, 45) == pytest.approx(trade.roc_pct * 7 / 45)
    assert per_year(trade.roc_pct, 45) == pytest.approx(trade.roc_pct * 365 / 45)
    assert per_week(1.0, 0) == 7.0
    assert (trade.max_profit, trade.max_loss, trade.capital) == (150.0, 9350.0, 9500.0)
    assert (trade.breakeven, trade.breakeven_upper) == (93.5, None)
    assert trade.room_pct(100.0) == pytest.approx(6.5)


def test_a_covered_call(contracts: Contracts) -> None:
    row = row_of(contracts, 105.0, True)
    trade = covered_call(contracts, row, None)
    assert trade.roc_pct == pytest.approx(1.9)
    assert trade.if_called_pct == pytest.approx(6.9)
    assert (trade.max_profit, trade.max_loss) == pytest.approx((690.0, 9810.0))
    assert trade.room_pct(100.0) == pytest.approx(1.9)
    dear = covered_call(contracts, row, 103.0)
    assert dear.breakeven == pytest.approx(101.1)
    assert dear.max_profit == pytest.approx(390.0)
    assert dear.room_pct(100.0) == pytest.approx(-1.1)


def test_a_bull_put_spread(contracts: Contracts) -> None:
    trade = vertical(contracts, row_of(contracts, 95.0, False), 5.0)
    assert trade is not None
    assert trade.credit == pytest.approx(0.9)
    assert trade.roc_pct == pytest.approx(100 * 0.9 / 4.1)
    assert (trade.max_profit, trade.max_loss, trade.capital) == pytest.approx((90.0, 410.0, 410.0))
    assert trade.breakeven == pytest.approx(94.1)
    assert trade.room_pct(100.0) == pytest.approx(5.9)


def test_a_bear_call_spread_has_its_room_above(contracts: Contracts) -> None:
    trade = vertical(contracts, row_of(contracts, 105.0, True), 5.0)
    assert trade is not None
    assert trade.credit == pytest.approx(1.1)
    assert trade.roc_pct == pytest.approx(100 * 1.1 / 3.9)
    assert trade.breakeven == pytest.approx(106.1)
    assert trade.room_pct(100.0) == pytest.approx(6.1)
    assert trade.room_pct(108.0) < 0.0


def test_an_iron_condor_has_two_break_evens(contracts: Contracts) -> None:
    puts = vertical(contracts, row_of(contracts, 95.0, False), 5.0)
    calls = vertical(contracts, row_of(contracts, 105.0, True), 5.0)
    assert puts is not None
    assert calls is not None
    trade = iron_condor(contracts, puts, calls)
    assert trade.credit == pytest.approx(2.0)
    assert trade.roc_pct == pytest.approx(100 * 2.0 / 3.0)
    assert (trade.max_profit, trade.max_loss) == pytest.approx((200.0, 300.0))
    assert (trade.breakeven, trade.breakeven_upper) == pytest.approx((93.0, 107.0))
    assert trade.room_pct(100.0) == pytest.approx(7.0)
    assert trade.room_pct(105.0) == pytest.approx(100 * 2.0 / 105.0)


def test_the_moves_that_straddles_pay_for(contracts: Contracts) -> None:
    expiry = int(contracts.chain.expiry[0])
    assert straddle_move(contracts, expiry) == pytest.approx(0.85 * 7.5)
    assert strangle_move(contracts, expiry) == pytest.approx(0.6 * 7.5 + 0.3 * 3.5 + 0.1 * 1.3)
    assert straddle_move(contracts, expiry + 7) is None
