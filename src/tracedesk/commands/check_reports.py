"""What ``tracedesk check`` prints: a JSON document, a JUnit file, or text.

All three say the same: a fault in a file is never only on stderr, and a case that could not
be evaluated is listed as an error.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from xml.etree import ElementTree

from msgspec import to_builtins

from tracedesk.commands import check_flip_reports
from tracedesk.document import assertion_document
from tracedesk.evaluation.backtest import Backtest
from tracedesk.evaluation.gate import MarkFault, Result, Totals
from tracedesk.evaluation.report import code_frame, render_case
from tracedesk.evaluation.report_lines import text_of
from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.query.text import counted, plain
from tracedesk.testcases.models import Diagnostic


def document(
    results: Sequence[Result],
    diagnostics: Sequence[Diagnostic],
    totals: Totals,
    elapsed_ms: int,
    changes: Backtest | None = None,
    faults: Sequence[MarkFault] = (),
) -> dict[str, Any]:
    """The object of ``check --json``."""
    return {
        **_summary_and_results(results, diagnostics, totals, elapsed_ms),
        **check_flip_reports.document(changes, faults),
    }


def _summary_and_results(
    results: Sequence[Result], diagnostics: Sequence[Diagnostic], totals: Totals, elapsed_ms: int
) -> dict[str, Any]:
    return {
        "summary": {
            "traces": totals.traces,
            "cases": totals.cases,
            "assertions": totals.assertions,
            **{str(outcome): number for outcome, number in totals.outcomes.items()},
            "quality": None if totals.quality is None else round(totals.quality, 1),
            "elapsedMs": elapsed_ms,
            **({"judge": to_builtins(totals.judge)} if totals.judge else {}),
        },
        "diagnostics": [
            {
                "file": d.file,
                "line": d.line,
                "column": d.column,
                "severity": d.severity,
                "code": d.code,
                "message": d.message,
            }
            for d in diagnostics
        ],
        "results": [
            {
                "trace": result.subject.id,
                "file": result.subject.source,
                "case": result.verdict.name,
                "caseFile": result.verdict.file,
                "line": result.verdict.line,
                "verdict": result.verdict.outcome,
                "score": result.verdict.score,
                "assertions": [assertion_document(verdict) for verdict in result.verdict.verdicts],
            }
            for result in results
        ],
    }


# -- text ------------------------------------------------------------------------------


def text(
    results: Sequence[Result],
    diagnostics: Sequence[Diagnostic],
    totals: Totals,
    elapsed_ms: int,
    texts: Mapping[str, str],
    changes: Backtest | None = None,
    faults: Sequence[MarkFault] = (),
) -> Iterator[str]:
    """A report for people. ``texts``: content of the case files, for code frames."""
    for diagnostic in diagnostics:
        yield from diagnostic_lines(diagnostic, texts.get(diagnostic.file))
    if changes is None:
        yield from _results_text(results, totals, texts)
    yield from check_flip_reports.text(changes, faults)
    yield summary(totals, elapsed_ms)


def _results_text(
    results: Sequence[Result], totals: Totals, texts: Mapping[str, str]
) -> Iterator[str]:
    for trace, found in groupby(results, key=lambda result: result.subject):
        source = f"  {plain(trace.source)}" if trace.source else ""
        yield f"trace {plain(trace.id)}{source}"
        unasked = 0
        for result in found:
            if result.verdict.outcome is Outcome.SKIPPED:
                unasked += 1
                continue
            file = texts.get(result.verdict.file)
            for line in render_case(result.verdict, file, result.reading, result.case):
                yield f"  {line}"
        if unasked:
            yield f"  – {counted(unasked, 'case')} skipped: not meant for this trace"
        yield ""
    if not results:
        yield "nothing was evaluated: " + (
            "no active case applies to these traces" if totals.traces else "no traces"
        )


def diagnostic_lines(diagnostic: Diagnostic, content: str | None) -> Iterator[str]:
    """One diagnostic with its code frame."""
    yield plain(str(diagnostic))
    if content is not None:
        for line in code_frame(content, diagnostic.line):
            yield f" {text_of(line)}"
    yield ""


def summary(totals: Totals, elapsed_ms: int) -> str:
    """The totals in one line."""
    outcomes = ", ".join(f"{number} {word}" for word, number in totals.outcomes.items() if number)
    parts = [
        counted(totals.traces, "trace"),
        counted(totals.cases, "case"),
        f"{counted(totals.assertions, 'assertion')}{': ' + outcomes if outcomes else ''}",
    ]
    if totals.quality is not None:
        parts.append(f"quality {totals.quality:.1f}")
    if totals.judge is not None:
        told = to_builtins(totals.judge)
        parts.append("judge " + ", ".join(f"{n} {word}" for word, n in told.items() if n))
    return " · ".join([*parts, f"{elapsed_ms} ms"])


# -- JUnit -----------------------------------------------------------------------------


def junit(
    results: Sequence[Result],
    diagnostics: Sequence[Diagnostic],
    changes: Backtest | None = None,
    faults: Sequence[MarkFault] = (),
) -> str:
    """A JUnit report: a suite per trace, a test per assertion, one more for broken files. Of a
    comparison the flips alone."""
    root = ElementTree.Element("testsuites", name="tracedesk")
    check_flip_reports.add_suites(root, changes, faults)
    for suite in root:
        _count(suite)
    shown = results if changes is None else ()
    for trace, found in groupby(shown, key=lambda result: result.subject):
        suite = ElementTree.SubElement(root, "testsuite", name=_xml(trace.source or trace.id))
        for result in found:
            for verdict in result.verdict.verdicts:
                _test(suite, result, verdict)
            if not result.verdict.verdicts:
                _whole_case(suite, result)
        _count(suite)
    errors = [d for d in diagnostics if d.is_error]
    if errors:
        suite = ElementTree.SubElement(root, "testsuite", name="files that could not be used")
        for diagnostic in errors:
            test = ElementTree.SubElement(
                suite, "testcase", classname=_xml(diagnostic.file), name=diagnostic.code
            )
            ElementTree.SubElement(test, "error", message=_xml(str(diagnostic)))
        _count(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


_ELEMENTS: Mapping[Outcome, str] = {
    Outcome.FAIL: "failure",
    Outcome.ERROR: "error",
    Outcome.MISSING: "error",
    Outcome.SKIPPED: "skipped",
}


def _test(suite: ElementTree.Element, result: Result, verdict: Verdict) -> None:
    name = f"{result.verdict.name} › {verdict.assertion} {verdict.target}"
    _element(suite, result, name, verdict.line, verdict.outcome, verdict.reason)


def _whole_case(suite: ElementTree.Element, result: Result) -> None:
    verdict = result.verdict
    _element(suite, result, verdict.name, verdict.line, verdict.outcome, verdict.reason)


def _element(
    suite: ElementTree.Element, result: Result, name: str, line: int, outcome: Outcome, reason: str
) -> None:
    case = result.verdict
    test = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_xml(case.file),
        name=_xml(name),
        file=_xml(case.file),
        line=str(line),
    )
    if outcome in _ELEMENTS:
        kind = "missing: " if outcome is Outcome.MISSING else ""
        ElementTree.SubElement(test, _ELEMENTS[outcome], message=_xml(kind + reason))


def _count(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite)))
    for attribute, element in (
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(attribute, str(sum(test.find(element) is not None for test in suite)))


def _xml(text: str) -> str:
    """Text without what XML cannot hold."""
    return plain(text)
