"""No lie of a provider leads to a trade: each is named, and the clean twin is not affected."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from faulty_provider import FaultyProvider
from helpers import NOW, Client, error_of, parse
from lies import LIES, Lie, Subject

from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.providers.base import Chain, Provider
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.quality import FORBIDDING, TELLING, code_of
from ttai_analysis.settings import Settings
from ttai_analysis.timestamps import format_rfc3339

STRATEGIES = ("csp", "covered_call", "bull_put_spread", "bear_call_spread", "iron_condor")
CHART, RESEARCH, QUICK = "/analyze/chart", "/analyze/research", "/analyze/quick"
OPTIONS = "/analyze/options"
CALLS: dict[str, tuple[str, dict[str, str]]] = {
    "chart": (CHART, {}),
    "research": (RESEARCH, {}),
    "quick": (QUICK, {"strategy": "csp"}),
    **{name: (OPTIONS, {"strategy": name}) for name in STRATEGIES},
}
OPTION_DATA: frozenset[Subject] = frozenset(
    {"bars", "quote", "chain", "earnings", "metrics", "rate", "transport"}
)
RESTS_ON: dict[str, frozenset[Subject]] = {
    CHART: frozenset({"bars", "quote", "transport"}),
    RESEARCH: frozenset({"bars", "quote", "metrics", "news", "transport"}),
    QUICK: OPTION_DATA,
    OPTIONS: OPTION_DATA,
}
"""What each verdict rests on; data that it does not read cannot lead it anywhere."""
WANTED = {"select", "bullish", "positive"}
LATEST = NOW + timedelta(days=400)


class Given(ServiceContext):
    """A context over a provider that a test made."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(Settings(as_of=LATEST))
        self._given = provider

    @property
    def provider(self) -> Provider:
        return self._given


def over(provider: Provider) -> Client:
    return Client(create_app(Given(provider)))


class Twin:
    """A symbol and a moment at which everything says yes, and those answers."""

    def __init__(self, market: SimulatedProvider) -> None:
        self.market = market
        client = over(market)
        for week in range(30):
            as_of = NOW - timedelta(weeks=week)
            for symbol in market.symbols():
                answers = self._all_yes(client, symbol, as_of)
                if answers is not None:
                    self.symbol, self.as_of, self.bodies = symbol, as_of, answers
                    return
        raise AssertionError("no symbol is wanted by all")

    def _all_yes(self, client: Client, symbol: str, as_of: datetime) -> dict[str, bytes] | None:
        answers = {}
        for name in CALLS:
            response = ask(client, name, symbol, as_of)
            if response.status_code != 200 or verdict(parse(response)) not in WANTED:
                return None
            answers[name] = response.content
        return answers


def ask(client: Client, name: str, symbol: str, as_of: datetime) -> Any:
    path, body = CALLS[name]
    return client.post(path, {"symbol": symbol, "asOf": format_rfc3339(as_of), **body})


def verdict(answer: dict[str, Any]) -> str:
    return str(answer.get("sentiment") or answer["recommendation"])


def told(answer: dict[str, Any]) -> set[str]:
    """All that an answer says against itself: warnings, reject reasons, reasons of a quick look."""
    words = [*answer["quality"]["warnings"], *answer.get("rejectReasons", [])]
    words = [code_of(word) for word in words]
    return {*words, *(reason.rpartition(":")[2] for reason in answer.get("reasons", []))}


@pytest.fixture(scope="module")
def twin(market: SimulatedProvider) -> Twin:
    return Twin(market)


def test_there_are_many_lies() -> None:
    assert len(LIES) >= 80


def test_without_a_lie_the_answers_are_those_of_the_unwrapped_provider(twin: Twin) -> None:
    client = over(FaultyProvider(twin.market, None))
    for name, body in twin.bodies.items():
        assert ask(client, name, twin.symbol, twin.as_of).content == body, name
        assert verdict(parse(ask(client, name, twin.symbol, twin.as_of))) in WANTED


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_named_and_leads_to_nothing(twin: Twin, lie: Lie) -> None:
    client = over(FaultyProvider(twin.market, lie))
    for name, clean in twin.bodies.items():
        response = ask(client, name, twin.symbol, twin.as_of)
        if lie.about not in RESTS_ON[CALLS[name][0]]:
            answer = parse(response)
            assert verdict(answer) == verdict(_parsed(clean)), name
            continue
        if response.status_code != 200:
            assert error_of(response)["code"] in lie.names, (name, response.text)
            continue
        answer = parse(response)
        assert verdict(answer) not in WANTED, (name, answer["quality"])
        assert told(answer) & lie.names, (name, told(answer))
        unknown = {code_of(word) for word in answer["quality"]["warnings"]} - FORBIDDING - TELLING
        assert not unknown, (name, unknown)


def test_the_forbidding_gate_is_in_the_evidence(twin: Twin) -> None:
    client = over(FaultyProvider(twin.market, LIES["halted"]))
    for name in twin.bodies:
        answer = parse(ask(client, name, twin.symbol, twin.as_of))
        gates = [rule for rule in answer["evidence"] if rule["rule"] == "data_is_sound"]
        assert gates, name
        assert (gates[0]["pass"], gates[0]["value"], gates[0]["weight"]) == (False, "halted", 0.0)


def test_the_best_contract_mispriced_is_not_sold(twin: Twin) -> None:
    """Five times the price of its neighbours would be the best return on offer."""
    honest = _parsed(twin.bodies["csp"])
    strike, day = honest["bestStrike"], honest["bestExpiration"]

    def misprice(chain: Chain, _: datetime) -> Chain:
        expiry = np.array([str(np.datetime64(int(one), "D")) for one in chain.expiry])
        row = (chain.strike == strike) & ~chain.is_call & (expiry == day)
        assert row.sum() == 1
        factor = np.where(row, 5.0, 1.0)
        return replace(chain, bid=chain.bid * factor, ask=chain.ask * factor)

    lie = Lie("mispriced", "chain", misprice, frozenset())
    response = ask(over(FaultyProvider(twin.market, lie)), "csp", twin.symbol, twin.as_of)
    answer = parse(response)
    assert (answer["bestStrike"], answer["bestExpiration"]) != (strike, day)
    assert "iv_outlier" in told(answer)


def _parsed(body: bytes) -> dict[str, Any]:

    found = json.loads(body)
    assert isinstance(found, dict)
    return found
