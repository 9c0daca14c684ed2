"""What converters take and give: records with their place, spans, bodies and faults; and the
few ways to read a field of a record without trusting its type.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tracedesk.formats.saved_request import PUSH_PATH
from tracedesk.model import jsontext

Fields = Mapping[str, msgspec.Raw]
"""The top-level fields of a JSON object, values still encoded."""

Time = int | str | None
"""Nanoseconds since the epoch; what cannot be read as a time stays text, and the OTLP reader
then says so on the span; None was not sent."""


class Record(NamedTuple):
    """One object of an export."""

    text: bytes
    fields: Fields
    line: int | None
    place: str
    """Where in the document, such as ``data[3]``; blank when it was all of it."""


class ExportEvent(NamedTuple):
    name: str
    time: Time
    attributes: Mapping[str, Any]


class ExportSpan(msgspec.Struct, kw_only=True):
    """A span in OTLP's terms; ids still as they were exported."""

    trace_id: str
    span_id: str
    name: str
    parent_id: str | None = None
    start: Time = None
    end: Time = None
    kind: int = 0
    status: int = 0
    message: str = ""
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    events: list[ExportEvent] = msgspec.field(default_factory=list)
    links: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """Trace id and span id of each."""
    resource: dict[str, Any] = msgspec.field(default_factory=dict)
    scope: str = ""
    line: int | None = None
    place: str = ""


class ExportBody(NamedTuple):
    """A body ready to be sent."""

    body: bytes
    line: int | None
    place: str
    path: str = PUSH_PATH
    request_id: str | None = None
    """The same each time, so that importing again replaces; None where the spans tell."""


class ExportFault(NamedTuple):
    """A record, or a part of one, that cannot be used."""

    line: int | None
    place: str
    message: str


def opened(records: Sequence[Record]) -> Iterator[tuple[Record, dict[str, Any]] | ExportFault]:
    """Each record with its value."""
    for record in records:
        try:
            yield record, jsontext.parse(record.text)
        except ValueError as error:
            yield ExportFault(record.line, record.place, f"cannot be read as JSON: {error}")


def below(place: str, field: str) -> str:
    """The place of a field of what stands at ``place``."""
    return f"{place}.{field}" if place else field


def head(raw: msgspec.Raw, size: int = 1) -> bytes:
    """The first bytes of a value, which tell its type."""
    return bytes(memoryview(raw)[:size])


def is_list(fields: Fields, name: str) -> bool:
    return name in fields and head(fields[name]) == b"["


def is_object(fields: Fields, name: str) -> bool:
    return name in fields and head(fields[name]) == b"{"


def first(value: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that is present and not null."""
    return next((found for name in names if (found := value.get(name)) is not None), None)


def text(value: Any) -> str | None:
    """A text that is not blank, or a number as text; ids are both."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> dict[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def json_text(value: Any) -> Any:
    """A value in the form conventions give to whole objects: JSON text; text as it is."""
    return value if value is None or isinstance(value, str) else jsontext.dump(value)
