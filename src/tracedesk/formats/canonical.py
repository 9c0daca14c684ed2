"""Canonical bodies (``spans``): strict and quick first, liberal when that fails.

The quick way decodes ids, names, times and statuses only and leaves attributes, events and
links as bytes. Whatever it cannot take as it stands goes the liberal way, which converts
and warns, or collects every fault with its path (ingestion spec 14, C18, C19).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from tracedesk.formats.attributes import (
    events_of,
    has_exception,
    links_of,
    plain_attributes,
)
from tracedesk.formats.errors import LEFT_OUT, Faults
from tracedesk.formats.spans import (
    NOTHING_PEEKED,
    Facts,
    Peek,
    check_links,
    classify,
    classify_by,
    warn_each,
)
from tracedesk.formats.values import (
    STATUS_NUMBERS,
    liberal_nanoseconds,
    liberal_status,
    nanoseconds,
)
from tracedesk.model import jsontext
from tracedesk.model.trace import Decoded, Event, Format, Span, Status, Trace

NOT_SENT = msgspec.Raw(b"null")
Odd: TypeAlias = list[tuple[str, str]]
"""Field of a span and what is unusual about it."""

_peek = msgspec.json.Decoder(Peek).decode
_NULL = msgspec.Raw(b"null")
_raw_values = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class WireStatus(msgspec.Struct, gc=False):
    """``{code, message}`` of a span."""

    code: int | None = 0
    message: str | None = ""


class WireSpan(msgspec.Struct, gc=False):
    """One span exactly as specified; anything else is left to the liberal way."""

    span_id: str
    name: str
    parent_span_id: str | None = None
    start_time_unix_nano: str | None = None
    end_time_unix_nano: str | None = None
    status: WireStatus | None = None
    attributes: msgspec.Raw = NOT_SENT
    events: list[msgspec.Raw] | None = None
    links: msgspec.Raw = NOT_SENT
    parentSpanId: msgspec.Raw = NOT_SENT  # noqa: N815
    startTimeUnixNano: msgspec.Raw = NOT_SENT  # noqa: N815
    endTimeUnixNano: msgspec.Raw = NOT_SENT  # noqa: N815


class RawPayload(msgspec.Struct, gc=False):
    """Attributes, events and links of a canonical span as received bytes."""

    _attributes: msgspec.Raw
    _events: list[msgspec.Raw] | None
    _links: msgspec.Raw

    def attributes(self) -> dict[str, Any]:
        return plain_attributes(jsontext.parse(bytes(self._attributes)))

    def peek(self, wanted: frozenset[str]) -> Mapping[str, Any]:
        if self._attributes is NOT_SENT:
            return {}
        try:
            found = _raw_values(self._attributes)
        except (msgspec.DecodeError, UnicodeError):
            return {k: v for k, v in self.attributes().items() if v is not None}
        if _NULL in found.values():
            return {name: value for name, value in found.items() if value != _NULL}
        return found

    def eventful(self) -> bool:
        return bool(self._events)

    def events(self) -> list[Event]:
        return events_of([jsontext.parse(bytes(event)) for event in self._events or ()])

    def links(self) -> list[dict[str, Any]]:
        return links_of(jsontext.parse(bytes(self._links)))


class OddBodyError(Exception):
    """The quick way met something it does not take."""


class Quick(msgspec.Struct, gc=False):
    """Spans of a body that is exactly as specified."""

    spans: list[Span]
    linked: bool
    """Every id is new, every parent came before its children and no span ends before it
    starts: there is nothing to warn of."""


def quick_spans(wire: list[WireSpan]) -> Quick:
    """Spans of a body that is exactly as specified. Raises ``OddBodyError`` otherwise.

    One loop does everything: this is the hot path of ingestion, where each call costs as
    much as a check.
    """
    spans: list[Span] = []
    seen: set[str | None] = {None}
    linked = True
    try:
        for index, w in enumerate(wire):
            name, span_id, parent, events = w.name, w.span_id, w.parent_span_id, w.events
            start, end = w.start_time_unix_nano, w.end_time_unix_nano
            start_ns = nanoseconds(start) if start else None
            end_ns = nanoseconds(end) if end else None
            facts = _facts(w, name, span_id)
            code, message = _UNSET, ""
            if (status := w.status) is not None:
                code = STATUS_NUMBERS[status.code or 0]
                message = status.message or ""
            if facts.skipped and code is not _ERROR:
                code = Status.SKIPPED
            if (
                span_id in seen
                or (parent or None) not in seen
                or (end_ns is not None and start_ns is not None and end_ns < start_ns)
            ):
                linked = False
            seen.add(span_id)
            spans.append(
                Span(
                    span_id=span_id,
                    name=name,
                    parent_id=parent or None,
                    start_ns=start_ns,
                    end_ns=end_ns,
                    status=code,
                    status_message=message,
                    kind=facts.kind,
                    label=facts.label,
                    aliases=facts.aliases,
                    exception=any(map(_is_exception, events)) if events else False,
                    place=_PLACES[index] if index < _PLACES_KNOWN else _place(index),
                    payload=RawPayload(w.attributes, events, w.links),
                )
            )
    except (ValueError, KeyError, msgspec.DecodeError):
        raise OddBodyError from None
    return Quick(spans, linked)


def _facts(w: WireSpan, name: str, span_id: str) -> Facts:
    """What the attributes tell of a span. Raises ValueError when anything is unusual."""
    raw = w.attributes
    if (
        not name
        or name.isspace()
        or not span_id
        or span_id.isspace()
        or w.parentSpanId is not NOT_SENT
        or w.startTimeUnixNano is not NOT_SENT
        or w.endTimeUnixNano is not NOT_SENT
    ):
        raise ValueError
    if raw is NOT_SENT:
        return classify(name, NOTHING_PEEKED)
    # Raises for a key/value list; anything that is not an object takes the liberal way.
    return classify(name, _peek(raw))


_UNSET, _ERROR = Status.UNSET, Status.ERROR
_PLACES_KNOWN = 64


def _place(index: int) -> str:
    return f"$.spans[{index}]"


_PLACES = tuple(map(_place, range(_PLACES_KNOWN)))


def _is_exception(raw: msgspec.Raw) -> bool:
    text = bytes(raw)
    return b'"exception"' in text and has_exception(events_of([jsontext.parse(text)]))


FIELDS = (
    ("span_id", "spanId"),
    ("name", "name"),
    ("parent_span_id", "parentSpanId"),
    ("start_time_unix_nano", "startTimeUnixNano"),
    ("end_time_unix_nano", "endTimeUnixNano"),
)
"""Canonical names and their camel-case spelling."""


class Liberal:
    """Reads spans of any spelling; keeps what was converted and what is wrong."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.coerced: list[tuple[str | None, str]] = []

    def spans(self, value: Any) -> Iterator[Span]:
        """The spans that can be read; the faults are in ``faults``."""
        for index, entry in enumerate(value):
            if self.faults.full:
                return
            path = f"spans[{index}]"
            if not isinstance(entry, dict):
                self.faults.add(path, "must be an object")
            elif (span := self._span(path, entry)) is not None:
                yield span

    def _span(self, path: str, entry: dict[str, Any]) -> Span | None:
        odd: Odd = []
        fields: dict[str, Any] = {}
        for field, camel in FIELDS:
            fields[field] = entry.get(field)
            if fields[field] is None and camel in entry and camel != field:
                fields[field] = entry[camel]
                odd.append((camel, f"stands for {field}"))
        span_id = self._required(path, "span_id", fields["span_id"], odd)
        name = self._required(path, "name", fields["name"], odd)
        if span_id is None or name is None:
            return None
        attributes = self._attributes(entry, odd)
        events = events_of(entry.get("events"))
        status, message = _status(entry.get("status"), odd)
        facts = classify_by(name, attributes.get)
        if facts.skipped and status is not Status.ERROR:
            status = Status.SKIPPED
        parent = _parent(fields["parent_span_id"], odd)
        start = _time("start_time_unix_nano", fields, odd)
        end = _time("end_time_unix_nano", fields, odd)
        self.coerced += [
            (span_id, self.faults.tolerate(f"{path}.{where}", what)) for where, what in odd
        ]
        return Span(
            span_id=span_id,
            name=name,
            parent_id=parent,
            start_ns=start,
            end_ns=end,
            status=status,
            status_message=message,
            kind=facts.kind,
            label=facts.label,
            aliases=facts.aliases,
            exception=has_exception(events),
            place=f"$.{path}",
            payload=Decoded(attributes, events, links_of(entry.get("links"))),
        )

    def _required(self, path: str, field: str, value: Any, odd: Odd) -> str | None:
        if value is None:
            self.faults.add(f"{path}.{field}", "is required")
        elif isinstance(value, str):
            if value.strip():
                return value
            self.faults.add(f"{path}.{field}", "must not be blank")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            odd.append((field, "is a number"))
            return str(value)
        else:
            self.faults.add(f"{path}.{field}", "must be text")
        return None

    def _attributes(self, entry: dict[str, Any], odd: Odd) -> dict[str, Any]:
        value = entry.get("attributes")
        if isinstance(value, list):
            odd.append(("attributes", "is a key/value list"))
        elif value is not None and not isinstance(value, dict):
            odd.append(("attributes", "is not an object and was left out"))
        return plain_attributes(value)


def _status(value: Any, odd: Odd) -> tuple[Status, str]:
    if isinstance(value, dict):
        status, what = liberal_status(value.get("code"))
        message = value.get("message")
    else:
        message = None
        status, what = liberal_status(value)
        if value is not None and not what:
            what = "is not an object"
    if what:
        odd.append(("status", what))
    if message is not None and not isinstance(message, str):
        odd.append(("status.message", "is not text"))
        message = jsontext.dump(message)
    return status, message or ""


def _parent(value: Any, odd: Odd) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        odd.append(("parent_span_id", "is a number"))
        return str(value)
    odd.append(("parent_span_id", "is not text and was left out"))
    return None


def _time(field: str, fields: dict[str, Any], odd: Odd) -> int | None:
    value, what = liberal_nanoseconds(fields[field])
    if what:
        odd.append((field, what + (LEFT_OUT if value is None else "")))
    return value


def canonical_trace(
    spans: list[Span], faults: Faults, coerced: Iterable[tuple[str | None, str]] = ()
) -> Trace:
    """The trace of these spans: a repeated id keeps its last span, links are checked."""
    trace = Trace(format=Format.CANONICAL, spans=spans)
    warn_each(trace, "coerced_field", coerced)
    last = {span.span_id: span for span in spans}
    if len(last) < len(spans):
        kept = {id(span) for span in last.values()}
        trace.spans = [span for span in spans if id(span) in kept]
        repeated = [span for span in spans if id(span) not in kept]
        if faults.strict:
            for span in repeated:
                faults.add(f"{span.place[2:]}.span_id", "is repeated (refused by strict_canonical)")
        told = "span id repeated; the last one is kept"
        warn_each(trace, "duplicate_span_id", ((span.span_id, told) for span in repeated))
    check_links(trace)
    return trace
