"""The running service: its start, its answers over HTTP, its memory.

For: one process of its own on a free port, asked over one connection that is kept. Not for: load
by many callers at once.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.timing import Figures, quantiles

FOLDER = Path(__file__).resolve().parents[1]
AS_OF = "2026-03-18T15:30:00Z"


@dataclass
class Service:
    """The process, a connection to it, and when it was started."""

    process: subprocess.Popen[str]
    connection: http.client.HTTPConnection
    began: float

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """The answer's bytes. Raises RuntimeError for anything but 200."""
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, {"content-type": "application/json"})
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {content[:300]!r}")
        return content

    def since_start_ms(self) -> float:
        """Milliseconds since it was started."""
        return round(1000.0 * (time.perf_counter() - self.began), 1)

    def resident_mb(self) -> float | None:
        """Resident memory as the kernel counts it; None where /proc does not tell."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return None
        lines = status.read_text().splitlines()
        kilobytes = next(line for line in lines if line.startswith("VmRSS:")).split()[1]
        return round(int(kilobytes) / 1024, 1)


@contextmanager
def running() -> Iterator[Service]:
    """A service on the simulated market with its clock stopped; ended at the end."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ttai_analysis", "--port", "0", "--exit-with-stdin"],
        cwd=FOLDER,
        env={**os.environ, "MARKET_DATA": "simulated", "MARKET_DATA_AS_OF": AS_OF},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C is for the bench, which ends it.
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("The service ended before it listened.")
        connection = http.client.HTTPConnection("127.0.0.1", json.loads(line)["port"], timeout=120)
        yield Service(process, connection, began)
    finally:
        process.kill()
        process.communicate()


def measure_start(runs: int) -> Figures:
    """Of each figure the median of the runs, in milliseconds since the process was started."""
    healthz, chart, memory = [], [], []
    for _ in range(runs):
        with running() as service:
            service.ask("GET", "/healthz")
            healthz.append(service.since_start_ms())
            memory.append(service.resident_mb())
            service.ask("POST", "/analyze/chart", {"symbol": "MSFT"})
            chart.append(service.since_start_ms())
    with running() as service:
        service.ask("POST", "/analyze/options", {"symbol": "MSFT"})
        options = service.since_start_ms()
    return {
        "healthzMs": sorted(healthz)[len(healthz) // 2],
        "firstChartMs": sorted(chart)[len(chart) // 2],
        "firstOptionsMs": options,
        "residentAtHealthzMb": memory[0],
        "runs": runs,
    }


def measure_answers(requests: int, batches: int) -> Figures:
    """Cold: the first ask of a symbol; warm: asked again. Answers are never cached by the bytes."""
    with running() as service:
        symbols = _symbols(service)
        service.ask("POST", "/analyze/options", {"symbol": symbols[-1]})
        many = symbols[:200]
        fifty = {"symbols": symbols[:50], "strategy": "csp"}
        found: Figures = {
            "quick50Cold": quantiles(_times(service, "/analyze/quick/batch", [fifty])),
            "quick50": quantiles(_times(service, "/analyze/quick/batch", [fifty] * batches)),
            "quotes200": quantiles(
                _times(service, "/quotes", [{"symbols": many}] * max(2, batches))
            ),
        }
        bodies = [{"symbol": symbols[index % 50]} for index in range(requests)]
        for name, path in (("chart", "/analyze/chart"), ("options", "/analyze/options")):
            found[name] = quantiles(_times(service, path, bodies))
        found["residentWarmMb"] = service.resident_mb()
        return found


def _symbols(service: Service) -> list[str]:
    from ttai_analysis.providers.simulated.provider import SimulatedProvider

    return list(SimulatedProvider(seed="ttai").symbols())


def _times(service: Service, path: str, bodies: Sequence[Mapping[str, object]]) -> list[float]:
    took = []
    for body in bodies:
        began = time.perf_counter()
        service.ask("POST", path, body)
        took.append(1000.0 * (time.perf_counter() - began))
    return took
