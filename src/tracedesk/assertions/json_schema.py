"""json_schema: the structure of the response or the data (assertion spec 6.4).

No remote reference is ever fetched; jsonschema is imported with the first schema.
"""

from typing import Any, Final

from tracedesk.assertions.fields import ANYTHING, Field
from tracedesk.assertions.finding import COMMUNICATION, Finding, missing, plural
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.subjects import (
    ALLOW_FENCED,
    TARGET_FIELDS,
    NodeTarget,
    Subject,
    build_target,
    response_subject,
    response_value,
)
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.verdict import Outcome
from tracedesk.query.problems import Place, Report
from tracedesk.query.schemas import MAX_FAULTS, Schema, compile_schema, fault_told
from tracedesk.query.values import ABSENT, json_text


class JsonSchema:
    """A compiled json_schema."""

    def __init__(self, schema: Schema, target: NodeTarget | None, allow_fenced: bool) -> None:
        self.schema = schema
        self.target = target
        self.allow_fenced = allow_fenced

    def evaluate(self, index: TraceIndex) -> Finding:
        subject = self._instance(index)
        if isinstance(subject, Finding):
            return subject
        faults = self.schema.faults(subject.value, MAX_FAULTS)
        differences = tuple(map(fault_told, faults))
        return Finding(
            outcome=Outcome.FAIL if faults else Outcome.PASS,
            reason=self._reason(subject, faults),
            code="schema_mismatch" if faults else "valid",
            expected=self.schema.source,
            actual=faults[0][3] if faults else None,
            differences=differences,
            evidence=tuple(subject.evidence("violated", place) for place, *_ in faults)
            or (subject.evidence(),),
            support=subject.support(),
            stage=COMMUNICATION,
        )

    def _reason(self, subject: Subject, faults: list[tuple[str, str, str, Any]]) -> str:
        if not faults:
            return f"the {subject.of} is valid under the schema"
        place, rule, message, _ = faults[0]
        more = "" if len(faults) == 1 else f"; {plural(len(faults), 'fault')}"
        return f"the {subject.of} is not valid at {place}: {message} ({rule}){more}"

    def _instance(self, index: TraceIndex) -> Subject | Finding:
        """The target's output; else a JSON response, OLD data, or the text as a JSON string."""
        if self.target is not None:
            subject = self.target.read(index, COMMUNICATION)
            if isinstance(subject, Finding):
                return subject
            value = json_text(subject.value)
            return subject if value is ABSENT else Subject(value, subject.span, "output")
        value = response_value(index, self.allow_fenced)
        if isinstance(value, dict | list):
            return response_subject(index, value)
        for name, view in index.reading.views:
            if name == "data":
                return Subject(view, None, "data")
        text = index.reading.response.text
        if text is None:
            reason = "there is no instance: no response text and no data"
            return missing(reason, "no_response", stage=COMMUNICATION)
        return response_subject(index, text)


def build(values: dict[str, Any], place: Place, report: Report) -> JsonSchema | None:
    """Build from read fields."""
    before = report.errors
    target = build_target(values, place, report)
    schema = compile_schema(values["schema"], (*place, "schema"), report)
    if schema is None or report.errors > before:
        return None
    return JsonSchema(schema, target, values["allow_fenced"])


KIND: Final = Kind(
    target="json_schema",
    fields=(
        Field(
            "schema",
            ANYTHING,
            "a JSON Schema, Draft 2020-12 unless it says otherwise",
            aliases=("json_schema", "expected_schema"),
            required=True,
        ),
        *TARGET_FIELDS,
        ALLOW_FENCED,
    ),
    build=build,
    stage=COMMUNICATION,
    doc="the structure of the response or data",
)
