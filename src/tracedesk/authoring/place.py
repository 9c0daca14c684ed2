"""A place in a trace that something can be asserted of: what a cursor may stand on.

``of`` says what is meant and ``steps`` lead into its value; every text that holds JSON counts as
the value inside, as in evidence (assertion spec 5.3).
"""

from typing import Any, Final

import msgspec

from tracedesk.model.reading import Call, Reading
from tracedesk.model.trace import Span, Trace
from tracedesk.model.verdict import Evidence
from tracedesk.query.paths import PathError, StepPath, parse_path
from tracedesk.query.values import ABSENT, json_text

Steps = tuple[str | int, ...]

VALUES: Final = ("arguments", "output", "response", "attributes", "data", "metadata")
"""What ``steps`` may lead into."""

NUMBERS: Final = ("duration", "tokens", "cost", "status")
"""Numbers of the whole trace."""


class Place(msgspec.Struct, frozen=True):
    """``trace``, ``span``, ``event``, ``input``, or one of ``VALUES`` or ``NUMBERS``."""

    of: str
    span: str | None = None
    """Id of the span; None where the whole trace is meant."""
    steps: Steps = ()
    """Keys and indexes from the value's root."""
    event: int = 0
    """Which event of the span, from 0."""

    def inside(self, step: str | int) -> "Place":
        """The place of a member of the value here."""
        return msgspec.structs.replace(self, steps=(*self.steps, step))


def place_of(evidence: Evidence) -> Place:
    """The place that an evidence names; of one that cannot be followed, its span or trace."""
    steps = _steps(evidence.path)
    if evidence.of in VALUES and steps is not None:
        return Place(evidence.of, evidence.span, steps)
    if evidence.of == "input":
        return Place("input", evidence.span)
    return Place("trace") if evidence.span is None else Place("span", evidence.span)


def _steps(path: str) -> Steps | None:
    try:
        parsed = parse_path(path)
    except PathError:
        return None
    return parsed.steps if isinstance(parsed, StepPath) else None


def span_at(place: Place, trace: Trace) -> Span | None:
    """The span of a place."""
    return next((span for span in trace.spans if span.span_id == place.span), None)


def call_at(place: Place, reading: Reading) -> Call | None:
    """The call that a place belongs to: the one of its span, or that its span shows."""
    calls = [call for call in reading.calls if place.span in (call.id, call.span)]
    return next((call for call in calls if call.id == place.span), calls[0] if calls else None)


def root_value(place: Place, trace: Trace, reading: Reading) -> Any:
    """The value that the steps of a place lead into; ABSENT when there is none."""
    call = call_at(place, reading)
    match place.of:
        case "response":
            text = reading.response.text
            return ABSENT if text is None else _opened(text)
        case "arguments" if call is not None and call.arguments_state == "captured":
            return call.arguments
        case "output" if call is not None:
            return _output(call)
        case "attributes":
            span = span_at(place, trace)
            return ABSENT if span is None else span.attributes
        case "data" | "metadata":
            return dict(reading.views).get(place.of, ABSENT)
    return ABSENT


def _output(call: Call) -> Any:
    if call.output_state == "captured":
        return _opened(call.output)
    own = not call.tool and call.arguments_state == "captured"
    return _opened(call.arguments) if own else ABSENT


def _opened(value: Any) -> Any:
    found = json_text(value)
    return value if found is ABSENT else found


def value_at(place: Place, trace: Trace, reading: Reading) -> Any:
    """The value at a place; ABSENT when the steps lead nowhere."""
    return follow(root_value(place, trace, reading), place.steps)


def follow(value: Any, steps: Steps) -> Any:
    """The value under a chain of steps, through texts that hold JSON."""
    for step in steps:
        value = _opened(value)
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step, ABSENT)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if -len(value) <= step < len(value) else ABSENT
        else:
            return ABSENT
    return value
