"""The report of ``tracedesk check`` as one page: no scripts, nothing to fetch, all escaped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from tracedesk.commands.check_reports import diagnostic_lines, summary
from tracedesk.evaluation.gate import Result, Totals
from tracedesk.evaluation.report import Line, case_lines
from tracedesk.model.verdict import Outcome
from tracedesk.query.text import plain
from tracedesk.testcases.models import Diagnostic

_STYLE = """\
:root { color-scheme: light dark; --dim: #777; --pass: #1a7f37; --fail: #cf222e; }
:root { --missing: #9a6700; --error: #a40e26; --skipped: #777; }
@media (prefers-color-scheme: dark) {
  :root { --dim: #999; --pass: #3fb950; --fail: #ff7b72; --missing: #d29922; --error: #ffa198; }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
pre { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; margin: .4rem 0 1rem; }
details { border-left: 3px solid var(--dim); padding-left: .8rem; margin: .5rem 0; }
details.pass { border-color: var(--pass); } details.fail { border-color: var(--fail); }
details.missing { border-color: var(--missing); } details.error { border-color: var(--error); }
summary { cursor: pointer; }
.dim, .label { color: var(--dim); } .strong { font-weight: 600; } .pass { color: var(--pass); }
.fail { color: var(--fail); } .missing { color: var(--missing); } .error { color: var(--error); }
.skipped { color: var(--skipped); } details.pass, details.fail { color: inherit; }
details.missing, details.error, details.skipped { color: inherit; }
"""


def page(
    results: Sequence[Result],
    diagnostics: Sequence[Diagnostic],
    totals: Totals,
    elapsed_ms: int,
    texts: Mapping[str, str],
) -> str:
    """The whole page. ``texts``: content of the case files, for code frames."""
    return "\n".join(_page(results, diagnostics, totals, elapsed_ms, texts)) + "\n"


def _page(
    results: Sequence[Result],
    diagnostics: Sequence[Diagnostic],
    totals: Totals,
    elapsed_ms: int,
    texts: Mapping[str, str],
) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>tracedesk check</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>"
    yield f"<h1>tracedesk check</h1>\n<p>{_text(summary(totals, elapsed_ms))}</p>"
    if diagnostics:
        yield "<h2>Test-case files</h2>"
    for diagnostic in diagnostics:
        content = texts.get(diagnostic.file)
        lines = map(escape, diagnostic_lines(diagnostic, content))
        yield f'<pre class="{"error" if diagnostic.is_error else "missing"}">'
        yield "\n".join(lines).rstrip() + "</pre>"
    for subject, found in groupby(results, key=lambda result: result.subject):
        source = f' <span class="dim">{_text(subject.source)}</span>' if subject.source else ""
        yield f"<h2>{_text(subject.id)}{source}</h2>"
        for result in found:
            yield from _case(result, texts)
    if not results:
        yield "<p>Nothing was evaluated.</p>"
    yield "</body>\n</html>"


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
    for style, text in line:
        yield f'<span class="{style}">{escape(text)}</span>' if style else escape(text)


def _text(text: str) -> str:
    return escape(plain(text))
