"""Span queries of pydantic-evals: the selector that says the same selects the same spans.

Their trees hold text attributes only, so the one known difference, that they take ``1`` and
``true`` for equal, does not show.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest

from tracedesk.model.trace import Status, Trace
from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.testing import make_span, make_trace

STATUSES = {"ok": Status.OK, "error": Status.ERROR, "unset": Status.UNSET}

Selector = dict[str, Any]


def _milliseconds(value: Any) -> float:
    return 1000.0 * (value["$td"] if isinstance(value, dict) else value)


def _both(queries: list[Any]) -> list[Selector]:
    return [selector(query) for query in queries]


def _none(inner: Selector) -> Selector:
    return {"not": inner}


FIELDS: Mapping[str, Callable[[Any], list[Selector]]] = {
    "name_equals": lambda v: [{"name": v, "name_match": "exact"}],
    "name_contains": lambda v: [{"name": v}],
    "name_matches_regex": lambda v: [{"name": v, "name_match": "regex"}],
    "has_attributes": lambda v: [{"attributes": v}],
    "has_attribute_keys": lambda v: [{"has_attributes": v}],
    "has_status": lambda v: [{"status": v}],
    "min_duration": lambda v: [{"min_duration_ms": _milliseconds(v)}],
    "max_duration": lambda v: [{"max_duration_ms": _milliseconds(v)}],
    "min_child_count": lambda v: [{"min_children": v}],
    "max_child_count": lambda v: [{"max_children": v}],
    "some_child_has": lambda v: [{"child": selector(v)}],
    "no_child_has": lambda v: [_none({"child": selector(v)})],
    "all_children_have": lambda v: [_none({"child": _none(selector(v))})],
    "not_": lambda v: [_none(selector(v))],
    "and_": _both,
    "or_": lambda v: [{"any_of": _both(v)}],
}
"""Field of a query and the selectors that together say it."""


def selector(query: Mapping[str, Any]) -> Selector:
    """One selector for a whole query: all of its parts must fit.

    Selectors of one field each are ANDed by saying that none of them may not fit.
    """
    parts = [part for field, value in query.items() for part in FIELDS[field](value)]
    if len(parts) == 1:
        return parts[0]
    return _none({"any_of": [_none(part) for part in parts]})


def tree(spans: list[dict[str, Any]]) -> Trace:
    """The recorded tree as a trace."""

    def at(text: str) -> float:
        return datetime.fromisoformat(text).timestamp() * 1000

    return make_trace(
        *(
            make_span(
                str(span["span_id"]),
                span["name"],
                None if span["parent"] is None else str(span["parent"]),
                attributes=span["attributes"],
                start_ms=at(span["start"]),
                end_ms=at(span["end"]),
                status=STATUSES[span["status"]],
            )
            for span in spans
        )
    )


def selected(
    query: Mapping[str, Any], trace: Trace, decide: Callable[..., Verdict], **more: Any
) -> list[int]:
    """Ids of the spans that a span_query with this selector counts."""
    found = decide({"target": "span_query", "select": {**selector(query), **more}}, trace)
    return [int(e.span) for e in found.evidence if e.span] if found.outcome is Outcome.PASS else []


@pytest.fixture
def entries(recorded_json: Callable[[str], Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recorded_json("pydantic_evals_span_query.json")
    return found


def answer(entry: dict[str, Any], decide: Callable[..., Verdict]) -> Any:
    """What the entry's operation gives here."""
    trace = tree(entry["tree"])
    if entry["op"] == "first":
        return next(iter(selected(entry["query"], trace, decide, nth="first")), None)
    found = selected(entry["query"], trace, decide)
    return bool(found) if entry["op"] == "any" else found


def test_every_query_selects_what_was_recorded(
    entries: list[dict[str, Any]], decide: Callable[..., Verdict]
) -> None:
    wrong = {
        number: (entry["query"], found)
        for number, entry in enumerate(entries)
        if (found := answer(entry, decide)) != entry["result"]
    }
    assert wrong == {}


def test_some_operation_of_every_kind_is_recorded(entries: list[dict[str, Any]]) -> None:
    assert {entry["op"] for entry in entries} == {"find", "first", "any"}
