"""http_status: the status code that the trace reports (assertion spec 6.5)."""

import re
from collections.abc import Sequence
from typing import Any, Final

from tracedesk.assertions.fields import INVALID, Field, Shape, list_of, wrong_type
from tracedesk.assertions.finding import RUNTIME, Finding, missing
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Number
from tracedesk.model.verdict import FAIL, PASS, Difference, Evidence, Support
from tracedesk.query.expected import Expected, Literal
from tracedesk.query.matchers import NAMES, OPTION_NAMES, Compiler
from tracedesk.query.misspelt import meant_as_matcher
from tracedesk.query.paths import key_step
from tracedesk.query.problems import Place, Report
from tracedesk.query.shapes import OneOf
from tracedesk.query.values import is_integer

_CLASS = re.compile(r"[1-5]xx", re.IGNORECASE)


class StatusClass(Expected):
    """A class of codes such as ``2xx``."""

    __slots__ = ()

    @property
    def words(self) -> str:
        return str(self.source).lower()

    def accepts(self, actual: Any, env: object) -> bool:
        return int(actual) // 100 == int(self.source[0])


class HttpStatus:
    """A compiled http_status."""

    def __init__(self, expected: Expected) -> None:
        self.expected = expected

    def evaluate(self, index: TraceIndex) -> Finding:
        number = index.reading.http_status
        if number.value is None:
            tried = f" (tried {', '.join(number.tried)})" if number.tried else ""
            return missing(
                f"this trace reports no HTTP status; send http.response.status_code{tried}",
                "no_status",
                stage=RUNTIME,
            )
        evidence = index.once(_where)
        differences: Sequence[Difference] = self.expected.differences(
            number.value, index.env, evidence.path
        )
        return Finding(
            outcome=FAIL if differences else PASS,
            reason=f"HTTP status is {number.value:g}, expected {self.expected.words}"
            if differences
            else f"HTTP status is {number.value:g}",
            code="status_mismatch" if differences else "matched",
            expected=self.expected.source,
            actual=number.value,
            differences=tuple(differences),
            evidence=(evidence,),
            support=Support(spans=1),
            stage=RUNTIME,
        )


def _where(index: TraceIndex) -> Evidence:
    return number_evidence(index.reading.http_status)


def number_evidence(number: Number, role: str = "decided") -> Evidence:
    """Where a number was read."""
    source = number.source
    if source is None:
        return Evidence(None, "trace", "$", role)
    place = source.place
    if source.span is not None:
        if place.endswith("_unix_nano"):
            return Evidence(source.span, "span", f"${key_step(place)}", role)
        return Evidence(source.span, "attributes", f"${key_step(place)}", role)
    for root in ("metadata", "data"):
        if place == f"$.{root}" or place.startswith(f"$.{root}."):
            return Evidence(None, root, f"${place[len(root) + 2 :]}", role)
    return Evidence(None, "trace", place if place.startswith("$") else "$", role)


def _read_one(value: Any, path: Place, report: Report) -> Any:
    if is_integer(value):
        if not 100 <= value <= 599:
            report.error(path, "wrong-type", f"{value} is no HTTP status code")
            return INVALID
        return Literal(int(value))
    if isinstance(value, str) and _CLASS.fullmatch(value):
        return StatusClass(value)
    if isinstance(value, dict) and (
        "matcher" in value or meant_as_matcher(value, NAMES, OPTION_NAMES)
    ):
        before = report.errors
        expected = Compiler(report).compile(value, path)
        return expected if report.errors == before else INVALID
    return wrong_type(path, report, "a status code, a class such as 2xx, or a matcher", value)


_ONE: Final = Shape(
    _read_one,
    {
        "anyOf": [
            {"type": "integer", "minimum": 100, "maximum": 599},
            {"type": "string", "pattern": "^[1-5][xX][xX]$"},
            {"$ref": "#/$defs/matcher"},
        ]
    },
)
_MANY: Final = list_of(_ONE)


def _read(value: Any, path: Place, report: Report) -> Any:
    if not isinstance(value, list):
        return _ONE.read(value, path, report)
    found = _MANY.read(value, path, report)
    return found if found is INVALID else OneOf(value, found)


def build(values: dict[str, Any], place: Place, report: Report) -> HttpStatus:
    """Build from read fields."""
    return HttpStatus(values["expected"])


KIND: Final = Kind(
    target="http_status",
    fields=(
        Field(
            "expected",
            Shape(_read, {"anyOf": [_ONE.schema, _MANY.schema]}),
            "a code, a class such as 2xx, a list of these, or a matcher",
            aliases=("expected_status", "status", "value"),
            required=True,
        ),
    ),
    build=build,
    stage=RUNTIME,
    doc="the HTTP status code that the trace reports",
)
