"""The report as one page: no scripts, nothing to fetch, all escaped."""

from collections.abc import Iterator, Sequence

from tracedesk.commands.html_page import page as whole_page
from tracedesk.commands.html_page import table, text
from tracedesk.commands.matrix_html import matrix_html
from tracedesk.commands.report_data import FAILURES_LISTED, NOT_STATED, Compared, Report, left_out
from tracedesk.commands.report_text import (
    SCORE_HEADS,
    edits_by_day,
    flips_by_kind,
    marks,
    pairs_text,
    score_cells,
    share_of,
    trace_step,
)
from tracedesk.evaluation.matrix import STAGE_TITLES
from tracedesk.evaluation.score_text import change, percents, told
from tracedesk.evaluation.trends import Point
from tracedesk.query.text import counted, iso


def page(report: Report) -> str:
    """The whole page."""
    return whole_page("tracedesk report", _body(report))


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>tracedesk report</h1>\n<p>{text(' · '.join(report.about))}</p>"
    for problem in report.problems:
        yield f'<pre class="error">{text(problem)}</pre>'
    for sentence in left_out(report):
        yield f"<p>{text(sentence)}</p>"
    if report.why_empty:
        yield f"<p>{text(report.why_empty)}</p>"
        return
    counts = f"{counted(report.scores.traces, 'trace')}, {counted(len(report.matrix.rows), 'case')}"
    yield f"<p>{text(counts)}</p>\n<h2>Scores</h2>"
    yield from table(("", "", ""), told(report.scores), (1,))
    yield "<h2>Failure matrix</h2>"
    yield from matrix_html(report.matrix)
    yield from _failures(report)
    if report.compared is not None:
        yield from _compared(report.compared)
    yield "<h2>By agent</h2>"
    agents = [(each.name, each.scores) for each in report.agents]
    yield from table(
        ("agent", *SCORE_HEADS), [[name, *score_cells(scores)] for name, scores in agents], NUMBERS
    )
    for head, points in (("version", report.versions), ("environment", report.environments)):
        if any(point.label for point in points):
            yield f"<h2>By {head}</h2>"
            rows = [[p.label or NOT_STATED, *score_cells(p.scores)] for p in points]
            yield from _bars(points)
            yield from table((head, *SCORE_HEADS), rows, NUMBERS)
    yield "<h2>By day</h2>"
    yield from _days(report)


NUMBERS = range(1, 6)


def _failures(report: Report) -> Iterator[str]:
    if not report.failures:
        return
    yield "<h2>Failures</h2>"
    listed = report.failures[:FAILURES_LISTED]
    rows = [
        [f.name, f.trace[:8], iso(f.at_ns)[:16].replace("T", " "), STAGE_TITLES[f.stage],
         f.assertion, f.reason]
        for f in listed
    ]  # fmt: skip
    yield from table(("case", "trace", "time (UTC)", "stage", "assertion", "reason"), rows)
    more = report.matrix.totals.failed - len(listed)
    if more:
        yield f'<p class="dim">{more:,} more are not listed.</p>'


def _days(report: Report) -> Iterator[str]:
    yield from _bars(report.days)
    edited = edits_by_day(report)
    rows = [
        [day.label, *score_cells(day.scores), "; ".join(marks(day.versions, edited.get(day.label)))]
        for day in report.days
    ]
    yield from table(("day (UTC)", *SCORE_HEADS, "new"), rows, NUMBERS)


BAR_WIDTH, BAR_HEIGHT = 14, 60


def _bars(points: Sequence[Point]) -> Iterator[str]:
    """Quality as bars from 0 to 100; the table below says the same in numbers."""
    if len(points) < 2:
        return
    width = BAR_WIDTH * len(points)
    yield (
        f'<svg width="{width}" height="{BAR_HEIGHT + 2}" role="img" aria-label="quality, 0 to 100">'
    )
    yield f'<path d="M0 {BAR_HEIGHT + 1}H{width}" stroke="currentColor" opacity=".4"/>'
    for at, point in enumerate(points):
        quality = point.scores.quality.percent
        if quality is None:
            continue
        tall = max(1.0, BAR_HEIGHT * quality / 100)
        title = text(f"{point.label}: {quality:.1f}")
        yield (
            f'<rect x="{at * BAR_WIDTH}" y="{BAR_HEIGHT + 1 - tall:.1f}" width="{BAR_WIDTH - 3}"'
            f' height="{tall:.1f}" fill="currentColor" opacity=".6"><title>{title}</title></rect>'
        )
    yield "</svg>"


def _compared(compared: Compared) -> Iterator[str]:
    found = compared.comparison
    yield f"<h2>{text(compared.before)} → {text(compared.after)}</h2>"
    yield f"<p>{text(pairs_text(found))}</p>"
    after = percents(found.after)
    steps = [[name, change(value, after[name])] for name, value in percents(found.before).items()]
    yield from table(("", ""), steps)
    for title, flips in flips_by_kind(found):
        yield f"<h3>{text(title)}: {len(flips):,}</h3>"
        rows = [
            [f.name, trace_step(f), f"{f.was} → {f.now}", f.reason] for f in flips[:FAILURES_LISTED]
        ]
        if rows:
            yield from table(("case", "trace", "", "reason"), rows)
        if len(flips) > FAILURES_LISTED:
            yield f'<p class="dim">{len(flips) - FAILURES_LISTED:,} more are not listed.</p>'
    cases = [[c.name, share_of(c.before), share_of(c.after)] for c in found.cases]
    if cases:
        yield "<h3>Cases: passes of decided results</h3>"
        yield from table(("case", compared.before, compared.after), cases, (1, 2))
