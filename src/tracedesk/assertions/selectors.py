"""Selectors: which spans an assertion is about (assertion spec 8).

All written fields must fit; a misspelt one is a load error, so that it can never select
everything. Synthetic spans are never selected, skipped ones only when asked for.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.call_spec import name_test
from tracedesk.assertions.fields import (
    EXPECTED_MAP,
    INVALID,
    TEXT,
    Field,
    Shape,
    choice,
    integer,
    list_of,
    number,
    one_or_list,
    read_fields,
    wrong_type,
)
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.trace import Kind, Span, Status
from tracedesk.model.tree import ROOT
from tracedesk.query.expected import Env, Expected
from tracedesk.query.names import NAME_MATCHES, NO, NameTest
from tracedesk.query.paths import PathError, key_step, parse_path
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import ABSENT, is_integer, json_text

STATUS_WORDS: Final = {
    "ok": Status.OK,
    "error": Status.ERROR,
    "unset": Status.UNSET,
    "skipped": Status.SKIPPED,
}
SPAN_KINDS: Final = ("tool", "node", "ai")

Keep = Callable[[TraceIndex, Sequence[int]], list[int]]
"""Narrows rows of the span tree to those that fit one field."""


class Selection(msgspec.Struct, frozen=True):
    """What a selector found."""

    rows: list[int]
    """Rows of ``TraceIndex.tree``, in tree order; not to change."""
    steps: tuple[tuple[str, int], ...]
    """How many spans were left after each field, the first entry being all."""
    untimed: int = 0
    """Spans left out because a duration was asked for and they have no times."""

    @property
    def elimination(self) -> str:
        """``12 → 4 → 0, removed by `status: error```."""
        counts = " → ".join(str(count) for _, count in self.steps)
        if self.rows or len(self.steps) < 2:
            return counts
        culprit = next(field for field, count in self.steps if count == 0)
        return f"{counts}, removed by `{culprit}`"


def span_of(index: TraceIndex, row: int) -> Span:
    """The span at a row of the tree."""
    return index.row_spans[row]


def find_attribute(attributes: dict[str, Any], name: str) -> tuple[str, Any]:
    """An attribute by exact name, else by dot path into attributes; its location and value."""
    if name in attributes:
        return f"${key_step(name)}", attributes[name]
    try:
        found = parse_path(name).find_attribute(attributes)
    except PathError:
        found = []
    return found[0] if found else (f"${key_step(name)}", ABSENT)


def fits_attribute(expected: Expected, value: Any, env: Env) -> bool:
    """Whether an attribute fits, as it is or, for JSON text, as the value inside."""
    if expected.matches(value, env):
        return True
    inner = json_text(value)
    return inner is not ABSENT and expected.matches(inner, env)


class Selector:
    """A compiled selector."""

    def __init__(self, keeps: Sequence[tuple[str, Keep]], skipped: bool, nth: str | int | None):
        self._keeps = tuple(keeps)
        self._skipped = skipped
        self._nth = nth

    def select(self, index: TraceIndex, skipped: bool = False) -> Selection:
        """The spans that fit. ``skipped`` keeps skipped spans whether or not they are named."""
        whole = self._skipped or skipped
        rows = list(range(len(index.tree))) if whole else index.executed_rows
        steps = [("all spans", len(rows))]
        untimed = 0
        for field, keep in self._keeps:
            if field.partition(":")[0].endswith("_duration_ms"):
                untimed = sum(span_of(index, row).duration_ns is None for row in rows)
            rows = keep(index, rows)
            steps.append((field, len(rows)))
        if self._nth is not None:
            rows = self._pick(index, rows)
            steps.append((f"nth: {self._nth}", len(rows)))
        return Selection(rows, tuple(steps), untimed)

    def _pick(self, index: TraceIndex, rows: list[int]) -> list[int]:
        ordered = call_order(index, rows)
        if self._nth == "first":
            return ordered[:1]
        if self._nth == "last":
            return ordered[-1:]
        assert isinstance(self._nth, int)
        return ordered[self._nth - 1 : self._nth]

    def calls_below(self, index: TraceIndex, calls: Sequence[Call]) -> list[Call]:
        """The calls that lie below some selected span."""
        return index.calls_below(self.select(index).rows, calls)

    def selects_none(self, index: TraceIndex) -> bool:
        return not self.select(index).rows


def call_order(index: TraceIndex, rows: Sequence[int]) -> list[int]:
    """Rows in the order of section 1.1: by time when all have a start, else by arrival."""
    order = index.tree.order
    spans = {row: span_of(index, row) for row in rows}
    if any(span.start_ns is None for span in spans.values()):
        return sorted(rows, key=lambda row: order[row])

    def when(row: int) -> tuple[int, float, int]:
        span = spans[row]
        end = float("inf") if span.end_ns is None else span.end_ns
        return span.start_ns or 0, end, order[row]

    return sorted(rows, key=when)


def _each(test: Callable[[TraceIndex, Span], bool]) -> Keep:
    """A field that looks at the span alone."""

    def keep(index: TraceIndex, rows: Sequence[int]) -> list[int]:
        spans = index.row_spans
        return [row for row in rows if test(index, spans[row])]

    return keep


def _by_row(test: Callable[[TraceIndex, int], bool]) -> Keep:
    """A field that looks at the place in the tree."""
    return lambda index, rows: [row for row in rows if test(index, row)]


def _name(test: NameTest) -> Keep:
    def fits(index: TraceIndex, span: Span) -> bool:
        names = (span.label, *span.aliases)
        return test.test(names, span.kind is Kind.TOOL, index.settings.regex_timeout_s) != NO

    return _each(fits)


def _kind(word: str) -> Keep:
    kinds = {
        "tool": (Kind.TOOL,),
        "node": tuple(kind for kind in Kind if kind is not Kind.TOOL),
        "ai": (Kind.AGENT, Kind.MODEL),
    }[word]

    def keep(index: TraceIndex, rows: Sequence[int]) -> list[int]:
        spans = index.row_spans
        return [row for row in rows if spans[row].kind in kinds]

    return keep


def _statuses(words: Sequence[str]) -> Keep:
    wanted = {STATUS_WORDS[word] for word in words}
    return _each(lambda index, span: span.status in wanted)


def _attributes(members: dict[str, Expected]) -> Keep:
    return _each(
        lambda index, span: all(
            fits_attribute(expected, find_attribute(span.attributes, name)[1], index.env)
            for name, expected in members.items()
        )
    )


def _has_attributes(names: Sequence[str]) -> Keep:
    return _each(
        lambda index, span: all(
            find_attribute(span.attributes, name)[1] is not ABSENT for name in names
        )
    )


def _min_duration(bound: float) -> Keep:
    return _each(lambda i, span: (ns := span.duration_ns) is not None and ns >= bound * 1e6)


def _max_duration(bound: float) -> Keep:
    return _each(lambda i, span: (ns := span.duration_ns) is not None and ns <= bound * 1e6)


def child_count(index: TraceIndex, row: int) -> int:
    """Direct children, skipped ones not counted."""
    return sum(
        span_of(index, child).status is not Status.SKIPPED for child in index.tree.children(row)
    )


def _nested(selector: Selector, index: TraceIndex, same_span: bool = False) -> set[int]:
    return set(selector.select(index, skipped=same_span).rows)


def _parent(selector: Selector) -> Keep:
    def keep(index: TraceIndex, rows: Sequence[int]) -> list[int]:
        chosen = _nested(selector, index)
        return [row for row in rows if index.tree.parent[row] in chosen]

    return keep


def _child(selector: Selector) -> Keep:
    def keep(index: TraceIndex, rows: Sequence[int]) -> list[int]:
        above = {index.tree.parent[row] for row in _nested(selector, index)}
        return [row for row in rows if row in above]

    return keep


def _ancestor(selector: Selector) -> Keep:
    def keep(index: TraceIndex, rows: Sequence[int]) -> list[int]:
        chosen, parent = _nested(selector, index), index.tree.parent
        below = bytearray(len(index.tree))
        for row in range(len(below)):  # parents come before their children
            above = parent[row]
            below[row] = above != ROOT and (below[above] or above in chosen)
        return [row for row in rows if below[row]]

    return keep


def _descendant(selector: Selector) -> Keep:
    def keep(index: TraceIndex, rows: Sequence[int]) -> list[int]:
        chosen = _nested(selector, index)
        total = index.tree.bubble([row in chosen for row in range(len(index.tree))])
        return [row for row in rows if total[row] > (row in chosen)]

    return keep


def _not(selector: Selector) -> Keep:
    def keep(index: TraceIndex, rows: Sequence[int]) -> list[int]:
        chosen = _nested(selector, index, same_span=True)
        return [row for row in rows if row not in chosen]

    return keep


def _any_of(selectors: Sequence[Selector]) -> Keep:
    def keep(index: TraceIndex, rows: Sequence[int]) -> list[int]:
        chosen = set().union(*(_nested(s, index, same_span=True) for s in selectors))
        return [row for row in rows if row in chosen]

    return keep


def _read_nth(value: Any, path: Place, report: Report) -> Any:
    if is_integer(value) and value >= 1:
        return int(value)
    return choice(("first", "last")).read(value, path, report)


def _read_selector(value: Any, path: Place, report: Report) -> Any:
    if not isinstance(value, dict):
        return wrong_type(path, report, "a selector, which is a map", value)
    before = report.errors
    values = read_fields(value, SELECTOR_FIELDS, path, report, "a selector")
    if report.errors > before:
        return INVALID
    test = None
    if values["name"] is not None:
        mode = values["name_match"] or "substring"
        test = name_test(values["name"], mode, (*path, "name"), report)
    elif values["name_match"] is not None:
        report.error((*path, "name_match"), "contradiction", "'name_match' needs a 'name'")
    _refuse_crossed(values, path, report)
    return INVALID if report.errors > before else _assemble(values, test)


def _refuse_crossed(values: dict[str, Any], path: Place, report: Report) -> None:
    for what in ("duration_ms", "depth", "children"):
        low, high = values[f"min_{what}"], values[f"max_{what}"]
        if low is not None and high is not None and low > high:
            message = f"'min_{what}' is above 'max_{what}'"
            report.error((*path, f"min_{what}"), "contradiction", message)


def _assemble(values: dict[str, Any], test: NameTest | None) -> Selector:
    keeps: list[tuple[str, Keep]] = []
    if test is not None:
        keeps.append((f"name: {test}", _name(test)))
    for field, make in _KEEPS.items():
        value = values[field]
        if value is not None:
            words = ", ".join(value) if field == "status" else value
            label = f"{field}: {words}" if isinstance(words, str | int | float) else field
            keeps.append((label, make(value)))
    skipped = "skipped" in (values["status"] or ())
    return Selector(keeps, skipped, values["nth"])


SELECTOR: Final = Shape(_read_selector, {"$ref": "#/$defs/selector"})

_KEEPS: Final[dict[str, Callable[[Any], Keep]]] = {
    "kind": _kind,
    "status": _statuses,
    "attributes": _attributes,
    "has_attributes": _has_attributes,
    "min_duration_ms": _min_duration,
    "max_duration_ms": _max_duration,
    "min_depth": lambda bound: _by_row(lambda index, row: index.tree.depth[row] >= bound),
    "max_depth": lambda bound: _by_row(lambda index, row: index.tree.depth[row] <= bound),
    "min_children": lambda bound: _by_row(lambda index, row: child_count(index, row) >= bound),
    "max_children": lambda bound: _by_row(lambda index, row: child_count(index, row) <= bound),
    "parent": _parent,
    "child": _child,
    "ancestor": _ancestor,
    "descendant": _descendant,
    "not": _not,
    "any_of": _any_of,
}
"""Field and how it narrows, in the order in which an elimination is told."""

SELECTOR_FIELDS: Final = (
    Field("name", TEXT, "label or alias"),
    Field("name_match", choice(NAME_MATCHES), "how the name is compared"),
    Field("kind", choice(SPAN_KINDS), "tool, node or ai"),
    Field("status", one_or_list(choice(tuple(STATUS_WORDS), "unknown-status")), "own status"),
    Field("attributes", EXPECTED_MAP, "attribute → expected value"),
    Field("has_attributes", list_of(TEXT), "attributes that are present"),
    Field("min_duration_ms", number(), "inclusive"),
    Field("max_duration_ms", number(), "inclusive"),
    Field("min_depth", integer(), "the root is 0"),
    Field("max_depth", integer(), "the root is 0"),
    Field("min_children", integer(), "direct children"),
    Field("max_children", integer(), "direct children"),
    *(
        Field(relation, SELECTOR, f"a selector that some {relation} fits")
        for relation in ("parent", "child", "ancestor", "descendant")
    ),
    Field("not", SELECTOR, "a selector that must not fit"),
    Field("any_of", list_of(SELECTOR), "selectors of which one must fit"),
    Field("nth", Shape(_read_nth, {}), "first, last or n of the matched, applied last"),
)
"""Fields of a selector."""
