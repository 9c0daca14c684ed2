"""A call spec: a name with what is expected of a call by that name, as steps and rules use it.

A call *satisfies* a spec only as a whole; different calls may not each satisfy half.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tracedesk.assertions.arguments import ARGS_MODES, NO, YES, Arguments, State, both
from tracedesk.assertions.declared_arguments import DeclaredArguments
from tracedesk.assertions.fields import (
    ANYTHING,
    TEXT,
    Field,
    Invalid,
    Shape,
    choice,
    list_of,
    map_of,
    read_fields,
    wrong_type,
)
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import Difference, Evidence
from tracedesk.query.matchers import Compiler, pattern_fault
from tracedesk.query.names import NAME_MATCHES, NameTest, glob_matches
from tracedesk.query.patterns import Pattern, PatternError
from tracedesk.query.problems import Place, Report

CALL_STATUSES: Final = ("any", "ok", "error")

_MAP: Final = map_of(ANYTHING, empty=True)
_EXPECTED_MAP: Final = Shape(
    _MAP.read, {"type": "object", "additionalProperties": {"$ref": "#/$defs/expected"}}
)
NAME_MATCH: Final = Field("name_match", choice(NAME_MATCHES), "how the name is compared")
CALL_STATUS: Final = Field(
    "call_status", choice(CALL_STATUSES, "unknown-status"), "which calls count", default="any"
)
ARGS_MODE: Final = Field("args_mode", choice(ARGS_MODES), "how arguments are compared")
ARGUMENT_FIELDS: Final = (
    Field(
        "expected_arguments", _EXPECTED_MAP, "a tool's input, a node's output: key → expected value"
    ),
    Field("expected_output", _EXPECTED_MAP, "a tool's output: key → expected value"),
    ARGS_MODE,
    Field("ignore_args", list_of(TEXT), "names or globs left out of the comparison", default=()),
    Field("default_args", _MAP, "actual keys equal to these are left out", default={}),
)
SPEC_FIELDS: Final = (
    Field("expected_name", TEXT, "node or tool name", required=True),
    NAME_MATCH,
    *ARGUMENT_FIELDS,
    CALL_STATUS,
)
"""Fields of a call spec that is written as an object."""


class CallSpec:
    """Name, arguments and output that one call must have."""

    def __init__(
        self,
        test: NameTest,
        arguments: Arguments | None = None,
        output: Arguments | None = None,
        call_status: str = "any",
    ) -> None:
        self.test = test
        self.arguments = arguments
        self.output = output
        self.call_status = call_status
        self.parts = tuple(part for part in (arguments, output) if part is not None)
        self.expected = None if arguments is None else arguments.source
        """The arguments as written."""
        self.leaves = sum(part.leaves for part in self.parts)
        """How many leaves of arguments and output are compared."""
        self.name = test.name
        self.state: Callable[[Call, TraceIndex], State] = (
            self.parts[0].state if len(self.parts) == 1 else self._state
        )
        """Whether a call of the right name has what is expected."""
        self.evidence: Callable[[Call, str], list[Evidence]] = (
            self.parts[0].evidence if len(self.parts) == 1 else self._evidence
        )
        """Place of every checked argument, or the call itself; given the call and a role."""
        self.compared: Callable[[Call], list[Any]] = (
            self.parts[0].compared if len(self.parts) == 1 else self._compared
        )
        """The recorded values that expected keys name on a call."""

    def counts(self, call: Call) -> bool:
        """Whether the call is on the list at all, by its status."""
        return status_fits(self.call_status, call)

    def _state(self, call: Call, index: TraceIndex) -> State:
        state = YES
        for part in self.parts:
            state = both(state, part.state(call, index))
            if state == NO:
                break
        return state

    def differences(self, call: Call, index: TraceIndex) -> list[Difference]:
        """Differing leaves of arguments, then of output."""
        return [d for part in self.parts for d in part.differences(call, index)]

    def _compared(self, call: Call) -> list[Any]:
        return [value for part in self.parts for value in part.compared(call)]

    def _evidence(self, call: Call, role: str) -> list[Evidence]:
        if not self.parts:
            return [Evidence(call.span, "span", "$", role)]
        return [evidence for part in self.parts for evidence in part.evidence(call, role)]


def status_fits(call_status: str, call: Call) -> bool:
    """Whether a call is kept under ``call_status``."""
    if call_status == "any":
        return True
    return (call.status == "error") == (call_status == "error")


def name_test(name: Any, mode: str, place: Place, report: Report) -> NameTest | None:
    """A name ready for matching; None after reporting a bad pattern."""
    if not isinstance(name, str):
        return None
    if mode != "regex":
        return NameTest(name, mode)
    try:
        return NameTest(name, mode, Pattern(name))
    except PatternError as error:
        report.error(place, "bad-regex", pattern_fault(error))
        return None


def build_spec(
    values: Mapping[str, Any], place: Place, report: Report, default_mode: str = "contains"
) -> CallSpec | None:
    """Build from read fields; None when some fault was reported."""
    before = report.errors
    mode = values["args_mode"] or default_mode
    test = name_test(
        values["expected_name"],
        values["name_match"] or "substring",
        (*place, "expected_name"),
        report,
    )
    arguments = _arguments(values, "expected_arguments", mode, place, report)
    output = _arguments(values, "expected_output", mode, place, report)
    if test is None or report.errors > before:
        return None
    return CallSpec(test, arguments, output, values["call_status"])


def _arguments(
    values: Mapping[str, Any], field: str, mode: Any, place: Place, report: Report
) -> Arguments | None:
    source = values[field]
    output = field == "expected_output"
    if isinstance(mode, Invalid) or isinstance(source, Invalid):
        return None
    declared = mode == "schema" and not output
    if source is None:
        return DeclaredArguments({}, {}) if declared else None
    compare = mode if mode in ("exact", "only") else "contains"
    members = Compiler(report, compare).members(source, (*place, field))
    if declared:
        return DeclaredArguments(source, members)
    ignore, defaults = values["ignore_args"], values["default_args"]
    if isinstance(ignore, Invalid) or isinstance(defaults, Invalid):
        return None
    if output and mode in ("ignore", "schema"):
        mode = "contains"
    for key in members:
        if _left_out(key, ignore, defaults):
            message = f"'{key}' is expected and left out of the comparison: it can never match"
            report.error((*place, field, key), "contradiction", message, on_key=True)
    return Arguments(source, members, mode, ignore, defaults, output)


def _left_out(key: str, ignore: Any, defaults: Mapping[str, Any]) -> bool:
    names = {key, key.split(".")[0]}
    return any(name in defaults for name in names) or any(
        glob_matches(pattern, name) for pattern in ignore for name in names
    )


def read_spec(
    obj: Any, place: Place, report: Report, name_match: str, args_mode: str, what: str = "a call"
) -> CallSpec | None:
    """A call spec as written, a bare name or an object; None after reporting."""
    if isinstance(obj, str):
        obj, name_place = {"expected_name": obj}, place
        if not obj["expected_name"].strip():
            report.error(name_place, "empty-value", "a name cannot be empty")
            return None
    if not isinstance(obj, dict):
        wrong_type(place, report, "a name or an object with 'expected_name'", obj)
        return None
    before = report.errors
    values = read_fields(obj, SPEC_FIELDS, place, report, what)
    if report.errors > before:
        return None
    values["name_match"] = values["name_match"] or name_match
    return build_spec(values, place, report, args_mode)
