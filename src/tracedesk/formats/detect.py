"""From the bytes of one request to an ``Envelope``: cleaned, measured, told apart, validated.

The body's shape decides (ingestion spec 10.1): ``resourceSpans``, then ``spans``, then
``data``. Every fault of a body is reported at once; afterwards nothing below can fail.
"""

import re
from collections.abc import Callable
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
from tracedesk.formats.errors import LEFT_OUT, Fault, Faults, FormatError
from tracedesk.formats.otlp_json import JsonReader
from tracedesk.formats.otlp_logs import LOGS_PATH, read_logs
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
_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode


def is_protobuf(content_type: str) -> bool:
    """Does this ``Content-Type`` select protobuf? Everything else is JSON."""
    return content_type.partition(";")[0].strip().lower() == PROTOBUF


def read_request(
    path: str, body: bytes, content_type: str = "application/json", *, strict: bool = False
) -> Envelope:
    """``read_body`` for what was posted to ``path``, which tells OTLP logs from traces."""
    if path != LOGS_PATH:
        return read_body(body, content_type, strict=strict)
    protobuf = is_protobuf(content_type)
    if not protobuf:
        check_json(body)
    logs = read_logs(body, protobuf=protobuf)
    return Envelope(shape="otlp", otlp=logs.resources, logs=logs)


def read_body(
    body: bytes | bytearray | memoryview,
    content_type: str = "application/json",
    *,
    strict: bool = False,
) -> Envelope:
    """Read one inflated request body. Raises ``FormatError`` with every fault found.

    The content type only selects protobuf; everything else is JSON. ``strict`` refuses the
    older ``data`` shape, and every field that would otherwise be converted with a warning.
    """
    if is_protobuf(content_type):
        # most programs never meet one, and the parser takes a tenth of their start
        from tracedesk.formats.otlp_protobuf import ProtobufReader

        protobuf = ProtobufReader()
        resources = protobuf.read(bytes(body))
        return Envelope(
            shape="otlp",
            otlp=resources,
            rejected=protobuf.rejected,
            warnings=protobuf.warnings,
        )
    faults = Faults(strict=strict)
    text, warnings = _clean(bytes(body), faults)
    wire = _decode(text)
    if not jsontext.surely_shallow(text) and jsontext.nested_too_deep(text):
        raise FormatError(_TOO_DEEP)
    envelope = _envelope(wire, strict=strict)
    envelope.warnings += warnings
    try:
        _PAYLOADS[envelope.shape](wire, text, envelope, faults)
    except FormatError as error:
        faults.extend(error.faults)
    _read_fields(wire, envelope, faults)
    faults.raise_if_any()
    if envelope.warnings:
        envelope.warnings = unique_warnings(envelope.warnings)
    return envelope


def check_json(body: bytes) -> None:
    """Raises ``FormatError`` for bytes that are not JSON, as ``read_body`` would."""
    try:
        _check_syntax(_clean(body, Faults())[0])
    except (msgspec.DecodeError, RecursionError):
        read_body(body)
        raise


def _clean(body: bytes, faults: Faults) -> tuple[bytes, list[TraceWarning]]:
    """UTF-8 without byte order mark and without lone surrogates."""
    text, warnings = body.removeprefix(_BOM), []
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            text = text.decode("utf-8", "replace").encode()
            warnings.append(faults.tolerate(f"byte {error.start}", "is not UTF-8 and was replaced"))
    cleaned = jsontext.without_lone_surrogates(text)
    if cleaned is not text:
        what = "has half of a surrogate pair, which was replaced"
        warnings.append(faults.tolerate("body", what))
    return cleaned, [TraceWarning("coerced_field", warning) for warning in warnings]


def _decode(text: bytes) -> WireBody:
    try:
        try:
            return _decode_body(text)
        except msgspec.ValidationError:
            _check_syntax(text)  # what reads on from here takes more for JSON than is
            return _decode_odd(text)
    except msgspec.DecodeError as error:
        raise FormatError(_syntax_fault(text, str(error))) from None
    except RecursionError:
        raise FormatError(_TOO_DEEP) from None


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
    place = f"(line {line}, column {column}, byte {at})"
    return Fault("", f"not valid JSON: {what} {place}{_looks_like(text, at)}", "json")


def _looks_like(text: bytes, at: int) -> str:
    """What somebody sent instead of JSON, and how it is sent; blank when that is not plain."""
    if text.startswith(b"\x1f"):
        return "; it looks like gzip, which the header Content-Encoding: gzip has to name, once"
    if b"\0" in text[:8]:
        return "; it looks like UTF-16, send UTF-8"
    if text.startswith(b"\n") and at == 1:
        return f"; if it is protobuf, the header Content-Type: {PROTOBUF} has to say so"
    if text[at:].startswith((b"NaN", b"Infinity")):
        return "; JSON has no NaN and no Infinity, send null or text"
    return ""


_TOO_DEEP = Fault("", f"the body is nested deeper than {jsontext.MAX_DEPTH} levels")


def _envelope(wire: WireBody, *, strict: bool) -> Envelope:
    """What the body is; nothing is read of it yet."""
    if wire.resourceSpans is not _UNSET or wire.resource_spans is not _UNSET:
        envelope = Envelope(shape="otlp")
        for name in ("spans", "data"):
            if getattr(wire, name) is not _UNSET:
                told = f"{name} beside resourceSpans is ignored"
                envelope.warnings.append(TraceWarning("spans_and_data", told))
        return envelope
    if wire.spans is not _UNSET:
        envelope = Envelope(shape="canonical")
        if wire.data is not _UNSET:
            envelope.warnings.append(TraceWarning("spans_and_data", "data beside spans is ignored"))
        return envelope
    if wire.data is _UNSET:
        message = "the body has none of spans, resourceSpans and data; one is required"
        raise FormatError(Fault("", message))
    if strict:
        message = "bodies are refused by strict_canonical, as by the hosted product; send spans"
        raise FormatError(Fault("data", message))
    return Envelope(shape="data")


def _read_fields(wire: WireBody, envelope: Envelope, faults: Faults) -> None:
    """Everything beside the payload (ingestion spec 3)."""
    warnings = envelope.warnings
    platform_id = wire.platformId
    if platform_id is not None and not (
        isinstance(platform_id, str) and _UUID.fullmatch(platform_id)
    ):
        faults.add("platformId", "must be a UUID")
    envelope.external_id = _external_id(wire.externalId, envelope.shape, faults, warnings)
    envelope.metadata = _object("metadata", wire.metadata, faults, warnings)
    envelope.external_metadata = _object(
        "externalMetadata", wire.externalMetadata, faults, warnings
    )
    envelope.hinted_platform_id = hinted = hinted_platform_id(envelope.metadata)
    if envelope.shape == "otlp":
        _tell_what_routes_nothing(platform_id, hinted, warnings)
    elif isinstance(platform_id, str):
        envelope.platform_id = platform_id = platform_id.lower()
        if hinted is not None and hinted.lower() != platform_id:
            warnings.append(
                TraceWarning(
                    "platform_id_ignored",
                    f"metadata.mibo.platform_id {hinted!r} differs from platformId and is ignored",
                )
            )


def _tell_what_routes_nothing(
    platform_id: Any, hinted: str | None, warnings: list[TraceWarning]
) -> None:
    """OTLP is routed by its resources alone (ingestion spec 8)."""
    for name, value in (("platformId", platform_id), ("metadata.mibo.platform_id", hinted)):
        if value is not None:
            told = f"{name} beside resourceSpans is ignored; send it as a resource attribute"
            warnings.append(TraceWarning("platform_id_ignored", f"{told}, mibo.platform_id"))


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
    value = jsontext.parse(bytes(raw))
    if isinstance(value, dict):
        return value
    if value is not None:
        told = faults.tolerate(name, f"is not an object{LEFT_OUT}")
        warnings.append(TraceWarning("coerced_field", told))
    return {}


def hinted_platform_id(metadata: dict[str, Any]) -> str | None:
    """``metadata.mibo.platform_id``, nested or as one literal key; None when absent."""
    nested = metadata.get("mibo")
    value = nested.get("platform_id") if isinstance(nested, dict) else None
    if value is None:
        value = metadata.get("mibo.platform_id")
    return value if isinstance(value, str) and value.strip() else None


def _read_canonical(wire: WireBody, text: bytes, envelope: Envelope, faults: Faults) -> None:
    if not wire.spans or not isinstance(wire.spans, list):
        raise FormatError(Fault("spans", "must be a non-empty list"))
    try:
        if not isinstance(wire.spans[0], WireSpan):
            raise OddBodyError
        quick = quick_spans(wire.spans)
    except OddBodyError:
        liberal = Liberal(faults)
        spans = list(liberal.spans(_plain_spans(wire, text)))
        trace = canonical_trace(spans, faults, liberal.coerced)
    else:
        if quick.linked:
            trace = Trace(format=Format.CANONICAL, spans=quick.spans)
        else:
            trace = canonical_trace(quick.spans, faults)
    envelope.reader = lambda agent_type: trace


def _plain_spans(wire: WireBody, text: bytes) -> Any:
    if not isinstance(wire.spans[0], WireSpan):  # type: ignore[index]
        return wire.spans
    return jsontext.parse(text)["spans"]


def _read_otlp(wire: WireBody, _: bytes, envelope: Envelope, faults: Faults) -> None:
    raw = wire.resource_spans if wire.resourceSpans is _UNSET else wire.resourceSpans
    assert isinstance(raw, msgspec.Raw)
    reader = JsonReader(snake=wire.resourceSpans is _UNSET)
    envelope.otlp = reader.read(bytes(raw))
    envelope.rejected = reader.rejected
    odd = [faults.tolerate("resourceSpans", what) for what in reader.odd]
    envelope.warnings += [*(TraceWarning("coerced_field", told) for told in odd), *reader.warnings]


def _read_data(wire: WireBody, _: bytes, envelope: Envelope, faults: Faults) -> None:
    assert isinstance(wire.data, msgspec.Raw)
    value = jsontext.parse(bytes(wire.data))
    if not isinstance(value, dict) or not value:
        raise FormatError(Fault("data", "must be a non-empty object"))

    def read(agent_type: str) -> Trace:
        return data.read(data.Body(value, wire.status, envelope.metadata), agent_type)

    envelope.reader = read


_PAYLOADS: dict[str, Callable[[WireBody, bytes, Envelope, Faults], None]] = {
    "otlp": _read_otlp,
    "canonical": _read_canonical,
    "data": _read_data,
}
