"""OTLP/JSON: ``resourceSpans`` as the exporters write it, and as home-grown senders do.

Quick way: Structs with attribute values left as bytes. Anything they do not take (snake-case
names, unusual types) is read again from plain objects, span by span, so one odd span never
costs the others. Spans without id, trace id or name are dropped and counted.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tracedesk.formats.attributes import (
    any_value,
    events_of,
    has_exception,
    key_values,
    links_of,
    plain_attributes,
)
from tracedesk.formats.errors import Fault, FormatError
from tracedesk.formats.otlp import Gathering, OtlpResource
from tracedesk.formats.spans import NOTHING_PEEKED, classify, classify_by
from tracedesk.formats.values import (
    STATUS_NUMBERS,
    hex_id,
    liberal_nanoseconds,
    liberal_status,
    nanoseconds,
)
from tracedesk.model import jsontext
from tracedesk.model.kinds import PEEKED
from tracedesk.model.trace import Decoded, Event, Span, Status, TraceWarning

NOT_SENT = msgspec.Raw(b"null")
SNAKE_MARKS = (b'_time_unix_nano"', b'"parent_span_id"', b'"span_id"', b'"scope_spans"')
"""Names that the Structs below would pass over in silence; their presence asks for care."""

_SNAKE_CASE = "has field names in snake case"
_PEEK_AT = {name: at for at, name in enumerate(PEEKED)}


class WireAttribute(msgspec.Struct, gc=False):
    key: str
    value: msgspec.Raw = NOT_SENT


class WireStatus(msgspec.Struct, gc=False):
    code: int | str | None = 0
    message: str | None = ""


class WireSpan(msgspec.Struct, gc=False, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = None
    name: str = ""
    start_time_unix_nano: str | int | None = None
    end_time_unix_nano: str | int | None = None
    status: WireStatus | None = None
    attributes: list[WireAttribute] | None = None
    events: msgspec.Raw = NOT_SENT
    links: msgspec.Raw = NOT_SENT


class WireScope(msgspec.Struct, gc=False):
    name: str | None = ""


class WireScopeSpans(msgspec.Struct, rename="camel"):
    scope: WireScope | None = None
    spans: list[WireSpan] | None = None


class WireResource(msgspec.Struct, gc=False):
    attributes: list[Any] | None = None


class WireResourceSpans(msgspec.Struct, rename="camel"):
    resource: WireResource | None = None
    scope_spans: list[WireScopeSpans] | None = None
    instrumentation_library_spans: msgspec.Raw = NOT_SENT


class KeyValuePayload:
    """Attributes, events and links of an OTLP/JSON span, values still encoded."""

    __slots__ = ("_attributes", "_events", "_links")

    def __init__(
        self, attributes: list[WireAttribute], events: msgspec.Raw, links: msgspec.Raw
    ) -> None:
        self._attributes = attributes
        self._events = events
        self._links = links

    def attributes(self) -> dict[str, Any]:
        return {a.key: any_value(jsontext.parse(bytes(a.value))) for a in self._attributes}

    def peek(self, wanted: frozenset[str]) -> Mapping[str, Any]:
        return {
            a.key: value
            for a in self._attributes
            if a.key in wanted and (value := any_value(jsontext.parse(bytes(a.value)))) is not None
        }

    def eventful(self) -> bool:
        return self._events is not NOT_SENT and len(memoryview(self._events)) > len(b"[]")

    def events(self) -> list[Event]:
        return events_of(jsontext.parse(bytes(self._events)))

    def links(self) -> list[dict[str, Any]]:
        return links_of(jsontext.parse(bytes(self._links)))


_decode = msgspec.json.Decoder(list[WireResourceSpans]).decode


class JsonReader:
    """Reads one request; ``rejected`` and ``warnings`` tell what was dropped or converted."""

    def __init__(self, *, snake: bool = False) -> None:
        """``snake``: the list itself came under its name in snake case."""
        self.rejected = 0
        self.warnings: list[TraceWarning] = []
        self.odd: dict[str, None] = {_SNAKE_CASE: None} if snake else {}
        """Spellings that no OTLP/JSON exporter uses, in words; each once a request."""

    def read(self, raw: bytes) -> list[OtlpResource]:
        """The resources of the JSON list ``raw``. Raises ``FormatError`` when it is no list."""
        if not any(mark in raw for mark in SNAKE_MARKS):
            try:
                return self._quick(_decode(raw))
            except (msgspec.DecodeError, ValueError, KeyError):
                self.rejected = 0
        return self._liberal(jsontext.parse(raw))

    def _quick(self, wire: list[WireResourceSpans]) -> list[OtlpResource]:
        resources = []
        for index, entry in enumerate(wire):
            if entry.instrumentation_library_spans is not NOT_SENT:
                raise ValueError
            attributes = entry.resource.attributes if entry.resource is not None else None
            gathering = Gathering(index, key_values(attributes or ()))
            for at, group in enumerate(entry.scope_spans or ()):
                scope = (group.scope.name or "") if group.scope is not None else ""
                place = f"$.resourceSpans[{index}].scopeSpans[{at}].spans"
                for number, wire_span in enumerate(group.spans or ()):
                    trace_id = hex_id(wire_span.trace_id, 16)
                    span_id = hex_id(wire_span.span_id, 8)
                    name = wire_span.name
                    if trace_id is None or span_id is None or not name or name.isspace():
                        self.rejected += 1
                        continue
                    span = _quick_span(wire_span, span_id, f"{place}[{number}]")
                    gathering.add(trace_id, scope, span)
            resources.append(gathering.resource)
        return resources

    def _liberal(self, value: Any) -> list[OtlpResource]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise FormatError(Fault("resourceSpans", "must be a list"))
        resources = []
        for index, entry in enumerate(value):
            found = entry if isinstance(entry, dict) else {}
            self._note_spelling(found)
            owner = found.get("resource")
            attributes = owner.get("attributes") if isinstance(owner, dict) else None
            gathering = Gathering(index, dict(plain_attributes(attributes)))
            for place, scope, span in _wire_spans(found, index):
                if (read := self._liberal_span(span, place)) is None:
                    self.rejected += 1
                else:
                    gathering.add(read[0], scope, read[1])
            resources.append(gathering.resource)
        return resources

    def _note_spelling(self, entry: dict[str, Any]) -> None:
        if not _SNAKE_NAMES.isdisjoint(entry):
            self.odd[_SNAKE_CASE] = None
        if "instrumentationLibrarySpans" in entry:
            self.odd["has instrumentationLibrarySpans, the older name of scopeSpans"] = None

    def _liberal_span(self, wire: Any, place: str) -> tuple[str, Span] | None:
        if not isinstance(wire, dict):
            return None
        self._note_spelling(wire)
        trace_id = hex_id(_field(wire, "traceId"), 16)
        span_id = hex_id(_field(wire, "spanId"), 8)
        name = wire.get("name")
        if trace_id is None or span_id is None or not isinstance(name, str) or not name.strip():
            return None
        attributes = dict(plain_attributes(wire.get("attributes")))
        events = events_of(wire.get("events"))
        facts = classify_by(name, attributes.get)
        owner = wire.get("status")
        code, message = (
            (owner.get("code"), owner.get("message")) if isinstance(owner, dict) else (owner, None)
        )
        status = liberal_status(code)[0]
        if facts.skipped and status is not Status.ERROR:
            status = Status.SKIPPED
        return trace_id, Span(
            span_id=span_id,
            name=name,
            parent_id=hex_id(_field(wire, "parentSpanId"), 8),
            start_ns=self._time(wire, "startTimeUnixNano", span_id),
            end_ns=self._time(wire, "endTimeUnixNano", span_id),
            status=status,
            status_message=message if isinstance(message, str) else "",
            kind=facts.kind,
            label=facts.label,
            aliases=facts.aliases,
            exception=has_exception(events),
            place=place,
            payload=Decoded(attributes, events, links_of(wire.get("links"))),
        )

    def _time(self, wire: dict[str, Any], field: str, span_id: str) -> int | None:
        value = _field(wire, field)
        found, what = liberal_nanoseconds(value)
        if found is None and what and value != 0:
            self.warnings.append(
                TraceWarning("coerced_field", f"{field} {what} and was left out", span_id)
            )
        return found


def _quick_span(w: WireSpan, span_id: str, place: str) -> Span:
    facts = classify(w.name, _peeked(w.attributes) if w.attributes else NOTHING_PEEKED)
    status, message = Status.UNSET, ""
    if w.status is not None:
        code = w.status.code
        status = (
            STATUS_NUMBERS.get(code, Status.UNSET)
            if isinstance(code, int)
            else liberal_status(code)[0]
        )
        message = w.status.message or ""
    if facts.skipped and status is not Status.ERROR:
        status = Status.SKIPPED
    exception = False
    if w.events is not NOT_SENT:
        events = bytes(w.events)
        exception = b'"exception"' in events and has_exception(events_of(jsontext.parse(events)))
    return Span(
        span_id=span_id,
        name=w.name,
        parent_id=hex_id(w.parent_span_id, 8) if w.parent_span_id else None,
        start_ns=nanoseconds(w.start_time_unix_nano),
        end_ns=nanoseconds(w.end_time_unix_nano),
        status=status,
        status_message=message,
        kind=facts.kind,
        label=facts.label,
        aliases=facts.aliases,
        exception=exception,
        place=place,
        payload=KeyValuePayload(w.attributes or [], w.events, w.links),
    )


def _peeked(attributes: list[WireAttribute]) -> tuple[Any, ...]:
    values: list[Any] | None = None
    for attribute in attributes:
        at = _PEEK_AT.get(attribute.key)
        if at is not None:
            if values is None:
                values = [None] * len(PEEKED)
            values[at] = any_value(jsontext.parse(bytes(attribute.value)))
    return NOTHING_PEEKED if values is None else tuple(values)


def _wire_spans(entry: dict[str, Any], index: int) -> Iterator[tuple[str, str, Any]]:
    """Place, scope name and span object of everything below one ``resourceSpans`` entry."""
    for field in ("scopeSpans", "instrumentationLibrarySpans"):
        groups = _field(entry, field)
        for at, group in enumerate(groups if isinstance(groups, list) else ()):
            if not isinstance(group, dict):
                continue
            owner = _field(group, "scope" if field == "scopeSpans" else "instrumentationLibrary")
            name = owner.get("name") if isinstance(owner, dict) else None
            spans = group.get("spans")
            for number, span in enumerate(spans if isinstance(spans, list) else ()):
                place = f"$.resourceSpans[{index}].{field}[{at}].spans[{number}]"
                yield place, name if isinstance(name, str) else "", span


def _field(entry: dict[str, Any], camel: str) -> Any:
    value = entry.get(camel)
    return entry.get(_SNAKE[camel]) if value is None else value


_SNAKE = {
    "traceId": "trace_id",
    "spanId": "span_id",
    "parentSpanId": "parent_span_id",
    "startTimeUnixNano": "start_time_unix_nano",
    "endTimeUnixNano": "end_time_unix_nano",
    "scope": "scope",
    "scopeSpans": "scope_spans",
    "instrumentationLibrary": "instrumentation_library",
    "instrumentationLibrarySpans": "instrumentation_library_spans",
}
_SNAKE_NAMES = frozenset(_SNAKE.values()) - {"scope"}
