"""Bodies to start from, by parser: every recorded request, every sample, and for exports of
other tools the examples of their tests.
"""

import base64
import gzip
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from test_fuzz_formats import CANONICAL, DATA, OTLP

from tracedesk.formats.detect import is_protobuf, read_body
from tracedesk.formats.otlp_logs import LOGS_PATH
from tracedesk.model.trace import Format

TESTS = Path(__file__).parents[1]
CAPTURES = TESTS / "data" / "captures"
SAMPLES = TESTS.parent / "sample_traces"
EXPORT_EXAMPLES = TESTS / "formats" / "test_formats_exports.py"

DATA_PARSERS = {
    Format.CUSTOM: "custom",
    Format.N8N_OPTIMIZED: "n8n-node",
    Format.N8N_MANUAL: "n8n-manual",
    Format.N8N_NATIVE: "n8n-native",
    Format.FLOWISE: "flowise",
}
LARGEST = 200_000
"""Bytes of the largest seed: larger ones only take longer."""


def bodies() -> dict[str, list[bytes]]:
    """Seeds of each parser."""
    found: dict[str, list[bytes]] = {}
    for parser, body in (*_wire(), *_exports(), *_files()):
        if len(body) <= LARGEST:
            found.setdefault(parser, []).append(body)
    return found


def _wire() -> Iterator[tuple[str, bytes]]:
    """What clients posted, or are known to be answered, by the parser that reads it."""
    for body in (CANONICAL, OTLP, DATA):
        yield from _named(json.dumps(body).encode(), protobuf=False)
    for path in (*sorted(CAPTURES.glob("*.json")), *sorted(SAMPLES.glob("*.json"))):
        capture = json.loads(path.read_text())
        requests = capture.get("requests") or [capture["request"]]
        for request in (*requests, *capture.get("other_signal_requests", ())):
            body, protobuf = _body(request, capture.get("response"))
            if request["path"] == LOGS_PATH:
                yield f"logs-{'protobuf' if protobuf else 'json'}", body
                if protobuf:
                    yield "logs-json", _as_json(body)
            else:
                yield from _named(body, protobuf=protobuf)


def _named(body: bytes, *, protobuf: bool) -> Iterator[tuple[str, bytes]]:
    envelope = read_body(body, "application/x-protobuf" if protobuf else "application/json")
    if envelope.shape == "otlp":
        yield f"otlp-{'protobuf' if protobuf else 'json'}", body
    elif envelope.shape == "canonical":
        yield "canonical", body
    else:
        yield DATA_PARSERS[envelope.trace("auto").format], body


def _body(request: dict[str, Any], response: dict[str, Any] | None) -> tuple[bytes, bool]:
    """The inflated body of a recorded request, or the ``data`` body its answer makes."""
    headers = {key.lower(): value for key, value in request["headers"].items()}
    if "body_base64" in request:
        raw = base64.b64decode(request["body_base64"])
        if headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        return raw, is_protobuf(headers.get("content-type", ""))
    answered = request.get("response_body") or (response or {}).get("body")
    return json.dumps({"data": answered} if answered else request["body"]).encode(), False


def _as_json(body: bytes) -> bytes:
    """Logs as the JSON exporters write them: ids in hex."""
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    value = MessageToDict(ExportLogsServiceRequest.FromString(body))
    for resource in value["resourceLogs"]:
        for scope in resource["scopeLogs"]:
            for record in scope["logRecords"]:
                for name in ("traceId", "spanId"):
                    record[name] = base64.b64decode(record[name]).hex()
    return json.dumps(value).encode()


def _exports() -> Iterator[tuple[str, bytes]]:
    """Exports of other tools: the examples of their tests, and what n8n and Flowise recorded."""
    spec = importlib.util.spec_from_file_location("export_examples", EXPORT_EXAMPLES)
    assert spec is not None
    assert spec.loader is not None
    examples = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(examples)
    for name, content in examples.EXPORTS.items():
        yield f"export-{name}", json.dumps(content).encode()
    for path in sorted(CAPTURES.glob("n8n-*.json")):
        execution = json.loads(path.read_text()).get("request", {}).get("response_body")
        if execution:
            yield "export-n8n", json.dumps({"data": [execution]}).encode()
    for path in sorted(CAPTURES.glob("flowise-agentflow-*.json")):
        answer = json.loads(path.read_text())["response"]["body"]
        executed = json.dumps(answer["agentFlowExecutedData"])
        yield "export-flowise", json.dumps({"id": "x", "executionData": executed}).encode()


def _files() -> Iterator[tuple[str, bytes]]:
    """Files as a person imports them."""
    documents = [path.read_bytes() for path in sorted(CAPTURES.glob("*.json"))]
    documents += [path.read_bytes() for path in sorted(SAMPLES.glob("*.json"))]
    for document in documents:
        yield "saved", document
    bare = [json.dumps(body) for body in (CANONICAL, OTLP, DATA)]
    yield "saved", ("\n".join(bare) + "\n").encode()
    yield "saved", f"[{','.join(bare)}]".encode()
    wire = [body for parser, body in _wire() if parser == "otlp-protobuf"][:3]
    yield "saved", b"".join(len(body).to_bytes(4, "big") + body for body in wire)
