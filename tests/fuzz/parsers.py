"""Every parser of the product: how its bodies are spoilt, and what reads them to traces."""

import io
import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from zlib import crc32

from mutations import mutate_document, mutate_json, mutate_protobuf
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from test_fuzz_formats import told, traces_of

from tracedesk.formats.encodings import EncodingError
from tracedesk.formats.errors import FormatError
from tracedesk.formats.otlp_logs import LOGS_PATH, Logs, join, read_logs
from tracedesk.formats.saved_reader import Reader
from tracedesk.formats.saved_request import SavedFault, TestCasesError, UnreadableError
from tracedesk.model.agent import AGENT_TYPES
from tracedesk.model.trace import Kind, Span, Trace

PROTOBUF = "application/x-protobuf"


class Parser(NamedTuple):
    """One way in."""

    mutate: Callable[[bytes, random.Random], bytes]
    read: Callable[[bytes], list[Trace]]
    """The traces of a body; none when it was refused with faults. Whatever it raises is a
    finding."""


def json_body(body: bytes) -> list[Trace]:
    """As the types of two agents, which differ from body to body."""
    return traces_of(body, agent_types=("auto", AGENT_TYPES[1 + crc32(body) % 4]))


def protobuf_body(body: bytes) -> list[Trace]:
    return traces_of(body, PROTOBUF)


def logs(body: bytes, *, protobuf: bool) -> list[Trace]:
    """The traces that log records tell of, with the spans they name and one they do not."""
    try:
        found = read_logs(body, protobuf=protobuf)
    except FormatError as error:
        if not told(error):
            raise
        return []
    return _joined(found)


def _joined(found: Logs) -> list[Trace]:
    traces = []
    for resource in found.resources:
        for trace in resource.traces:
            own = [r for r in found.records if r.trace_id == trace.trace_id]
            for span_id in dict.fromkeys(record.span_id for record in own[:-1]):
                trace.spans.append(Span(span_id=span_id, name="chat", kind=Kind.MODEL))
            join(trace, own)
            traces.append(trace)
    return traces


def saved(body: bytes) -> list[Trace]:
    """The traces of a file's requests; each fault says in words what is wrong."""
    traces: list[Trace] = []
    try:
        found = list(Reader("traces.json", 4_000_000).read(io.BufferedReader(io.BytesIO(body))))
    except TestCasesError:
        return []
    except (UnreadableError, EncodingError) as refused:
        if not str(refused):
            raise
        return []
    for item in found:
        if isinstance(item, SavedFault):
            assert item.message
            assert "Traceback" not in item.message
        elif item.path == LOGS_PATH:
            traces += logs(item.body, protobuf=item.content_type.startswith(PROTOBUF))
        else:
            traces += traces_of(item.body, item.content_type, ("auto",))
    return traces


PARSERS: dict[str, Parser] = {
    "canonical": Parser(mutate_json, json_body),
    "otlp-json": Parser(mutate_json, json_body),
    "otlp-protobuf": Parser(partial(mutate_protobuf, ExportTraceServiceRequest), protobuf_body),
    "logs-json": Parser(mutate_json, partial(logs, protobuf=False)),
    "logs-protobuf": Parser(
        partial(mutate_protobuf, ExportLogsServiceRequest), partial(logs, protobuf=True)
    ),
    "custom": Parser(mutate_json, json_body),
    "n8n-node": Parser(mutate_json, json_body),
    "n8n-manual": Parser(mutate_json, json_body),
    "n8n-native": Parser(mutate_json, json_body),
    "flowise": Parser(mutate_json, json_body),
    "saved": Parser(mutate_document, saved),
    "export-jaeger": Parser(mutate_json, saved),
    "export-zipkin": Parser(mutate_json, saved),
    "export-langfuse": Parser(mutate_json, saved),
    "export-phoenix": Parser(mutate_json, saved),
    "export-n8n": Parser(mutate_json, saved),
    "export-flowise": Parser(mutate_json, saved),
}
