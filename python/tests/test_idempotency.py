"""Idempotency keys: the same key is the same answer, and never another request's."""

import asyncio
from typing import Any

import httpx
import pytest
from helpers import BASE, NOW, Client, error_of

from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.errors import IdempotencyConflictError
from ttai_analysis.settings import Settings
from ttai_analysis.web import idempotency
from ttai_analysis.web.idempotency import KeptAnswer, Replays

PATH = "/analyze/quick"
BODY = {"symbol": "AAPL"}


@pytest.fixture
def fresh() -> Client:
    """A client whose service's clock runs: answers of two moments differ."""
    return Client(create_app(ServiceContext(Settings())))


def test_the_same_key_is_answered_with_the_same_bytes(fresh: Client) -> None:
    first = fresh.post(PATH, BODY, headers={"x-idempotency-key": "a"})
    again = fresh.post(PATH, BODY, headers={"x-idempotency-key": "a"})
    other = fresh.post(PATH, BODY, headers={"x-idempotency-key": "b"})
    assert first.status_code == 200
    assert again.content == first.content
    assert "x-idempotency-replayed" not in first.headers
    assert again.headers["x-idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert other.content != first.content


def test_another_request_under_the_same_key_is_a_conflict(fresh: Client) -> None:
    headers = {"x-idempotency-key": "a"}
    assert fresh.post(PATH, BODY, headers=headers).status_code == 200
    response = fresh.post(PATH, {"symbol": "MSFT"}, headers=headers)
    assert response.status_code == 409
    error = error_of(response)
    assert (error["code"], error["retryable"]) == ("IDEMPOTENCY_CONFLICT", False)


def test_keys_belong_to_their_user_and_path(fresh: Client) -> None:
    mine = {"x-idempotency-key": "a", "x-user-id": "me"}
    yours = {"x-idempotency-key": "a", "x-user-id": "you"}
    assert fresh.post(PATH, BODY, headers=mine).status_code == 200
    assert fresh.post(PATH, {"symbol": "MSFT"}, headers=yours).status_code == 200
    assert fresh.post("/market-data", BODY, headers=mine).status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "\u00e9"])
def test_what_can_be_no_key_is_refused(client: Client, key: str) -> None:
    headers = httpx.Headers([(b"x-idempotency-key", key.encode("latin-1"))])
    response = client.post(PATH, BODY, headers=headers)
    assert (response.status_code, error_of(response)["code"]) == (400, "VALIDATION_ERROR")


def test_who_comes_meanwhile_waits_for_the_first() -> None:
    async def run() -> None:
        app = create_app(ServiceContext(Settings()))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            headers = {"x-idempotency-key": "a"}
            asked = (http.post(PATH, json=BODY, headers=headers) for _ in range(8))
            answers = await asyncio.gather(*asked)
        assert len({answer.content for answer in answers}) == 1
        replayed = [answer.headers.get("x-idempotency-replayed") for answer in answers]
        assert sorted(replayed, key=str) == [None, *["true"] * 7]

    asyncio.run(run())


def answer_of(status: int, body: bytes = b"{}") -> Any:
    async def ask() -> KeptAnswer:
        return KeptAnswer(status, [], body)

    return ask


def test_passing_failures_are_not_kept_and_final_ones_are() -> None:
    async def run() -> None:
        replays = Replays()
        for status in (500, 503, 429, 504):
            assert (await replays.answer("k", b"", answer_of(status)))[1] is False
        assert (await replays.answer("k", b"", answer_of(404)))[0].status == 404
        assert await replays.answer("k", b"", answer_of(200)) == (KeptAnswer(404, [], b"{}"), True)

    asyncio.run(run())


def test_a_failed_first_lets_the_next_one_ask() -> None:
    async def run() -> None:
        replays, gate = Replays(), asyncio.Event()

        async def fail() -> KeptAnswer:
            await gate.wait()
            raise RuntimeError("gone")

        first = asyncio.create_task(replays.answer("k", b"", fail))
        await asyncio.sleep(0)
        second = asyncio.create_task(replays.answer("k", b"", answer_of(200)))
        await asyncio.sleep(0)
        gate.set()
        with pytest.raises(RuntimeError, match="gone"):
            await first
        assert (await second)[0].status == 200

    asyncio.run(run())


def test_answers_are_forgotten_by_time_number_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        now = 0.0
        replays = Replays(lambda: now)
        await replays.answer("old", b"1", answer_of(200))
        with pytest.raises(IdempotencyConflictError):
            await replays.answer("old", b"2", answer_of(200))
        now = idempotency.KEPT_SECONDS + 1.0
        assert (await replays.answer("old", b"2", answer_of(200)))[1] is False
        monkeypatch.setattr(idempotency, "MAX_ANSWERS", 3)
        monkeypatch.setattr(idempotency, "MAX_BYTES", 10)
        for key in "abcd":
            await replays.answer(key, b"", answer_of(200, b"1"))
        assert (await replays.answer("d", b"", answer_of(200)))[1] is True
        assert (await replays.answer("a", b"", answer_of(200)))[1] is False
        await replays.answer("large", b"", answer_of(200, b"12345678901"))
        assert (await replays.answer("d", b"", answer_of(200)))[1] is False

    asyncio.run(run())


def test_one_under_way_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        replays, gate = Replays(), asyncio.Event()

        async def wait() -> KeptAnswer:
            await gate.wait()
            return KeptAnswer(200, [], b"late")

        first = asyncio.create_task(replays.answer("first", b"", wait))
        await asyncio.sleep(0)
        monkeypatch.setattr(idempotency, "MAX_ANSWERS", 3)
        for key in "abcdef":
            await replays.answer(key, b"", answer_of(200))
        assert (await replays.answer("f", b"", answer_of(200)))[1] is True
        assert (await replays.answer("a", b"", answer_of(200)))[1] is False
        gate.set()
        await first
        assert (await replays.answer("first", b"", wait))[1] is True

    asyncio.run(run())


def test_a_pinned_service_needs_no_key_to_answer_the_same(client: Client) -> None:
    body = BODY | {"asOf": NOW.isoformat()}
    assert client.post(PATH, body).content == client.post(PATH, body).content
