"""From the bytes of one request to an ``Envelope``: cleaned, measured, told apart, validated.

The body's shape decides (ingestion spec 10.1): ``resourceSpans``, then ``spans``, then
``data``. Every fault of a body is reported at once; afterwards nothing below can fail.
"""

import re
from typing import Any

import msgspec

from tracedesk.formats import data
from tracedesk.formats.canonical import (
    Liberal,
    OddBodyError,
    WireSpan,
    canonical_trace,
    quick_spans,
)
from tracedesk.formats.envelope import Envelope
from tracedesk.formats.errors import Fault, Faults, FormatError
from tracedesk.formats.otlp_json import JsonReader
from tracedesk.formats.otlp_logs import LOGS_PATH, read_logs
from tracedesk.formats.otlp_protobuf import ProtobufReader
from tracedesk.formats.spans import unique_warnings
from tracedesk.model import jsontext
from tracedesk.model.trace import Format, Trace, TraceWarning

PROTOBUF = "application/x-protobuf"
MAX_EXTERNAL_ID = 255

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BYTE = re.compile(r"\(byte (\d+)\)")
_BOM = b"\xef\xbb\xbf"
_UNSET = msgspec.UNSET
_NULL = msgspec.Raw(b"null")


class WireBody(msgspec.Struct, gc=False):
    """The top level of a JSON body of any shape."""

    spans: list[WireSpan] | msgspec.UnsetType | None = _UNSET
    resourceSpans: msgspec.Raw | msgspec.UnsetType = _UNSET  # noqa: N815
    resource_spans: msgspec.Raw | msgspec.UnsetType = _UNSET
    data: msgspec.Raw | msgspec.UnsetType = _UNSET
    platformId: Any = None  # noqa: N815
    externalId: Any = None  # noqa: N815
    metadata: msgspec.Raw = _NULL
    externalMetadata: msgspec.Raw = _NULL  # noqa: N815
    status: Any = None


_decode_body = msgspec.json.Decoder(WireBody).decode


def is_protobuf(content_type: str) -> bool:
    """Does this ``Content-Type`` select protobuf? Everything else is JSON."""
    return content_type.partition(";")[0].strip().lower() == PROTOBUF


def read_request(path: str, body: bytes, content_type: str = "application/json") -> Envelope:
    """``read_body`` for what was posted to ``path``, which tells OTLP logs from traces."""
    if path != LOGS_PATH:
        return read_body(body, content_type)
    logs = read_logs(body, protobuf=is_protobuf(content_type))
    return Envelope(shape="otlp", otlp=logs.resources, logs=logs)


def read_body(
    body: bytes | bytearray | memoryview, content_type: str = "application/json"
) -> Envelope:
    """Read one inflated request body. Raises ``FormatError`` with every fault found.

    The content type only selects protobuf; everything else is JSON.
    """
    if is_protobuf(content_type):
        protobuf = ProtobufReader()
        resources = protobuf.read(bytes(body))
        return Envelope(
            shape="otlp",
            otlp=resources,
            rejected=protobuf.rejected,
            warnings=protobuf.warnings,
        )
    text, warnings = _clean(bytes(body))
    wire = _decode(text)
    envelope = _fields(wire)
    envelope.warnings = warnings + envelope.warnings
    if envelope.shape == "otlp":
        _read_otlp(wire, envelope)
    elif envelope.shape == "canonical":
        _read_canonical(wire, text, envelope)
    else:
        _read_data(wire, envelope)
    return envelope


def _clean(body: bytes) -> tuple[bytes, list[TraceWarning]]:
    """UTF-8 without byte order mark and without lone surrogates."""
    text, warnings = body.removeprefix(_BOM), []
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            text = text.decode("utf-8", "replace").encode()
            warnings.append(f"byte {error.start} is not UTF-8; such bytes were replaced")
    cleaned = jsontext.without_lone_surrogates(text)
    if cleaned is not text:
        warnings.append("half of a surrogate pair is no character; such halves were replaced")
    return cleaned, [TraceWarning("coerced_field", warning) for warning in warnings]


def _decode(text: bytes) -> WireBody:
    try:
        return _decode_body(text)
    except msgspec.ValidationError:
        return _decode_odd(text)
    except msgspec.DecodeError as error:
        raise FormatError(_syntax_fault(text, str(error))) from None
    except RecursionError:
        raise FormatError(_too_deep("")) from None


def _decode_odd(text: bytes) -> WireBody:
    """A body whose fields have unexpected types, from plain values."""
    try:
        value = jsontext.parse(text)
    except ValueError as error:
        raise FormatError(Fault("", f"cannot be read as JSON: {error}", type="json")) from None
    if not isinstance(value, dict):
        raise FormatError(Fault("", "the body must be a JSON object"))
    wire = WireBody()
    for name in ("platformId", "externalId", "status"):
        setattr(wire, name, value.get(name))
    for name in ("resourceSpans", "resource_spans", "data", "metadata", "externalMetadata"):
        if name in value:
            setattr(wire, name, msgspec.Raw(msgspec.json.encode(value[name])))
    if "spans" in value:
        wire.spans = value["spans"]
    return wire


def _syntax_fault(text: bytes, problem: str) -> Fault:
    if not text.strip():
        return Fault("", "the body is empty", type="json")
    match = _BYTE.search(problem)
    at = int(match.group(1)) if match else len(text)
    line = text.count(b"\n", 0, at) + 1
    column = len(text[text.rfind(b"\n", 0, at) + 1 : at].decode("utf-8", "replace")) + 1
    what = _BYTE.sub("", problem).removeprefix("JSON is malformed: ").strip()
    if match is None:
        what = "it ends too early"
    return Fault("", f"not valid JSON: {what} (line {line}, column {column}, byte {at})", "json")


def _too_deep(path: str) -> Fault:
    return Fault(path, f"is nested deeper than {jsontext.MAX_DEPTH} levels")


def _fields(wire: WireBody) -> Envelope:
    """Shape and everything beside the payload, validated (ingestion spec 3)."""
    faults, warnings = Faults(), []
    if wire.resourceSpans is not _UNSET or wire.resource_spans is not _UNSET:
        shape = "otlp"
    elif wire.spans is not _UNSET:
        shape = "canonical"
        if wire.data is not _UNSET:
            warnings.append(TraceWarning("spans_and_data", "data beside spans is ignored"))
    elif wire.data is not _UNSET:
        shape = "data"
    else:
        raise FormatError(
            Fault("", "the body has none of spans, resourceSpans and data; one is required")
        )
    platform_id = wire.platformId
    if platform_id is not None and not (
        isinstance(platform_id, str) and _UUID.fullmatch(platform_id)
    ):
        faults.add("platformId", "must be a UUID")
    external_id = _external_id(wire.externalId, shape, faults, warnings)
    metadata = _object("metadata", wire.metadata, faults, warnings)
    external_metadata = _object("externalMetadata", wire.externalMetadata, faults, warnings)
    hinted = hinted_platform_id(metadata)
    faults.raise_if_any()
    if isinstance(platform_id, str):
        platform_id = platform_id.lower()
        if hinted is not None and hinted.lower() != platform_id:
            warnings.append(
                TraceWarning(
                    "platform_id_ignored",
                    f"metadata.mibo.platform_id {hinted!r} differs from platformId and is ignored",
                )
            )
    return Envelope(
        shape=shape,
        platform_id=platform_id,
        hinted_platform_id=hinted,
        external_id=external_id,
        metadata=metadata,
        external_metadata=external_metadata,
        warnings=warnings,
    )


def _external_id(
    value: Any, shape: str, faults: Faults, warnings: list[TraceWarning]
) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        faults.add("externalId", "must be text")
    elif len(value) > MAX_EXTERNAL_ID:
        faults.add("externalId", f"must not be longer than {MAX_EXTERNAL_ID} characters")
    elif shape == "data":
        return value if value.strip() else None
    else:
        warnings.append(
            TraceWarning("external_id_ignored", "externalId is no identity here; send x-request-id")
        )
    return None


def _object(
    name: str, raw: msgspec.Raw, faults: Faults, warnings: list[TraceWarning]
) -> dict[str, Any]:
    if raw is _NULL:
        return {}
    try:
        value = jsontext.parse(bytes(raw))
    except ValueError:
        faults.add(name, f"is nested deeper than {jsontext.MAX_DEPTH} levels")
        return {}
    if isinstance(value, dict):
        return value
    if value is not None:
        warnings.append(TraceWarning("coerced_field", f"{name} is not an object and was left out"))
    return {}


def hinted_platform_id(metadata: dict[str, Any]) -> str | None:
    """``metadata.mibo.platform_id``, nested or as one literal key; None when absent."""
    nested = metadata.get("mibo")
    value = nested.get("platform_id") if isinstance(nested, dict) else None
    if value is None:
        value = metadata.get("mibo.platform_id")
    return value if isinstance(value, str) and value.strip() else None


def _read_canonical(wire: WireBody, text: bytes, envelope: Envelope) -> None:
    if not wire.spans or not isinstance(wire.spans, list):
        raise FormatError(Fault("spans", "must be a non-empty list"))
    try:
        if not isinstance(wire.spans[0], WireSpan):
            raise OddBodyError
        quick = quick_spans(wire.spans, shallow=jsontext.surely_shallow(text))
    except OddBodyError:
        liberal = Liberal()
        spans = list(liberal.spans(_plain_spans(wire, text)))
        liberal.faults.raise_if_any()
        trace = canonical_trace(spans, liberal)
    else:
        if quick.linked:
            trace = Trace(format=Format.CANONICAL, spans=quick.spans)
        else:
            trace = canonical_trace(quick.spans)
    envelope.reader = lambda agent_type: trace


def _plain_spans(wire: WireBody, text: bytes) -> Any:
    if not isinstance(wire.spans[0], WireSpan):  # type: ignore[index]
        return wire.spans
    try:
        return jsontext.parse(text)["spans"]
    except ValueError:
        raise FormatError(_too_deep("spans")) from None


def _read_otlp(wire: WireBody, envelope: Envelope) -> None:
    raw = wire.resource_spans if wire.resourceSpans is _UNSET else wire.resourceSpans
    assert isinstance(raw, msgspec.Raw)
    text = bytes(raw)
    if jsontext.nested_too_deep(text, jsontext.MAX_DEPTH - 1):
        raise FormatError(_too_deep("resourceSpans"))
    reader = JsonReader()
    envelope.otlp = reader.read(text)
    envelope.rejected = reader.rejected
    envelope.warnings = unique_warnings(envelope.warnings + reader.warnings)


def _read_data(wire: WireBody, envelope: Envelope) -> None:
    assert isinstance(wire.data, msgspec.Raw)
    raw = bytes(wire.data)
    if jsontext.nested_too_deep(raw, jsontext.MAX_DEPTH - 1):
        raise FormatError(_too_deep("data"))
    value = jsontext.parse(raw)
    if not isinstance(value, dict) or not value:
        raise FormatError(Fault("data", "must be a non-empty object"))
    body = data.Body(value, wire.status, envelope.metadata)

    def read(agent_type: str) -> Trace:
        return data.read(body, agent_type)

    envelope.reader = read
