"""What a span_query may check of a span: attributes, facts, what its call took and gave.

Every (span, check) pair is decided by itself, equal texts and numbers once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.selectors import STATUS_WORDS, child_count, find_attribute, span_of
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.trace import Kind, Span
from tracedesk.model.verdict import Difference, Evidence
from tracedesk.query.expected import Expected
from tracedesk.query.names import nearest
from tracedesk.query.paths import ROOT, PathError, key_step, parse_path
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import ABSENT, json_text, show

Look = Callable[[TraceIndex, int], tuple[str, str, Any]]
"""Looks at one row: root of the evidence path, location, value."""


_STATUS_WORDS: Final = tuple(sorted(STATUS_WORDS, key=lambda word: STATUS_WORDS[word]))
"""The word of each status, by its number."""


def _status(span: Span) -> str:
    return _STATUS_WORDS[span.status]


def _kind(span: Span) -> str:
    if span.kind is Kind.TOOL:
        return "tool"
    return "ai" if span.kind in (Kind.AGENT, Kind.MODEL) else "node"


def _duration(span: Span) -> Any:
    nanoseconds = span.duration_ns
    return ABSENT if nanoseconds is None else nanoseconds / 1e6


def _service(index: TraceIndex, row: int) -> Any:
    resources, number_ = index.trace.resources, span_of(index, row).resource
    name = resources[number_].service if 0 <= number_ < len(resources) else None
    return ABSENT if name is None else name


FACTS: Final[Mapping[str, Callable[[TraceIndex, int], Any]]] = {
    "@name": lambda index, row: span_of(index, row).name,
    "@label": lambda index, row: span_of(index, row).label,
    "@kind": lambda index, row: _kind(span_of(index, row)),
    "@status": lambda index, row: _status(span_of(index, row)),
    "@status_message": lambda index, row: span_of(index, row).status_message,
    "@duration_ms": lambda index, row: _duration(span_of(index, row)),
    "@depth": lambda index, row: index.tree.depth[row],
    "@children": child_count,
    "@service": _service,
}
"""Facts that are not attributes."""

_CALL_FACTS: Final = ("@arguments", "@output")


class Check(msgspec.Struct, frozen=True):
    """One entry of ``checks``."""

    key: str
    look: Look
    expected: Expected

    def failing(self, rows: Sequence[int], index: TraceIndex) -> list[int]:
        """The rows on which it does not hold; equal texts and numbers are compared once."""
        fact, look, fits = FACTS.get(self.key), self.look, self._fits
        known: dict[Any, bool] = {}
        found = []
        for row in rows:
            value = fact(index, row) if fact is not None else look(index, row)[2]
            kind = type(value)
            if kind is str or kind is float or kind is int:
                holds = known.get((kind, value))
                if holds is None:
                    holds = known[kind, value] = fits(value, index)
            else:
                holds = fits(value, index)
            if not holds:
                found.append(row)
        return found

    def _fits(self, value: Any, index: TraceIndex) -> bool:
        if self.expected.matches(value, index.env):
            return True
        inner = json_text(value)
        return inner is not ABSENT and self.expected.matches(inner, index.env)

    def evidence(self, row: int, index: TraceIndex) -> Evidence:
        """Where it holds on a row."""
        of, place, value = self.look(index, row)
        span = span_of(index, row).span_id
        if value is ABSENT:
            return Evidence(span, of, ROOT, "absent_here")
        return Evidence(span, of, place, "decided")

    def broken(self, row: int, index: TraceIndex) -> list[tuple[Difference, Evidence]]:
        """What does not hold on a row, and where."""
        of, place, value = self.look(index, row)
        span = span_of(index, row)
        found = []
        for difference in self.expected.differences(value, index.env, place):
            hint = f"on {span.label}" + (f"; {difference.hint}" if difference.hint else "")
            found.append(
                (
                    Difference(
                        difference.path,
                        difference.expected,
                        difference.actual,
                        difference.expected_type,
                        difference.actual_type,
                        hint,
                        difference.wording,
                    ),
                    Evidence(span.span_id, of, difference.path, "violated"),
                )
            )
        return found


def read_key(key: str, place: Place, report: Report) -> Look | None:
    """How a check key is read; None after reporting an unknown fact or a bad path."""
    if not key.startswith("@"):
        return lambda index, row: (
            "attributes",
            *find_attribute(span_of(index, row).attributes, key),
        )
    fact = FACTS.get(key)
    if fact is not None:
        place_of_fact = f"$[{show(key)}]"
        return lambda index, row: ("span", place_of_fact, fact(index, row))
    name, _, rest = key.partition(".")
    if name not in _CALL_FACTS:
        known = nearest(key, [*FACTS, *_CALL_FACTS])
        report.error(place, "unknown-key", f"unknown fact '{key}'", known, on_key=True)
        return None
    try:
        path = parse_path(rest) if rest else None
    except PathError as error:
        report.error(place, "bad-path", f"'{rest}' is no path: {error}", on_key=True)
        return None
    of = name[1:]

    def look(index: TraceIndex, row: int) -> tuple[str, str, Any]:
        call = index.call_by_id.get(span_of(index, row).span_id)
        state = "absent" if call is None else getattr(call, f"{of}_state")
        if call is None or state == "absent":
            return of, ROOT, ABSENT
        value = getattr(call, of)
        if path is None:
            return of, ROOT, value
        found = path.first(value, descend=True)
        if found[1] is ABSENT:
            return of, f"{ROOT}{key_step(rest)}", ABSENT
        return of, *found

    return look
