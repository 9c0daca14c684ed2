"""What a check on the answer reads: the response, or the output of one named node.

``target_node`` never falls back to the whole response: a node that was not executed makes
the check missing (assertion spec 6.2, 6.3, 6.8).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tracedesk.assertions.call_spec import name_test
from tracedesk.assertions.fields import BOOLEAN, PATH, TEXT, Field
from tracedesk.assertions.finding import INSTRUMENTATION, VACUOUS, Finding, missing
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.jsontext import dump
from tracedesk.model.reading import Call
from tracedesk.model.verdict import Evidence, Support
from tracedesk.query.names import NameTest
from tracedesk.query.paths import ROOT, Path
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import ABSENT, whole_json

TARGET_FIELDS: Final = (
    Field("target_node", TEXT, "read only this node's output"),
    Field("output_key", PATH, "path into that output"),
)
ALLOW_FENCED: Final = Field(
    "allow_fenced", BOOLEAN, "also read JSON inside one code fence", default=False
)

_FENCE = re.compile(r"\s*```[^\n`]*\n(.*?)\n?\s*```\s*", re.DOTALL)


class Subject(msgspec.Struct, frozen=True):
    """A value to be checked, and where it was read."""

    value: Any
    span: str | None
    of: str
    """Root of evidence paths: ``response`` or ``output``."""
    path: str = ROOT

    @property
    def text(self) -> str:
        """The value as text; what is not text is dumped as JSON."""
        return self.value if isinstance(self.value, str) else dump(self.value)

    def evidence(
        self,
        role: str = "decided",
        path: str | None = None,
        chars: tuple[int, int] | None = None,
    ) -> Evidence:
        """Evidence at the value, or at a path below it."""
        below = "" if path is None else path[len(ROOT) :]
        return Evidence(self.span, self.of, self.path + below, role, chars)

    def support(self) -> Support:
        """One span, and the characters looked at."""
        return Support(spans=int(self.span is not None), chars=len(self.text))


class NodeTarget:
    """A compiled ``target_node`` with its ``output_key``."""

    __slots__ = ("key", "test")

    def __init__(self, test: NameTest, key: Path | None) -> None:
        self.test = test
        self.key = key

    def read(self, index: TraceIndex, stage: str) -> Subject | Finding:
        """The output of the last such node that has one, or why there is none."""
        found = index.resolve(self.test).calls
        if not found:
            looked = "no call structure" if not index.reading.has_structure else "was not executed"
            return missing(
                f"node '{self.test.name}': {looked}, so it has no output to check",
                "node_not_executed",
                VACUOUS if index.reading.has_structure else INSTRUMENTATION,
                stage=stage,
                evidence=index.searched if index.calls else (),
            )
        ordered, _ = index.ordered(found)
        call = next((c for c in reversed(ordered) if _output(c) is not ABSENT), None)
        if call is None:
            return missing(
                f"node '{ordered[-1].label}' was executed, but its output was not recorded",
                "no_output",
                stage=stage,
                evidence=(Evidence(ordered[-1].span, "span", ROOT, "inspected"),),
            )
        return self._below(call, stage)

    def _below(self, call: Call, stage: str) -> Subject | Finding:
        value = _output(call)
        if self.key is None:
            return Subject(value, call.span, "output")
        items = [(ROOT, value)]
        if isinstance(value, list) and value:
            items.append((f"{ROOT}[{len(value) - 1}]", value[-1]))
        for base, item in items:
            places = self.key.find(item, descend=True)
            if places:
                location, found = places[0]
                return Subject(found, call.span, "output", base + location[len(ROOT) :])
        return missing(
            f"the output of '{call.label}' has no '{self.key}'",
            "output_key_absent",
            VACUOUS,
            stage=stage,
            evidence=(Evidence(call.span, "output", ROOT, "absent_here"),),
        )


def _output(call: Call) -> Any:
    """What a call put out; a node's arguments are its output. ABSENT when not recorded."""
    if call.output_state != "absent":
        return call.output
    if not call.tool and call.arguments_state != "absent":
        return call.arguments
    return ABSENT


def build_target(values: Mapping[str, Any], place: Place, report: Report) -> NodeTarget | None:
    """The target of read fields; None when there is none, or after reporting."""
    if values["target_node"] is None:
        if values["output_key"] is not None:
            message = "'output_key' reads the output of a node; name it in 'target_node'"
            report.error((*place, "output_key"), "missing-field", message)
        return None
    test = name_test(values["target_node"], "substring", (*place, "target_node"), report)
    return None if test is None else NodeTarget(test, values["output_key"])


def read_subject(target: NodeTarget | None, index: TraceIndex, stage: str) -> Subject | Finding:
    """What to check: the target's output, or else the response text. Finding = missing."""
    if target is not None:
        return target.read(index, stage)
    response = index.reading.response
    if response.text is None:
        tried = f"; tried {', '.join(response.tried[:5])}" if response.tried else ""
        near = f"; an unmapped attribute looks like it: {response.nearest}"
        return missing(
            f"no response text was found{tried}{near if response.nearest else ''}",
            "no_response",
            stage=stage,
        )
    return response_subject(index, response.text)


def response_subject(index: TraceIndex, value: Any) -> Subject:
    """The response, or a value made of it, at the span it was read from."""
    source = index.reading.response.source
    return Subject(value, None if source is None else source.span, "response")


def response_value(index: TraceIndex, allow_fenced: bool) -> Any:
    """The response text parsed as JSON; ABSENT when it is none."""
    value = index.response_json
    if value is ABSENT and allow_fenced:
        fence = _FENCE.fullmatch(index.reading.response.text or "")
        if fence is not None:
            return whole_json(fence[1])
    return value
