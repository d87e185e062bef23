"""The local tastytrade against the public SDK: a client that is not ours finds the protocol right.

For: trust in the server of the tests. The SDK itself is no part of the service: see README.
"""

import asyncio

import httpx2
import pytest
from tastytrade_fixtures import server
from tastytrade_market import nested_chain
from tastytrade_server import REFRESH, SECRET, TastytradeServer

from ttai_analysis.providers.tastytrade.contracts import contracts_of

__all__ = ["server"]

sdk = pytest.importorskip("tastytrade")


class ToLocal(httpx2.AsyncHTTPTransport):
    """The SDK knows tastytrade's own addresses only."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = httpx2.URL(url)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host != self._url.host:
            request.url = request.url.copy_with(
                scheme=self._url.scheme, host=self._url.host, port=self._url.port
            )
        return await super().handle_async_request(request)


def test_the_sdk_is_at_home(server: TastytradeServer) -> None:
    from tastytrade import DXLinkStreamer, Session
    from tastytrade.dxfeed import Candle, Greeks, Quote
    from tastytrade.instruments import NestedOptionChain
    from tastytrade.metrics import get_risk_free_rate

    async def use() -> None:
        session = Session(SECRET, REFRESH, transport=ToLocal(server.url))
        chains = await NestedOptionChain.get(session, "AAPL")
        assert [chain.root_symbol for chain in chains].count("AAPL") == 3
        assert float(await get_risk_free_rate(session)) == 0.04
        async with DXLinkStreamer(session) as stream:
            await stream.subscribe(Quote, ["SPY"])
            quote = await stream.get_event(Quote)
            assert float(quote.mid_price) == pytest.approx(576.89)
            contract = contracts_of({"items": nested_chain()}, "AAPL")[0]
            await stream.subscribe(Greeks, [contract.streamer])
            assert (await stream.get_event(Greeks)).event_symbol == contract.streamer
            await stream.subscribe_candle(["AAPL"], "1d")
            assert (await stream.get_event(Candle)).snapshot_begin

    async def within() -> None:
        async with asyncio.timeout(20):
            await use()

    asyncio.run(within())
