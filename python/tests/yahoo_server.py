"""A local Yahoo that speaks its protocol over HTTP and misbehaves as told.

For: tests of the transport through yfinance and curl_cffi as they are. `session_to` sends what is
meant for Yahoo's hosts here: https://HOST/path becomes http://127.0.0.1:PORT/HOST/path.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from ttai_analysis.providers.yahoo.transport import browser_session

Answer = Callable[["Handler"], None]
COOKIES = "/fc.yahoo.com/"
CRUMB = "/query1.finance.yahoo.com/v1/test/getcrumb"
CONSENT = "/guce.yahoo.com/consent"
DATA = "/query2.finance.yahoo.com"
MEBIBYTE = 1_048_576
GOOD_CRUMB = "aBcD3fGhIjK"
DOWN_PAGE = b"<!DOCTYPE html><html><body>Will be right back...</body></html>"


class Handler(BaseHTTPRequestHandler):
    """One request; the longest path that is a prefix of its own decides the answer."""

    protocol_version = "HTTP/1.1"
    server: "YahooServer"

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        path = self.path.partition("?")[0]
        known = [prefix for prefix in self.server.answers if path.startswith(prefix)]
        self.server.answers[max(known, key=len)](self)

    def log_message(self, *_: object) -> None:
        """Silence."""


class YahooServer(ThreadingHTTPServer):
    """Gives cookies and a crumb unless told otherwise; `answers` by path prefix."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.over = threading.Event()
        self.answers: dict[str, Answer] = {
            "/": says(404, b"<html>not found</html>", "text/html"),
            COOKIES: says(404, b"", "text/html"),
            CRUMB: says(200, GOOD_CRUMB.encode(), "text/plain"),
        }

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are part of the tests."""

    def asked(self, prefix: str) -> list[str]:
        return [path for path in self.requests if path.startswith(prefix)]


@contextmanager
def local_yahoo() -> Iterator[YahooServer]:
    server = YahooServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def session_to(server: YahooServer) -> Any:
    """The session that the service uses, led here."""
    session = browser_session()
    send = session.request

    def request(method: Any, url: str, **named: Any) -> Any:
        parts = urlsplit(url)
        local = f"http://127.0.0.1:{server.server_port}/{parts.hostname}{parts.path or '/'}"
        return send(method, f"{local}?{parts.query}" if parts.query else local, **named)

    session.request = request  # type: ignore[method-assign,assignment]
    return session


def says(status: int, body: bytes, kind: str = "application/json", **headers: str) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def gives(body: object) -> Answer:
    return says(200, json.dumps(body).encode())


def is_silent(handler: Handler) -> None:
    """Takes the request and says nothing."""
    handler.close_connection = True
    handler.server.over.wait()


def stops_midway(handler: Handler) -> None:
    """Promises more than it sends, and waits."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"chart":')
    handler.wfile.flush()
    handler.close_connection = True
    handler.server.over.wait()


def never_ends(sent: list[int]) -> Answer:
    """Sends without saying how much, up to 200 MiB while somebody listens; tells the sizes sent."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"%x\r\n%s\r\n" % (MEBIBYTE, b" " * MEBIBYTE))
            sent.append(MEBIBYTE)

    return answer


def hangs_up_midway(handler: Handler) -> None:
    """Promises more than it sends, and closes."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"chart":')
    handler.close_connection = True


def resets(handler: Handler) -> None:
    """Drops the connection with a reset."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True
    handler.connection.close()
