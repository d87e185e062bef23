"""Calibration: figures on real bars, intervals that know of overlap, no claim beyond the table."""

import json
import re
from datetime import date, timedelta
from html import escape
from pathlib import Path

import numpy as np
import pytest

from ttai_analysis.calibration.__main__ import main
from ttai_analysis.calibration.intervals import Interval, block_bootstrap
from ttai_analysis.calibration.outcomes import DTE, sell_puts
from ttai_analysis.calibration.page import page
from ttai_analysis.calibration.report import (
    Comparison,
    Report,
    calibrate,
    label_verdict,
    put_buckets,
)
from ttai_analysis.calibration.samples import read_samples

PROJECT = Path(__file__).resolve().parents[2]
DESIGN_PUTS = {  # delta: (model, realised, touched), measured for the design by other code
    0.10: (0.900, 0.943, 0.138),
    0.16: (0.849, 0.926, 0.191),
    0.20: (0.818, 0.917, 0.240),
    0.30: (0.750, 0.896, 0.457),
}
DESIGN_RAW = {"up": 0.827, "sideways": 0.794, "down": 0.741}
DENIED = re.compile(r"\b(no|not|never)\b[^.]*\bedge", re.IGNORECASE)
CLAIMS = re.compile(r"\b(edge|outperform\w*|beats? the market|profitable)\b", re.IGNORECASE)


def _folder(path: Path, *, drift: float, noise: float, sessions: int = 700) -> Path:
    """An index of one path, its VIX at the noise it really has, and one symbol with the same."""
    returns = np.random.default_rng(7).normal(drift, noise, sessions)
    close = 100.0 * np.exp(np.cumsum(returns))
    day, bars, vix = date(2015, 1, 5), ["date,open,high,low,close,volume"], ["date,vix"]
    for value in close:
        while day.weekday() > 4:
            day += timedelta(days=1)
        bars.append(f"{day},{value},{value * 1.001},{value * 0.999},{value},3000000")
        vix.append(f"{day},{100 * noise * np.sqrt(252):.2f}")
        day += timedelta(days=1)
    (path / "market" / "bars").mkdir(parents=True)
    (path / "indices").mkdir()
    for name in ("market/bars/XYZ.csv", "indices/sp500_x.csv"):
        (path / name).write_text("\n".join(bars))
    (path / "indices" / "vix_x.csv").write_text("\n".join(vix))
    return path


def test_puts_on_the_index_meet_the_baseline_of_the_design(shared_data: Path) -> None:
    index = read_samples(shared_data).index
    assert index is not None
    buckets = put_buckets(sell_puts(index))
    assert [bucket.samples for bucket in buckets] == [1229] * 4
    for bucket in buckets:
        model, realised, touched = DESIGN_PUTS[bucket.delta]
        assert bucket.model_pop == pytest.approx(model, abs=0.001)
        assert bucket.realised_pop.value == pytest.approx(realised, abs=0.01)
        assert bucket.touched.value == pytest.approx(touched, abs=0.02)
        assert bucket.realised_pop.holds(realised)
        assert bucket.touched.holds(touched)


def test_labels_meet_the_baseline_and_show_no_edge(shared_data: Path) -> None:
    report = calibrate(read_samples(shared_data), every=20)
    rates = {label.label: label for label in report.labels if label.family == "direction"}
    for name, raw in DESIGN_RAW.items():
        assert rates[name].raw.value == pytest.approx(raw, abs=0.04)
        assert rates[name].raw.holds(raw)
    assert rates["up"].raw.value > rates["down"].raw.value
    assert rates["up"].adjusted.value < rates["down"].adjusted.value
    assert not any(item.edge for item in report.comparisons)
    assert any(text.startswith("No edge shown") for text in report.verdicts)


def test_a_put_at_the_noise_it_really_has_is_inside_the_interval(tmp_path: Path) -> None:
    index = read_samples(_folder(tmp_path, drift=-0.00005, noise=0.01, sessions=4000)).index
    assert index is not None
    outcomes = sell_puts(index)
    assert outcomes.days[-1] + DTE <= index.bars.days[-1]
    for bucket in put_buckets(outcomes):
        assert bucket.realised_pop.holds(bucket.model_pop)
        # Bars look between closes only a little: fewer touches than of a continuous path.
        assert bucket.touched.low < bucket.model_touch < bucket.touched.high + 0.05


def test_overlap_widens_the_interval() -> None:
    fair = np.random.default_rng(1).integers(0, 2, 60).astype(np.float64)
    repeated = np.repeat(fair, 30)[:, None]
    counts = np.ones_like(repeated)
    naive = block_bootstrap(repeated, counts, 1).rate(0)
    honest = block_bootstrap(repeated, counts, 60).rate(0)
    assert naive.value == honest.value
    assert honest.high - honest.low > 4 * (naive.high - naive.low)
    assert block_bootstrap(repeated, counts, 60).rate(0) == honest


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        hits = (generator.random(240) < 0.8).astype(np.float64)[:, None]
        covered += block_bootstrap(hits, np.ones_like(hits), 4, draws=400).rate(0).holds(0.8)
    assert 176 <= covered <= 199


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(-0.1, 0.1, "No edge shown"), (0.02, 0.1, "show a difference of up over down"),
     (-0.1, -0.02, "up did worse than down")],
)  # fmt: skip
def test_the_verdict_follows_the_interval(low: float, high: float, says: str) -> None:
    difference = Interval((low + high) / 2, low, high)
    told = label_verdict([Comparison("direction", "up", "down", difference, edge=low > 0.0)])
    assert says in " ".join(told)


def test_the_command_writes_a_page_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = _folder(tmp_path / "data", drift=0.0, noise=0.01), tmp_path / "page.html"
    assert main(["--data", str(folder), "--out", str(out), "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert [bucket["delta"] for bucket in found["puts"]] == [0.10, 0.16, 0.20, 0.30]
    assert found["symbols"] == ["XYZ"]
    assert "charts of XYZ" in printed.err
    html = out.read_text(encoding="utf-8")
    assert html.index("<table") < html.index("<svg")
    assert all(escape(text) in html for text in found["verdicts"])
    assert not re.search(r"(src|href)=|<script|@import|url\(", html)
    assert main(["--data", str(folder), "--out", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == html


def test_an_absent_folder_is_said_and_so_is_an_empty_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, says in ((tmp_path / "none", "There is no folder"), (tmp_path, "neither")):
        assert main(["--data", str(folder)]) == 1
        printed = capsys.readouterr()
        assert says in printed.err
        assert printed.out == ""


def test_what_a_folder_lacks_is_said_on_the_page(tmp_path: Path) -> None:
    folder = _folder(tmp_path, drift=0.0, noise=0.01)
    (folder / "indices" / "vix_x.csv").unlink()
    report = calibrate(read_samples(folder))
    assert report.puts == []
    assert "No index with its VIX" in page(report)


def test_no_page_holds_a_name_as_markup() -> None:
    assert "<b>" not in page(Report(missing=["<b>"]))


def test_nothing_claims_an_edge_beyond_the_table() -> None:
    """READMEs and answers speak of an edge only to deny it; the report alone computes one."""
    sources = sorted((PROJECT / "python" / "ttai_analysis").rglob("*.py"))
    files = [PROJECT / "README.md", PROJECT / "python" / "README.md"]
    files += [
        path for path in sources if path.parent.name != "calibration" and path.name != "lexicon.py"
    ]
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            if CLAIMS.search(line):
                assert DENIED.search(line), f"{path.name} claims: {line.strip()}"
