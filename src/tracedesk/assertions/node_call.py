"""node_call: was this node or tool called, how often, with what (assertion spec 6.1)."""

from typing import Any, Final

from tracedesk.assertions.call_rule import MUST_CALL, MUST_NOT_CALL, NodeCall
from tracedesk.assertions.call_spec import CALL_STATUS, SPEC_FIELDS, CallSpec, build_spec
from tracedesk.assertions.fields import (
    Field,
    Invalid,
    Shape,
    choice,
    integer,
    read_fields,
    wrong_type,
)
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.node_call_report import report_node_call
from tracedesk.assertions.selectors import SELECTOR
from tracedesk.assertions.trace_index import KINDS
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import is_integer

CONDITIONS: Final = (MUST_CALL, MUST_NOT_CALL)
OCCURRENCES: Final = ("any", "first", "last", "every")
DEPTHS: Final = ("direct", "subtree")


class NodeCallRule(NodeCall):
    """A node_call that stands by itself."""

    evaluate = report_node_call


def _read_occurrence(value: Any, path: Place, report: Report) -> Any:
    if is_integer(value) and value >= 1:
        return int(value)
    return choice(OCCURRENCES).read(value, path, report)


_OCCURRENCE = Shape(
    _read_occurrence, {"anyOf": [{"enum": list(OCCURRENCES)}, {"type": "integer", "minimum": 1}]}
)
_TOOL_CALLS = Shape(
    lambda value, path, report: value,
    {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/tool_call"}},
)

FIELDS: Final = (
    Field(
        "condition",
        choice(CONDITIONS, "unknown-condition"),
        "whether it must or must not be called",
        default=MUST_CALL,
    ),
    *(field for field in SPEC_FIELDS if field is not CALL_STATUS),
    Field("expected_tool_calls", _TOOL_CALLS, "about tools called inside the node"),
    Field("kind", choice(KINDS), "any, node or tool", default="any"),
    CALL_STATUS,
    Field("min_calls", integer(), "at least so many satisfying calls; 1 unless written"),
    Field("max_calls", integer(), "at most so many satisfying calls"),
    Field("occurrence", _OCCURRENCE, "which matching call must satisfy", default="any"),
    Field("within", SELECTOR, "only calls below a selected span"),
    Field("tool_depth", choice(DEPTHS), "how deep tools are the node's own", default="direct"),
)


def build(values: dict[str, Any], place: Place, report: Report) -> NodeCallRule | None:
    """Build a top-level node_call from read fields."""
    parts = _parts(values, place, report)
    return None if parts is None else NodeCallRule(*parts, inner=False)


def _parts(
    values: dict[str, Any], place: Place, report: Report
) -> tuple[CallSpec, dict[str, Any], list[NodeCall]] | None:
    before = report.errors
    _refuse_contradictions(values, place, report)
    tools = _read_tools(values["expected_tool_calls"], (*place, "expected_tool_calls"), report)
    spec = build_spec(values, place, report)
    if spec is None or report.errors > before:
        return None
    return spec, values, tools


def _read_tools(value: Any, place: Place, report: Report) -> list[NodeCall]:
    if value is None:
        return []
    if not isinstance(value, list):
        wrong_type(place, report, "a list", value)
        return []
    if not value:
        report.error(place, "empty-value", "needs at least one tool call")
    entries = [_read_entry(item, (*place, i), report) for i, item in enumerate(value)]
    return [entry for entry in entries if entry is not None]


def _read_entry(item: Any, place: Place, report: Report) -> NodeCall | None:
    if not isinstance(item, dict):
        wrong_type(place, report, "an object with 'expected_name'", item)
        return None
    before = report.errors
    values = read_fields(item, FIELDS, place, report, "a tool call")
    if report.errors > before:
        return None
    if values["kind"] == "node":
        report.error((*place, "kind"), "contradiction", "tools inside a node are no nodes")
    parts = _parts(values, place, report)
    return None if parts is None else NodeCall(*parts, inner=True)


def _refuse_contradictions(values: dict[str, Any], place: Place, report: Report) -> None:
    low, high = values["min_calls"], values["max_calls"]
    counted = next((key for key in ("min_calls", "max_calls") if values[key] is not None), None)
    occurrence = values["occurrence"]
    forbids = values["condition"] == MUST_NOT_CALL

    def contradiction(key: str, message: str) -> None:
        report.error((*place, key), "contradiction", message)

    if any(isinstance(value, Invalid) for value in (low, high, occurrence)):
        return
    if forbids and counted is not None:
        contradiction(counted, "MUST_NOT_CALL means no call at all; counts contradict it")
    elif low == 0 and high is None:
        message = "'min_calls: 0' without 'max_calls' holds on every trace"
        report.error((*place, "min_calls"), "always-true", message)
    elif low is not None and high is not None and low > high:
        contradiction("min_calls", f"'min_calls' {low} is above 'max_calls' {high}")
    elif low is None and high == 0:
        contradiction(
            "max_calls", "at least one call and at most none; write MUST_NOT_CALL or min_calls: 0"
        )
    if occurrence != "any" and counted is not None:
        contradiction("occurrence", f"'occurrence' and '{counted}' exclude each other")
    if occurrence != "any" and forbids:
        contradiction("occurrence", "'occurrence' and MUST_NOT_CALL exclude each other")
    if values["expected_output"] is not None and values["kind"] == "node":
        contradiction("expected_output", "a node's output is read by 'expected_arguments'")


KIND: Final = Kind(
    target="node_call",
    fields=FIELDS,
    build=build,
    stage="tool_choice",
    doc="a node or tool was called, or was not",
)
