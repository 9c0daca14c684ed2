"""What changed since an earlier run, and traces that are not as they are marked: as text, in the
JSON document, as JUnit suites and on the page. Counts come first, lost passes before the rest."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from xml.etree import ElementTree

from tracedesk.evaluation.backtest import Backtest, Flip, Lone, Turn
from tracedesk.evaluation.gate import MarkFault
from tracedesk.evaluation.report import GLYPHS
from tracedesk.evaluation.report_lines import Line, text_of
from tracedesk.model.verdict import Outcome
from tracedesk.query.text import counted, plain

ABSENT = "–"
REASON_CHARS = 200


# -- text ------------------------------------------------------------------------------


def flip_lines(test: Backtest) -> Iterator[Line]:
    """The counts, then every flip under its case with the assertions that turned."""
    yield (("strong", headline(test)),)
    yield from _notes(test)
    for (file, line, name), flips in groupby(test.flips, key=lambda f: (f.file, f.line, f.name)):
        yield ()
        yield (("strong", plain(name)), ("dim", f"  {plain(file)}:{line}"))
        for flip in flips:
            yield from _flip_lines(flip)
    for title, lone in (("new", test.new), ("removed", test.removed)):
        for case in lone:
            yield ()
            yield _lone_line(title, case)


def headline(test: Backtest) -> str:
    """``2 pass→fail · 1 fail→pass · 1 new case, compared with …``."""
    parts = [f"{number:,} {kind}" for kind, number in test.counts.items()]
    parts += [f"{counted(len(test.new), 'new case')}"] if test.new else []
    parts += [f"{counted(len(test.removed), 'removed case')}"] if test.removed else []
    told = " · ".join(parts) or "no verdict flipped"
    return f"{told}, of {counted(test.compared, 'result')} compared with {plain(test.base)}"


def _notes(test: Backtest) -> Iterator[Line]:
    if test.uncompared:
        told = (
            f"{counted(test.uncompared, 'result')} not compared: never judged by that case before"
        )
        yield (("dim", told),)
    if not test.flips and test.same_text == test.compared and test.compared:
        told = "those results are of these very cases already"
        yield (("dim", f"{told}; --against 1h compares with what was stored an hour ago"),)


def _flip_lines(flip: Flip) -> Iterator[Line]:
    source = f"  {plain(flip.source)}" if flip.source else ""
    expected = "" if flip.worse or flip.was is not Outcome.PASS else "  expected"
    yield (
        ("", "  "),
        (flip.was, GLYPHS[flip.was]),
        ("dim", "→"),
        (flip.now, f"{GLYPHS[flip.now]} {flip.kind}"),
        ("", f"  trace {plain(flip.trace)}{source}"),
        ("dim", expected),
    )
    for turn in flip.turns:
        place = f"{plain(flip.file)}:{turn.line}  "
        yield (
            ("dim", f"      {place}"),
            ("", f"{plain(turn.assertion)} {plain(turn.target)}  {_turn(turn)}"),
        )
        for word, reason in (("before", turn.before), ("now", turn.reason)):
            if reason:
                yield (("dim", f"        {word:<7}"), ("", plain(_cut(reason))))


def _turn(turn: Turn) -> str:
    return f"{turn.was or ABSENT}→{turn.now or ABSENT}"


def _lone_line(title: str, case: Lone) -> Line:
    outcomes = ", ".join(f"{n} {outcome}" for outcome, n in _sorted(case.outcomes))
    place = f"{plain(case.file)}:{case.line}" if case.line else plain(case.file)
    return (
        ("strong", f"{title}  {plain(case.name)}"),
        ("dim", f"  {place}"),
        ("", f"  {outcomes}"),
    )


def _sorted(outcomes: Mapping[Outcome, int]) -> list[tuple[Outcome, int]]:
    return [(outcome, outcomes[outcome]) for outcome in Outcome if outcome in outcomes]


def _cut(text: str) -> str:
    return text if len(text) <= REASON_CHARS else text[: REASON_CHARS - 1] + "…"


def text(test: Backtest | None, faults: Sequence[MarkFault]) -> Iterator[str]:
    """All of it for people; nothing when there is nothing."""
    if test is not None:
        yield from map(text_of, flip_lines(test))
        yield ""
    for fault in faults:
        yield f"✗ {plain(str(fault))}"
    if faults:
        yield ""


# -- JSON ------------------------------------------------------------------------------


def document(test: Backtest | None, faults: Sequence[MarkFault]) -> dict[str, Any]:
    """What is added to the object of ``check --json``."""
    told: dict[str, Any] = {}
    if faults:
        told["marks"] = [
            {"trace": fault.trace, "mark": fault.mark, "failing": fault.failing} for fault in faults
        ]
    if test is not None:
        told["against"] = {
            "base": test.base,
            "compared": test.compared,
            "notCompared": test.uncompared,
            "counts": test.counts,
            "worse": test.worse,
            "newCases": [_lone_document(case) for case in test.new],
            "removedCases": [_lone_document(case) for case in test.removed],
        }
        told["flips"] = [_flip_document(flip) for flip in test.flips]
    return told


def _flip_document(flip: Flip) -> dict[str, Any]:
    return {
        "kind": flip.kind,
        "worse": flip.worse,
        "trace": flip.trace,
        "file": flip.source,
        "case": flip.name,
        "caseFile": flip.file,
        "line": flip.line,
        "before": flip.was,
        "after": flip.now,
        "assertions": [
            {
                "id": turn.assertion or None,
                "target": turn.target,
                "line": turn.line,
                "before": turn.was,
                "after": turn.now,
                "reasonBefore": turn.before or None,
                "reason": turn.reason or None,
                "span": turn.span,
            }
            for turn in flip.turns
        ],
    }


def _lone_document(case: Lone) -> dict[str, Any]:
    outcomes = {str(outcome): number for outcome, number in _sorted(case.outcomes)}
    return {
        "case": case.name,
        "caseFile": case.file,
        "line": case.line or None,
        "outcomes": outcomes,
    }


# -- JUnit -----------------------------------------------------------------------------


def add_suites(
    root: ElementTree.Element, test: Backtest | None, faults: Sequence[MarkFault]
) -> None:
    """A suite of flips, of which lost passes are failures, and one of marks."""
    if test is not None:
        suite = ElementTree.SubElement(root, "testsuite", name=plain(f"since {test.base}"))
        for flip in test.flips:
            name = plain(f"{flip.name} › {flip.trace}")
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=plain(flip.file),
                name=name,
                file=plain(flip.file),
                line=str(flip.line),
            )
            if flip.worse:
                why = "; ".join(turn.reason for turn in flip.turns if turn.reason)
                told = plain(f"{flip.kind}: {why}")
                ElementTree.SubElement(case, "failure", message=told)
        if not test.flips:
            ElementTree.SubElement(suite, "testcase", classname="flips", name=plain(headline(test)))
    if faults:
        suite = ElementTree.SubElement(root, "testsuite", name="marked traces")
        for fault in faults:
            case = ElementTree.SubElement(
                suite, "testcase", classname=f"marked {fault.mark}", name=plain(fault.trace)
            )
            ElementTree.SubElement(case, "failure", message=plain(str(fault)))
