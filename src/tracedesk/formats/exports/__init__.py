"""What other tools export, told apart by its top-level fields, made requests of ours.

Span formats become OTLP JSON, so that everything behind reads them like OTLP; executions of
workflow tools become ``data`` bodies. A converter is imported when its format is first met.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import NamedTuple, cast

from tracedesk.formats.exports.records import (
    ExportBody,
    ExportFault,
    ExportSpan,
    Fields,
    Record,
    head,
    is_list,
    is_object,
)

Converter = Callable[[Sequence[Record]], Iterator[ExportSpan | ExportBody | ExportFault]]


class Export(NamedTuple):
    """One tool's form."""

    name: str
    """Value of the source header."""
    module: str
    """Below this package; its ``convert`` is a ``Converter``."""
    matches: Callable[[Fields], bool]


def _jaeger(fields: Fields) -> bool:
    return "traceID" in fields and is_list(fields, "spans")


def _zipkin(fields: Fields) -> bool:
    return "traceId" in fields and "id" in fields and not _OBSERVATION & fields.keys()


def _langfuse(fields: Fields) -> bool:
    if is_list(fields, "observations"):
        return "id" in fields or is_object(fields, "trace")
    trace = "traceId" in fields or "trace_id" in fields
    return trace and "id" in fields and "type" in fields and bool(_OBSERVATION & fields.keys())


def _phoenix(fields: Fields) -> bool:
    if is_object(fields, "context") or "context.span_id" in fields:
        return not _NOT_PHOENIX & fields.keys()
    if "traceId" in fields and is_list(fields, "spans"):
        return b'"context"' in head(fields["spans"], _CLOSE)
    return "trace_id" in fields and "span_id" in fields and "start_time_unix_nano" in fields


def _n8n(fields: Fields) -> bool:
    return "mode" in fields and ("startedAt" in fields or "finished" in fields)


def _flowise(fields: Fields) -> bool:
    return "executionData" in fields


_OBSERVATION = frozenset({"startTime", "start_time", "observations"})
_NOT_PHOENIX = frozenset({"spans", "data", "request", "requests", "resourceSpans"})
_CLOSE = 4096
"""Bytes of a list in which its first span tells what it is."""

EXPORTS = (
    Export("flowise", "flowise_export", _flowise),
    Export("n8n", "n8n_export", _n8n),
    Export("jaeger", "jaeger", _jaeger),
    Export("langfuse", "langfuse", _langfuse),
    Export("phoenix", "phoenix", _phoenix),
    Export("zipkin", "zipkin", _zipkin),
)
"""The first that matches decides."""

KNOWN = "Jaeger, Zipkin v2, Langfuse, Phoenix, n8n or Flowise"


def find(fields: Fields) -> Export | None:
    """The export that an object with these top-level fields belongs to, None for others."""
    return next((export for export in EXPORTS if export.matches(fields)), None)


def wrapper(fields: Fields) -> tuple[str, bytes] | None:
    """Name and content of the field that holds what matters, for answers of an API and
    whole-database exports: a list of records, or Jaeger's ``result`` around OTLP."""
    if "spans" in fields:
        return None
    for name in ("data", "Execution"):
        if is_list(fields, name):
            return name, bytes(fields[name])
    if is_object(fields, "result") and b"esource" in head(fields["result"], _CLOSE):
        return "result", bytes(fields["result"])
    return None


def convert(
    export: Export, records: Sequence[Record], max_body: int
) -> Iterator[ExportBody | ExportFault]:
    """The bodies that records of one export become, at most about ``max_body`` bytes each,
    after what is wrong with single records. Never raises."""
    converter = cast(Converter, import_module(f"{__name__}.{export.module}").convert)
    spans: list[ExportSpan] = []
    for found in converter(records):
        if isinstance(found, ExportSpan):
            spans.append(found)
        else:
            yield found
    if spans:
        from tracedesk.formats.exports.otlp_body import bodies

        yield from bodies(spans, max_body)
