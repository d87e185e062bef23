"""The calibration as one HTML page that needs nothing else.

For: the report's figures as tables, then plots. Not for: computing any of them (report.py).
"""

from collections.abc import Iterable, Sequence
from html import escape

from ttai_analysis.calibration.intervals import Interval
from ttai_analysis.calibration.outcomes import DTE, HORIZON
from ttai_analysis.calibration.plots import (
    Point,
    Row,
    expected_against_realised,
    rows_with_intervals,
)
from ttai_analysis.calibration.report import Label, Report

STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--soft:#5b6875;--line:#dfe4ea;--back:#fff;
--card:#f6f8fa;--mark:#1f6feb;--agree:#9aa5b1}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa7b4;--line:#2c3440;--back:#0f141a;
--card:#171e26;--mark:#58a6ff;--agree:#5b6875}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:920px;margin:0 auto;padding:40px 20px 80px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px}h2{font-size:20px;margin:44px 0 6px}
p{margin:6px 0 14px}.soft{color:var(--soft);font-size:14px}
.verdict{background:var(--card);border-left:4px solid var(--mark);padding:14px 18px;margin:22px 0;
border-radius:0 8px 8px 0}.verdict p{margin:4px 0}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px;
font-variant-numeric:tabular-nums}
th,td{padding:7px 8px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600}th:first-child,td:first-child{text-align:left}
tr.first td{border-top:2px solid var(--line)}td small{color:var(--soft)}
figure{margin:18px 0;background:var(--card);border-radius:8px;padding:12px}
figcaption{font-size:14px;color:var(--soft);padding:0 4px 6px}
svg{width:100%;height:auto;display:block}
.grid{stroke:var(--line)}.agree{stroke:var(--agree);stroke-dasharray:5 5;stroke-width:1.5}
.whisker{stroke:var(--mark);stroke-width:3;stroke-opacity:.45;stroke-linecap:round}
circle{fill:var(--mark)}.tick,.title{fill:var(--soft);font-size:12px}.name{fill:var(--ink);font-size:13px}
"""


def page(report: Report) -> str:
    """The whole document."""
    body = [
        "<h1>Calibration</h1>",
        '<p class="soft">What the analysis service says, against what followed. Rates with 95 % '
        "intervals in brackets.</p>",
        _verdicts(report),
        *(_puts_table(report) if report.puts else []),
        *(_labels_table(report) if report.labels else []),
        *(_puts_plots(report) if report.puts else []),
        *(_labels_plots(report) if report.labels else []),
        _method(report),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Calibration of TTAI</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{chr(10).join(body)}\n</main></body></html>\n"
    )


def _verdicts(report: Report) -> str:
    told = "".join(f"<p>{escape(text)}</p>" for text in [*report.verdicts, *report.missing])
    return f'<div class="verdict">{told}</div>'


def _puts_table(report: Report) -> list[str]:
    rows = [
        (
            f".{100 * bucket.delta:02.0f}",
            _percent(bucket.model_pop),
            _with_interval(bucket.realised_pop),
            _percent(bucket.twice_delta),
            _percent(bucket.model_touch),
            _with_interval(bucket.touched),
            f"{bucket.samples}",
            f"{bucket.windows}",
        )
        for bucket in report.puts
    ]
    head = ("delta", "profit, model", "profit, real", "2 &times; delta", "touched, model",
            "touched, real", "days", "windows")  # fmt: skip
    return [
        f"<h2>Puts of {DTE} days on the index{_dates(report.puts_period)}</h2>",
        "<p>One put of each delta on every day, priced and judged by the service's own model with "
        "VIX as its volatility, held to the last close. <em>Profit</em>: it closed above the "
        "breakeven. <em>Touched</em>: a daily low reached the strike.</p>",
        _table(head, rows),
    ]


def _labels_table(report: Report) -> list[str]:
    seen: set[str] = set()
    rows, first = [], []
    for label in report.labels:
        first.append(label.family not in seen)
        seen.add(label.family)
        rows.append(
            (
                f"{label.family}: {label.label}",
                _with_interval(label.raw),
                _with_interval(label.adjusted),
                f"{label.samples}",
                f"{label.windows}",
            )
        )
    compared = [
        (
            f"{item.better} less {item.worse}",
            _signed(item.difference),
            "yes" if item.edge else "no",
        )
        for item in report.comparisons
    ]
    confidence = f"{100 * report.comparison_confidence:.2f} %"
    return [
        f"<h2>Chart labels, {HORIZON} sessions later{_dates(report.labels_period)}</h2>",
        f"<p>{escape(', '.join(report.symbols))}. <em>Raw</em>: the price did not fall by 5 %. "
        "<em>Adjusted</em>: it did not fall by one standard deviation of the 20-day volatility of "
        "its own day, so that a calm chart has no head start.</p>",
        _table(("label", "held, raw", "held, adjusted", "samples", "windows"), rows, first),
        f"<p>Does a label do better than its opposite, adjusted? Intervals of {confidence}, so "
        f"that all {len(compared)} together are wrong by chance in 5 % of cases.</p>",
        _table(("labels", "difference", "edge shown"), compared),
    ]


def _puts_plots(report: Report) -> list[str]:
    profit = [
        Point(f"delta .{100 * bucket.delta:02.0f}", bucket.model_pop, bucket.realised_pop)
        for bucket in report.puts
    ]
    touched = [
        Point(f"delta .{100 * bucket.delta:02.0f}", bucket.twice_delta, bucket.touched)
        for bucket in report.puts
    ]
    return [
        "<h2>Plots</h2>",
        _figure(
            "Profit: on the dashed line the model was right; above it, it said too little.",
            expected_against_realised(profit, "probability of profit, model", "profit, real"),
        ),
        _figure(
            "Touched: on the dashed line twice the delta was right; below it, it said too much.",
            expected_against_realised(touched, "twice the delta", "touched, real"),
        ),
    ]


def _labels_plots(report: Report) -> list[str]:
    def rows(rate: str) -> list[Row]:
        return [Row(_name(label), getattr(label, rate)) for label in report.labels]

    return [
        _figure(
            "Raw: calm charts hold oftener.",
            rows_with_intervals(rows("raw"), "did not fall by 5 %"),
        ),
        _figure(
            "Adjusted for volatility.",
            rows_with_intervals(rows("adjusted"), "did not fall by one standard deviation"),
        ),
    ]


def _method(report: Report) -> str:
    return (
        "<h2>How</h2><p class='soft'>Windows overlap, so intervals come from a seeded block "
        "bootstrap over time: stretches of two windows are drawn with all symbols in them. "
        "<em>Windows</em> counts stretches of time that do not overlap: the honest number of "
        f"trials. Not measured: {escape(report.not_measured)}</p>"
    )


def _name(label: Label) -> str:
    return f"{label.family}: {label.label}"


def _figure(caption: str, plot: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{plot}</figure>"


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], first: Sequence[bool] | None = None
) -> str:
    """Cells are HTML already. `first` marks rows that begin a group."""
    lines = [
        f"<tr{' class=first' if first and first[index] else ''}>"
        f"{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
        for index, row in enumerate(rows)
    ]
    titles = "".join(f"<th>{title}</th>" for title in head)
    return (
        f'<div class="wide"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _with_interval(rate: Interval) -> str:
    return f"{_percent(rate.value)} <small>({100 * rate.low:.1f} to {100 * rate.high:.1f})</small>"


def _signed(rate: Interval) -> str:
    return (
        f"{100 * rate.value:+.1f} <small>({100 * rate.low:+.1f} to {100 * rate.high:+.1f})</small>"
    )


def _dates(period: tuple[str, str] | None) -> str:
    return f", {period[0]} to {period[1]}" if period else ""
