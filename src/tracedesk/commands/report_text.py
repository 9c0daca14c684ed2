"""The report for a terminal: tables as wide as what stands in them."""

from collections.abc import Iterator, Sequence

from tracedesk.commands.report_data import FAILURES_LISTED, NOT_STATED, Compared, Report, left_out
from tracedesk.evaluation.matrix import STAGE_TITLES, Failure, Row
from tracedesk.evaluation.regressions import BY_TRACE, CaseChange, Comparison, Flip, Share
from tracedesk.evaluation.score_text import cell_text, change, percent, percents, told
from tracedesk.evaluation.tally import Scores
from tracedesk.query.text import counted, iso, plain

NAME_MOST = 48
REASON_MOST = 100


def lines(report: Report) -> Iterator[str]:
    """The whole report."""
    for problem in report.problems:
        yield plain(problem)
    yield plain(" · ".join(report.about))
    yield from left_out(report)
    if report.why_empty:
        yield report.why_empty
        return
    yield f"{counted(report.scores.traces, 'trace')}, {counted(len(report.matrix.rows), 'case')}"
    yield ""
    yield from table([[each.name, each.value, each.basis] for each in told(report.scores)], (1,))
    yield from _matrix(report)
    yield from _failures(report)
    yield from _points("agent", [(each.name, each.scores) for each in report.agents])
    for head, points in (("version", report.versions), ("environment", report.environments)):
        if any(point.label for point in points):
            yield from _points(head, [(each.label or NOT_STATED, each.scores) for each in points])
    yield from _days(report)
    if report.compared is not None:
        yield from _compared(report.compared)


def _matrix(report: Report) -> Iterator[str]:
    matrix = report.matrix
    yield "\nfailure matrix: failed of decided results; * where most failures of the case began"
    heads = ["case", *(STAGE_TITLES[stage] for stage in matrix.stages), "failed", "undecided"]
    rows = [heads, *map(_row, (*matrix.rows, matrix.totals))]
    yield from table(rows, range(1, len(heads)))


def _row(row: Row) -> list[str]:
    cells = [cell_text(cell, root=stage == row.root) for stage, cell in row.cells.items()]
    if not row.case:
        cells = [text.removesuffix(" *") for text in cells]
    undecided = row.missing + row.errors
    failed = f"{row.failed:,} of {row.evaluated:,}"
    return [cut(row.name, NAME_MOST), *cells, failed, f"{undecided:,}" if undecided else ""]


def _failures(report: Report) -> Iterator[str]:
    if not report.failures:
        return
    yield "\nfailures, the newest first"
    listed = [_failure(failure) for failure in report.failures[:FAILURES_LISTED]]
    yield from table(listed)
    more = report.matrix.totals.failed - len(listed)
    if more:
        yield f"… {more:,} more"


def _failure(failure: Failure) -> list[str]:
    return [
        f"✗ {failure.trace[:8]}",
        cut(failure.name, NAME_MOST),
        STAGE_TITLES[failure.stage],
        failure.assertion,
        cut(failure.reason, REASON_MOST),
    ]


def _points(head: str, points: Sequence[tuple[str, Scores]]) -> Iterator[str]:
    if not points:
        return
    yield ""
    yield from table(
        [[head, *SCORE_HEADS], *([name, *score_cells(scores)] for name, scores in points)],
        range(1, 6),
    )


SCORE_HEADS = ("traces", "results", "quality", "determinism", "hallucination")


def score_cells(scores: Scores) -> list[str]:
    """The cells under ``SCORE_HEADS``."""
    values = map(percent, percents(scores).values())
    return [f"{scores.traces:,}", f"{scores.quality.results:,}", *values]


def _days(report: Report) -> Iterator[str]:
    if not report.days:
        return
    edited = edits_by_day(report)
    rows = [
        [day.label, *score_cells(day.scores), "; ".join(marks(day.versions, edited.get(day.label)))]
        for day in report.days
    ]
    yield ""
    yield from table([["day (UTC)", *SCORE_HEADS, "new"], *rows], range(1, 6))
    shown = {day.label for day in report.days}
    for at, files in edited.items():
        if at not in shown:
            yield f"{at}  {', '.join(plain(file) for file in files)} changed"


def edits_by_day(report: Report) -> dict[str, list[str]]:
    """Day → the case files that changed on it."""
    found: dict[str, list[str]] = {}
    for edit in report.edits:
        files = found.setdefault(iso(edit.at_ns)[:10], [])
        if edit.file not in files:
            files.append(edit.file)
    return found


def marks(versions: Sequence[str], files: Sequence[str] | None) -> Iterator[str]:
    """What was new on a day."""
    for version in versions:
        yield f"version {version}"
    for file in files or ():
        yield f"{file} changed"


# -- comparison ------------------------------------------------------------------------


def _compared(compared: Compared) -> Iterator[str]:
    found = compared.comparison
    yield f"\n{plain(compared.before)} → {plain(compared.after)}: {pairs_text(found)}"
    after = percents(found.after)
    yield from table(
        [[name, change(value, after[name])] for name, value in percents(found.before).items()]
    )
    for title, flips in flips_by_kind(found):
        yield f"\n{title}: {len(flips):,}"
        yield from table([_flip(flip) for flip in flips[:FAILURES_LISTED]])
        if len(flips) > FAILURES_LISTED:
            yield f"… {len(flips) - FAILURES_LISTED:,} more"
    worse = [case for case in found.cases if case.drop > 0]
    if worse:
        yield "\ncases that pass less often"
        yield from table([_change(case) for case in worse])


def pairs_text(found: Comparison) -> str:
    """How the sides were paired, and what has no partner."""
    how = "of the same traces" if found.pairing == BY_TRACE else "with equal inputs"
    alone = found.unpaired_before + found.unpaired_after
    without = (
        f", {found.unpaired_before:,} and {found.unpaired_after:,} without a partner"
        if alone
        else ""
    )
    return f"{counted(found.paired, 'pair')} of results {how}{without}"


def flips_by_kind(found: Comparison) -> Iterator[tuple[str, tuple[Flip, ...]]]:
    """The flips under their titles; the two that matter are named even when there are none."""
    yield "pass → fail", found.broken
    yield "fail → pass", found.mended
    if found.others:
        yield "other changes", found.others


def _flip(flip: Flip) -> list[str]:
    return [
        f"{flip.was} → {flip.now}",
        cut(flip.name, NAME_MOST),
        trace_step(flip),
        STAGE_TITLES[flip.stage] if flip.stage else "",
        cut(flip.reason, REASON_MOST),
    ]


def trace_step(flip: Flip) -> str:
    """The trace, or the two traces, that a flip is about."""
    if flip.trace == flip.trace_before:
        return flip.trace[:8]
    return f"{flip.trace_before[:8]} → {flip.trace[:8]}"


def _change(case: CaseChange) -> list[str]:
    step = f"{share_of(case.before)} → {share_of(case.after)}"
    return [cut(case.name, NAME_MOST), step, f"−{100 * case.drop:.0f} %"]


def share_of(share: Share) -> str:
    """``3 of 4``, of decided results."""
    return f"{share.passed:,} of {share.decided:,}" if share.decided else "none"


# -- tables ----------------------------------------------------------------------------


def cut(text: str, most: int) -> str:
    """One harmless line of at most so many characters."""
    text = plain(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """Columns as wide as their widest cell; those in ``right`` are set to the right."""
    made = [[plain(cell) for cell in row] for row in rows]
    if not made:
        return
    widths = [max(map(len, column)) for column in zip(*made, strict=True)]
    for row in made:
        cells = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
