"""Record the programs beside this one into ``sample_traces``: run them against a loopback
server that keeps what it receives.

Only what a sample needs is kept: no keys, no headers about the wire, and no paths of the
machine in stack traces.

    python tests/clients/record.py [NAME]...
"""

import base64
import gzip
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / "sample_traces"
KEPT_HEADERS = ("content-type", "content-encoding", "user-agent", "x-request-id")
MACHINE_PATH = re.compile(r'(File ")/[^"]*?/(site-packages/|lib/python3\.\d+/|(?=[^/"]+"))')

PROGRAMS: dict[str, tuple[list[str], dict[str, str]]] = {
    "booking.json": (["booking_agent.py", "{url}", "--request-id", "run-5821"], {}),
    "booking-slip.json": (["booking_agent.py", "{url}", "--request-id", "run-5822", "--slip"], {}),
    "library-custom-api.json": (["kiosk_agent.py", "{url}"], {}),
    "support-retry.json": (["support_agent.py"], {}),
    "trip-two-services.json": (["trip_planner.py"], {}),
    "research-fan-out.json.gz": (["research_agent.py"], {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "256"}),
}
"""Sample: command (``{url}`` is the server's) and environment variables."""


class Recorder(BaseHTTPRequestHandler):
    """Keeps every POST and answers as an OTLP receiver would."""

    received: list[dict[str, Any]]

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.body()
        headers = {k: v for k, v in self.headers.items() if k.lower() in KEPT_HEADERS}
        self.received.append({"path": self.path, "headers": headers, "wire": body})
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self) -> bytes:
        """As it was sent: whole, or in chunks as Node sends it."""
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server on loopback for as long as the context: its URL, and what it has received."""
    received: list[dict[str, Any]] = []
    handler = type("Run", (Recorder,), {"received": received})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


def record(command: list[str], environment: dict[str, str]) -> list[dict[str, Any]]:
    """Run a client to its end; returns the saved requests in the order they came."""
    with listening() as (url, received):
        otlp = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{url}/v1/traces"}
        program, *options = [part.format(url=f"{url}/public/traces") for part in command]
        subprocess.run(
            [sys.executable, str(HERE / program), *options],
            env={**os.environ, **otlp, **environment},
            check=True,
        )
    return [saved(request) for request in received]


def saved(request: dict[str, Any]) -> dict[str, Any]:
    """The request as a sample keeps it."""
    body: bytes = request.pop("wire")
    entry = {"method": "POST", **request}
    if "protobuf" in request["headers"].get("Content-Type", request["headers"].get("content-type")):
        message = ExportTraceServiceRequest.FromString(body)
        clean(message)
        entry["body_base64"] = base64.b64encode(message.SerializeToString()).decode()
    else:
        entry["body"] = json.loads(body)
    return entry


def clean(message: Message) -> None:
    """Take the machine's paths out of every text in the message."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                clean(inner)
        elif field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, MACHINE_PATH.sub(r"\1/srv/agent/\2", value))


def write(name: str, client: str, requests: list[dict[str, Any]]) -> None:
    """One request as ``request``, several as ``requests``; gzip'd where the name says so."""
    parts = {"request": requests[0]} if len(requests) == 1 else {"requests": requests}
    text = json.dumps({"client": client, **parts}, indent=2, ensure_ascii=False) + "\n"
    path = SAMPLES / name
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text, encoding="utf-8")


def main() -> None:
    for name in sys.argv[1:] or PROGRAMS:
        command, environment = PROGRAMS[name]
        write(name, f"tests/clients/{command[0]}", record(command, environment))


if __name__ == "__main__":
    main()
