"""The process: how it starts, announces itself, stops, and repeats itself elsewhere."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers import NOW, Client

from ttai_analysis.server import _listen
from ttai_analysis.timestamps import format_rfc3339

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "ttai_analysis", "--port", "0", "--exit-with-stdin"]
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("/market-data", {"symbol": "AAPL", "period": "3mo"}),
    ("/quotes", {"symbols": ["AAPL", "SPY", "QQQ"]}),
    ("/analyze/chart", {"symbol": "MSFT"}),
    ("/analyze/options", {"symbol": "MSFT", "strategy": "iron_condor"}),
    ("/analyze/research", {"symbol": "TSLA"}),
]


@contextmanager
def _service(**environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen(
        COMMAND,
        cwd=PACKAGE_FOLDER,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def test_it_announces_its_port_and_leaves_with_its_standard_input() -> None:
    with _service() as (process, announced):
        assert announced["event"] == "listening"
        assert (announced["host"], announced["port"] > 0) == ("127.0.0.1", True)
        with httpx.Client(base_url=f"http://127.0.0.1:{announced['port']}", timeout=20) as http:
            assert http.get("/healthz").json()["status"] == "ok"
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        assert process.wait(timeout=10) == 0
        out, err = process.communicate()
        assert (out, err) == ("", "")


@POSIX_ONLY
def test_sigterm_drains_and_exits_with_zero() -> None:
    with _service() as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_bad_settings_are_one_line_and_exit_code_2() -> None:
    result = subprocess.run(
        COMMAND,
        cwd=PACKAGE_FOLDER,
        env={**os.environ, "MARKET_DATA": "bloomberg"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=20,
        check=False,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "must be one of" in result.stderr


def test_another_process_gives_the_same_bytes(client: Client) -> None:
    as_of = format_rfc3339(NOW)
    with _service(PYTHONHASHSEED="12345", MARKET_DATA_AS_OF=as_of) as (_, announced):
        url = f"http://127.0.0.1:{announced['port']}"
        with httpx.Client(base_url=url, timeout=60) as http:
            for path, body in REQUESTS:
                theirs = http.post(path, json=body)
                assert theirs.status_code == 200, theirs.text
                assert theirs.content == client.post(path, body).content, path


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc")
def test_a_service_that_has_answered_holds_no_pandas() -> None:
    with _service() as (process, announced):
        with httpx.Client(base_url=f"http://127.0.0.1:{announced['port']}", timeout=60) as http:
            for path, body in REQUESTS:
                assert http.post(path, json=body).status_code == 200
            assert http.get("/market/clock").status_code == 200
        loaded = Path(f"/proc/{process.pid}/maps").read_text()
        assert "numpy" in loaded
        assert "pandas" not in loaded


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio switches Nagle's delay off only on sockets that say they are TCP: without it, an
    answer in two packets takes 40 ms on a connection that is kept."""
    delays: list[int] = []

    async def run() -> None:
        async def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = writer.get_extra_info("socket")
            delays.append(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = _listen("127.0.0.1", 0)
        async with await asyncio.start_server(accepted, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()

    asyncio.run(run())
    assert [bool(value) for value in delays] == [True]
