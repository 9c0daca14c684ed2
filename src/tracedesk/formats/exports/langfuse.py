"""Langfuse's JSON: a trace with its observations (API, UI download), or observations alone
(API v2, table and blob-storage exports, the latter in snake case).

Source of a rule: langfuse/langfuse ``fern/apis/server/definition`` (``commons.yml``,
``observations-v2.yml``), "Blob storage export field reference", and the property mapping of
"OpenTelemetry" in the Langfuse documentation, which is applied backwards. The trace is no
span there: its fields go to the root observation, or, unless there is exactly one, to a
span made for the trace.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from tracedesk.formats.exports import times
from tracedesk.formats.exports.records import (
    ExportFault,
    ExportSpan,
    Record,
    Time,
    below,
    first,
    json_text,
    opened,
    text,
)
from tracedesk.model import jsontext

OBSERVATION, TRACE = "langfuse.observation", "langfuse.trace"

AS_TEXT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (f"{OBSERVATION}.input", ("input",)),
    (f"{OBSERVATION}.output", ("output",)),
    (f"{OBSERVATION}.level", ("level",)),
    (f"{OBSERVATION}.status_message", ("statusMessage", "status_message")),
    (f"{OBSERVATION}.model.name", ("model", "providedModelName", "provided_model_name")),
    (f"{OBSERVATION}.model.parameters", ("modelParameters", "model_parameters")),
    (f"{OBSERVATION}.cost_details", ("costDetails", "cost_details")),
    (
        f"{OBSERVATION}.completion_start_time",
        ("completionStartTime", "completion_start_time"),
    ),
    (f"{OBSERVATION}.prompt.name", ("promptName", "prompt_name")),
    (f"{OBSERVATION}.prompt.version", ("promptVersion", "prompt_version")),
    ("langfuse.version", ("version",)),
    ("langfuse.environment", ("environment",)),
)
"""Attribute of an observation, and the fields that hold it; objects become JSON text."""

TRACE_FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (f"{TRACE}.name", ("name",)),
    (f"{TRACE}.input", ("input",)),
    (f"{TRACE}.output", ("output",)),
    (f"{TRACE}.public", ("public",)),
    ("user.id", ("userId", "user_id")),
    ("session.id", ("sessionId", "session_id")),
    ("langfuse.release", ("release",)),
    ("langfuse.version", ("version",)),
    ("langfuse.environment", ("environment",)),
    ("langfuse.scores", ("scores",)),
)
"""The same for a trace."""

CONTEXT_FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (f"{TRACE}.name", ("traceName", "trace_name")),
    ("user.id", ("userId", "user_id")),
    ("session.id", ("sessionId", "session_id")),
    ("langfuse.release", ("release",)),
)
"""The same for what an observation exported alone repeats of its trace."""

USAGE: dict[str, tuple[str, ...]] = {
    "input": ("input", "promptTokens"),
    "output": ("output", "completionTokens"),
    "total": ("total", "totalTokens"),
}
FLAT_USAGE: dict[str, tuple[str, ...]] = {
    "input": ("inputUsage", "input_usage", "promptTokens"),
    "output": ("outputUsage", "output_usage", "completionTokens"),
    "total": ("totalUsage", "total_usage", "totalTokens"),
}


def convert(records: Sequence[Record]) -> Iterator[ExportSpan | ExportFault]:
    """The spans of Langfuse traces and observations."""
    for found in opened(records):
        if isinstance(found, ExportFault):
            yield found
        elif isinstance(found[1].get("observations"), list):
            yield from _trace(*found)
        else:
            record, observation = found
            span = _span(observation, None, record.line, record.place)
            if isinstance(span, ExportSpan):
                span.attributes |= _fields(observation, CONTEXT_FIELDS)
            yield span


def _trace(record: Record, document: dict[str, Any]) -> Iterator[ExportSpan | ExportFault]:
    inner = document.get("trace")
    trace = inner if isinstance(inner, dict) else document
    listed = document["observations"]
    trace_id = text(trace.get("id"))
    if trace_id is None:
        yield ExportFault(record.line, record.place, "a Langfuse trace without id")
        return
    if listed and all(isinstance(observation, str) for observation in listed):
        yield ExportFault(
            record.line,
            below(record.place, "observations"),
            "holds ids only; export the trace itself, or its observations",
        )
        return
    spans = []
    for position, observation in enumerate(listed):
        place = below(record.place, f"observations[{position}]")
        span = _span(observation, trace_id, record.line, place)
        if isinstance(span, ExportFault):
            yield span
        else:
            spans.append(span)
    yield from _rooted(trace, trace_id, spans, record)


def _rooted(
    trace: dict[str, Any], trace_id: str, spans: list[ExportSpan], record: Record
) -> list[ExportSpan]:
    """The spans with the trace's own fields on their root."""
    roots = [span for span in spans if span.parent_id is None]
    root = roots[0] if len(roots) == 1 else None
    if root is None:
        start = times.date(trace.get("timestamp"))
        ends = [end for span in spans for end in (span.start, span.end) if isinstance(end, int)]
        root = ExportSpan(
            trace_id=trace_id,
            span_id=f"{trace_id}:trace",
            name=text(trace.get("name")) or "trace",
            start=start,
            end=max(ends, default=_latest(start, trace.get("latency"))),
            line=record.line,
            place=record.place,
        )
        for span in roots:
            span.parent_id = root.span_id
        spans = [root, *spans]
    root.attributes |= _fields(trace, TRACE_FIELDS)
    if isinstance(trace.get("tags"), list):
        root.attributes[f"{TRACE}.tags"] = trace["tags"]
    root.attributes |= _metadata(trace.get("metadata"), f"{TRACE}.metadata")
    return spans


def _latest(start: Time, latency: Any) -> Time:
    """Start plus latency in seconds, as the trace states both."""
    return times.end_of(start, latency, 1_000 * times.MILLI)


def _span(
    observation: Any, trace_id: str | None, line: int | None, place: str
) -> ExportSpan | ExportFault:
    if not isinstance(observation, dict):
        return ExportFault(line, place, "is not an object")
    span_id = text(observation.get("id"))
    trace_id = text(first(observation, "traceId", "trace_id")) or trace_id
    if span_id is None or trace_id is None:
        missing = "id" if span_id is None else "traceId"
        return ExportFault(line, place, f"a Langfuse observation without {missing}")
    type_ = (text(observation.get("type")) or "span").lower()
    start = times.date(first(observation, "startTime", "start_time"))
    end = times.date(first(observation, "endTime", "end_time"))
    failed = str(observation.get("level")).upper() == "ERROR"
    message = text(first(observation, "statusMessage", "status_message"))
    recorded, resource, scope = _recorded(observation.get("metadata"))
    attributes = recorded | {f"{OBSERVATION}.type": type_} | _fields(observation, AS_TEXT)
    usage = _usage(observation)
    if usage:
        attributes[f"{OBSERVATION}.usage_details"] = jsontext.dump(usage)
    return ExportSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=text(first(observation, "parentObservationId", "parent_observation_id")),
        name=text(observation.get("name")) or type_,
        start=start,
        end=start if end is None and type_ == "event" else end,
        status=2 if failed else 0,
        message=message or "" if failed else "",
        attributes=attributes,
        resource=resource,
        scope=scope,
        line=line,
        place=place,
    )


def _fields(
    value: dict[str, Any], table: tuple[tuple[str, tuple[str, ...]], ...]
) -> dict[str, Any]:
    found = {attribute: json_text(first(value, *names)) for attribute, names in table}
    return {k: v for k, v in found.items() if v is not None and v not in ("{}", "[]", "")}


def _metadata(value: Any, prefix: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return {f"{prefix}.{key}": json_text(inner) for key, inner in value.items()}
    return {} if value is None else {prefix: json_text(value)}


def _recorded(metadata: Any) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Attributes, resource and scope out of an observation's metadata.

    Langfuse keeps there what a span received over OpenTelemetry had besides its own fields.
    """
    rest = _object(metadata)
    if rest is None:
        return _metadata(metadata, f"{OBSERVATION}.metadata"), {}, ""
    kept = {name: _object(rest.get(name)) for name in ("attributes", "resourceAttributes", "scope")}
    rest = {key: value for key, value in rest.items() if kept.get(key) is None}
    attributes = (kept["attributes"] or {}) | _metadata(rest, f"{OBSERVATION}.metadata")
    scope = text((kept["scope"] or {}).get("name")) or ""
    return attributes, kept["resourceAttributes"] or {}, scope


def _object(value: Any) -> dict[str, Any] | None:
    """An object, or the object in a JSON text; None for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with suppress(ValueError):
            value = jsontext.parse(value)
    return value if isinstance(value, dict) else None


def _usage(observation: dict[str, Any]) -> dict[str, Any]:
    """Tokens by kind; nothing when all are zero, which stands for not reported."""
    details = _object(first(observation, "usageDetails", "usage_details"))
    counts = {
        key: count
        for key, count in (details or _older_usage(observation)).items()
        if not isinstance(count, list | dict)
    }
    zero = all(str(count) in ("0", "0.0", "None") for count in counts.values())
    return {} if zero else counts


def _older_usage(observation: dict[str, Any]) -> dict[str, Any]:
    usage, names = observation.get("usage"), USAGE
    if not isinstance(usage, dict):
        usage, names = observation, FLAT_USAGE
    elif str(usage.get("unit") or "TOKENS").upper() != "TOKENS":
        return {}
    found = {key: first(usage, *keys) for key, keys in names.items()}
    return {key: count for key, count in found.items() if count is not None}
