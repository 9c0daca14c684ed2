"""The report of ``tracedesk check`` as one page: no scripts, nothing to fetch, all escaped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from tracedesk.commands import html_page
from tracedesk.commands.check_flip_reports import flip_lines
from tracedesk.commands.check_reports import diagnostic_lines, summary
from tracedesk.commands.html_page import text
from tracedesk.commands.matrix_html import matrix_html
from tracedesk.evaluation.backtest import Backtest
from tracedesk.evaluation.gate import MarkFault, Result, Totals
from tracedesk.evaluation.matrix import Matrix, matrix_of, verdict_result
from tracedesk.evaluation.report import case_lines
from tracedesk.evaluation.report_lines import Line
from tracedesk.evaluation.tally import tally_of
from tracedesk.model.verdict import Outcome
from tracedesk.testcases.models import Diagnostic


def page(
    results: Sequence[Result],
    diagnostics: Sequence[Diagnostic],
    totals: Totals,
    elapsed_ms: int,
    texts: Mapping[str, str],
    test: Backtest | None = None,
    faults: Sequence[MarkFault] = (),
) -> str:
    """The whole page. ``texts``: content of the case files, for code frames."""
    body = _body(results, diagnostics, totals, elapsed_ms, texts, [*_changes(test, faults)])
    return html_page.page("tracedesk check", body)


def _body(
    results: Sequence[Result],
    diagnostics: Sequence[Diagnostic],
    totals: Totals,
    elapsed_ms: int,
    texts: Mapping[str, str],
    changes: Iterable[str],
) -> Iterator[str]:
    yield f"<h1>tracedesk check</h1>\n<p>{text(summary(totals, elapsed_ms))}</p>"
    if diagnostics:
        yield "<h2>Test-case files</h2>"
    for diagnostic in diagnostics:
        content = texts.get(diagnostic.file)
        lines = map(escape, diagnostic_lines(diagnostic, content))
        yield f'<pre class="{"error" if diagnostic.is_error else "missing"}">'
        yield "\n".join(lines).rstrip() + "</pre>"
    yield from changes
    if results:
        yield "<h2>Failure matrix</h2>"
        yield from matrix_html(_matrix(results))
    for subject, found in groupby(results, key=lambda result: result.subject):
        source = f' <span class="dim">{text(subject.source)}</span>' if subject.source else ""
        yield f"<h2>{text(subject.id)}{source}</h2>"
        for result in found:
            yield from _case(result, texts)
    if not results:
        yield "<p>Nothing was evaluated.</p>"


def _changes(test: Backtest | None, faults: Sequence[MarkFault]) -> Iterator[str]:
    """What flipped, and traces that are not as they are marked."""
    if test is not None:
        yield "<h2>What changed</h2>\n<pre>" + "\n".join(map(_line, flip_lines(test))) + "</pre>"
    if faults:
        yield '<h2>Marked traces</h2>\n<pre class="fail">'
        yield "\n".join(f"✗ {text(str(fault))}" for fault in faults) + "</pre>"


def _matrix(results: Sequence[Result]) -> Matrix:
    return matrix_of(tally_of(verdict_result(r.subject.id, r.verdict) for r in results))


def _case(result: Result, texts: Mapping[str, str]) -> Iterator[str]:
    """One case, opened when it did not pass."""
    verdict = result.verdict
    outcome = verdict.outcome
    opened = "" if outcome in (Outcome.PASS, Outcome.SKIPPED) else " open"
    head, *lines = case_lines(verdict, texts.get(verdict.file), result.reading, result.case)
    yield f'<details class="{outcome}"{opened}>'
    yield f"<summary>{_line(head)}</summary>"
    yield "<pre>" + "\n".join(map(_line, lines)) + "</pre>\n</details>"


def _line(line: Line) -> str:
    return "".join(_segments(line)).rstrip()


def _segments(line: Line) -> Iterable[str]:
    for style, words in line:
        yield f'<span class="{style}">{escape(words)}</span>' if style else escape(words)
