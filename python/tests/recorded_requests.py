"""Two thousand requests over all endpoints, and what one process answers to them.

For: test_determinism.py, which runs this file in processes of their own:
`python recorded_requests.py REQUESTS.json` prints the status and the SHA-256 of each answer.
"""

import hashlib
import json
import sys
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from helpers import NOW, client_for

from ttai_analysis.providers.simulated.universe import listings
from ttai_analysis.settings import Settings
from ttai_analysis.timestamps import format_rfc3339

COUNT = 2000
STRATEGIES = ("csp", "covered_call", "bull_put_spread", "bear_call_spread", "iron_condor")
SHARES: tuple[tuple[str, int], ...] = (
    ("/quotes?meta=true", 30), ("/market-data", 12), ("/analyze/chart", 18), ("/news", 8),
    ("/analyze/research", 8), ("/analyze/options", 5), ("/option-chain", 2), ("/analyze/quick", 2),
    ("/positions/evaluate", 2), ("/market/clock", 6), ("/market/calendar", 4),
    ("/analyze/quick/batch", 1), ("/screener/candidates?detail=true", 1),
)  # fmt: skip
Recorded = tuple[str, str, dict[str, Any] | None]


def make_requests(seed: int) -> list[Recorded]:
    """Method, path and body; some are wrong, for errors must repeat too."""
    random = Random(seed)
    names = [*sorted(listings())[:12], "NOWHERE"]
    paths = [path for path, _ in SHARES]
    weights = [weight for _, weight in SHARES]
    return [_request(random, random.choices(paths, weights)[0], names) for _ in range(COUNT)]


def _request(random: Random, path: str, names: list[str]) -> Recorded:
    moment = NOW - timedelta(hours=random.choice([0, 3, 24, 96]))
    as_of, symbol = format_rfc3339(moment), random.choice(names)
    some = random.sample(names, 2)
    if path == "/market/clock":
        return "GET", f"{path}?asOf={as_of}", None
    if path == "/market/calendar":
        return "GET", f"{path}?from=2026-0{random.randrange(1, 9)}-01&to=2026-09-30", None
    body: dict[str, Any] = {"asOf": as_of}
    if path.startswith(("/quotes", "/news", "/screener", "/analyze/quick/batch")):
        body["symbols"] = some
    elif path == "/positions/evaluate":
        body["positions"] = [_position(random, name) for name in some]
    else:
        body["symbol"] = symbol
    if path == "/market-data":
        body["timeframe"] = random.choice(["daily", "weekly", "intraday", "hourly"])
    if path in ("/analyze/options", "/analyze/quick", "/analyze/quick/batch"):
        body["strategy"] = random.choice(STRATEGIES)
    if path == "/analyze/options" and random.random() < 0.5:
        body["constraints"] = {"dteMax": random.randrange(30, 90), "minOpenInterest": 10}
    return "POST", path, body


def _position(random: Random, symbol: str) -> dict[str, Any]:
    leg = {
        "right": random.choice("CP"),
        "strike": float(random.randrange(50, 300, 5)),
        "expiration": "2026-04-17",
        "quantity": -1,
        "openPrice": 1.5,
    }
    return {"id": f"{symbol}-1", "symbol": symbol, "legs": [leg]}


def answers(requests: list[Recorded]) -> list[str]:
    """Status and SHA-256 of each answer of this process."""
    client = client_for(Settings(as_of=NOW))
    lines = []
    for method, path, body in requests:
        response = client.call(method, path, json=body)
        digest = hashlib.sha256(response.content).hexdigest()
        lines.append(f"{response.status_code} {digest} {method} {path}")
    return lines


if __name__ == "__main__":
    print("\n".join(answers(json.loads(Path(sys.argv[1]).read_text()))))
