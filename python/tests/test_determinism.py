"""The same 2,000 recorded requests give the same bytes in two processes with other hash seeds."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from recorded_requests import COUNT, SHARES, make_requests

TESTS = Path(__file__).resolve().parent


def _answer_elsewhere(requests: Path, hash_seed: str) -> "subprocess.Popen[str]":
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    return subprocess.Popen(
        [sys.executable, str(TESTS / "recorded_requests.py"), str(requests)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    recorded = tmp_path / "requests.json"
    recorded.write_text(json.dumps(make_requests(seed=7)))
    processes = [_answer_elsewhere(recorded, seed) for seed in ("0", "12345")]
    first, second = (process.communicate()[0].splitlines() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert len(first) == COUNT
    assert first == second
    statuses = Counter(line.split()[0] for line in first)
    assert statuses["200"] > 0.8 * COUNT, statuses
    assert set(statuses) <= {"200", "400", "404"}, statuses
    asked = {line.split()[3].partition("?")[0] for line in first}
    assert asked == {path.partition("?")[0] for path, _ in SHARES}
