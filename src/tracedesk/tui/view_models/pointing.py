"""From the line under a cursor to the place in the trace that it shows."""

from collections.abc import Iterator, Sequence
from typing import Any

from tracedesk.authoring.place import Place, Steps, place_of
from tracedesk.model.trace import Span
from tracedesk.model.verdict import CaseVerdict, Verdict
from tracedesk.tui.lines import Line
from tracedesk.tui.view_models.pages.json_lines import opened

FACTS = {"Usage": "tokens", "Status": "status", "Duration": "duration"}
"""Facts of the Reading page by their label."""

VALUES = ("arguments", "output", "response")
"""Values of the Reading page by their title."""


def place_at(
    lines: Sequence[Line], cursor: int, tab: str, span: Span, *, whole_trace: bool
) -> Place:
    """The place that a line of the detail pane shows; of a line without one, the span's."""
    around = Place("trace") if whole_trace else Place("span", span.span_id)
    if not 0 <= cursor < len(lines):
        return around
    line = lines[cursor]
    if line.pieces and line.pieces[0].role == "heading" and line.value is None:
        cursor, line = min(cursor + 1, len(lines) - 1), lines[min(cursor + 1, len(lines) - 1)]
    if tab == "attributes":
        steps = attribute_steps(line.value.path if line.value else "", span)
        return Place("attributes", span.span_id, steps) if steps else around
    if tab == "events":
        return Place("event", span.span_id, event=_event(lines, cursor))
    if tab != "reading":
        return around
    if line.value is not None and line.value.title in (*VALUES, "input"):
        of = line.value.title
        owner = None if of in ("response", "input") else span.span_id
        return Place(of, owner, () if of == "input" else json_steps(lines, cursor))
    steps = attribute_steps(line.value.path, span) if line.value is not None else ()
    if steps:
        whole = opened(line.value.content)[0] if line.value is not None else None
        inner = json_steps(lines, cursor) if isinstance(whole, dict | list) else ()
        return Place("attributes", span.span_id, (*steps, *inner))
    label = line.pieces[0].text.strip() if line.pieces else ""
    if whole_trace and label in FACTS:
        return Place(FACTS[label])
    if label == "Duration":
        return around
    return Place("span", line.span) if line.span else around


def place_of_verdict(verdict: Verdict) -> Place:
    """The place that decided a verdict, else the nearest call, else the trace."""
    for role in ("violated", "decided", "absent_here"):
        for evidence in verdict.evidence:
            if evidence.role == role:
                return place_of(evidence)
    near = verdict.near_misses[0].span if verdict.near_misses else None
    return Place("trace") if near is None else Place("span", near)


def verdict_at(line: Line | None, cases: Sequence[CaseVerdict]) -> Verdict | None:
    """The verdict that a line of the Verdicts page tells of."""
    if line is None or not line.file:
        return None
    told = ((case, verdict) for case in cases for verdict in case.verdicts)
    return next(
        (v for case, v in told if case.file == line.file and (v.line or case.line) == line.line),
        None,
    )


def attribute_steps(path: str, span: Span) -> Steps:
    """The steps of ``name`` or ``name $.a[0]``; none for what is no attribute of the span."""
    if path in span.attributes:
        return (path,)
    name, found, rest = path.rpartition(" $")
    if not found or name not in span.attributes:
        return ()
    from tracedesk.query.paths import PathError, StepPath, parse_path

    try:
        parsed = parse_path(f"${rest}")
    except PathError:
        return (name,)
    return (name, *parsed.steps) if isinstance(parsed, StepPath) else (name,)


def json_steps(lines: Sequence[Line], cursor: int) -> Steps:
    """Where in its value a line stands, of a JSON value that is laid out line by line."""
    value = lines[cursor].value
    if value is None:
        return ()
    first = cursor
    while first and lines[first - 1].value is value:
        first -= 1
    content, _ = opened(value.content)
    for at, steps in enumerate(laid_out(content)):
        if at == cursor - first:
            return steps
    return ()


def laid_out(value: Any) -> Iterator[Steps]:
    """The steps of each line that ``json_lines`` makes of a value; of a closing bracket, those
    of what it closes."""
    stack: list[tuple[Steps, Iterator[tuple[str | int, Any]] | None, Any]] = [((), None, value)]
    while stack:
        steps, children, current = stack.pop()
        if children is None:
            yield steps
            if not (isinstance(current, dict | list) and current):
                continue
            inner = current.items() if isinstance(current, dict) else enumerate(current)
            children = iter([(key, item) for key, item in inner])
        child = next(children, None)
        if child is None:
            yield steps
            continue
        stack.append((steps, children, current))
        stack.append(((*steps, child[0]), None, child[1]))


def _event(lines: Sequence[Line], cursor: int) -> int:
    """Which event a line belongs to: each begins with a heading."""
    headings = sum(
        1 for line in lines[: cursor + 1] if line.pieces and line.pieces[0].role == "heading"
    )
    return max(0, headings - 1)
