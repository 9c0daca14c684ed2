"""A client process that sends everything at once: good requests of every format and size, and
bad ones of every kind, over keep-alive connections, as fast as replies come.

``python load.py PORT CLIENTS SECONDS SEED``. Prints a blank line once the first request was
answered, and at the end JSON: a ``Report`` of what was answered, and of what the endpoint
thereby promised. Ends early when nobody listens any more.
"""

import asyncio
import gzip
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec
import uvloop
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KEYS = 20
"""Request ids, and growing traces, that each client uses in turn."""
PARTS = 50
"""Parts of which a growing trace consists before a new one is begun."""
REFUSED = "refused"
"""Is in the name of every trace that must not be stored."""


class Promise(msgspec.Struct):
    """What was said of one upserted or growing trace."""

    id: str = ""
    """Blank until a reply named it; protobuf replies never do."""
    accepted: int = 0
    """Replies with 2xx: revisions of a replaced trace, parts of a growing one."""
    mark: str = ""
    """In the name of the root span of what was accepted last."""
    unanswered: str = ""
    """The mark of a request whose reply never came: it may be stored or not."""


class Report(msgspec.Struct):
    """What one process was told."""

    statuses: dict[str, dict[int, int]]
    """By kind of request."""
    wrong: list[str]
    """Replies that no request of the kind may get."""
    created: list[str]
    """Ids of traces that were created and never touched again."""
    replaced: dict[str, Promise]
    """By request id."""
    grown: dict[str, Promise]
    """By OTLP trace id."""
    unanswered: int
    """Creations whose reply never came."""


class Request(NamedTuple):
    """One request on its way."""

    wire: bytes
    expected: frozenset[int]
    note: Callable[[dict[str, Any]], None] | None = None
    """Takes the reply of a 2xx."""
    lose: Callable[[], None] | None = None
    """Called when no reply comes."""


def post(
    body: bytes, *headers: str, path: str = "/public/traces", kind: str = "application/json"
) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {kind}", *headers]
    if not any(header.lower().startswith("content-length") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def canonical(name: str, spans: int = 5, pad: int = 400) -> bytes:
    made = [
        {
            "span_id": f"{at}",
            "parent_span_id": "0" if at else None,
            "name": f"step {at}" if at else name,
            "attributes": {"gen_ai.response.text": "It is booked. " * (pad // 14)},
            "start_time_unix_nano": str(1_780_000_000_000_000_000 + at),
        }
        for at in range(spans)
    ]
    return json.dumps({"spans": made, "metadata": {"environment": "soak"}}).encode()


def otlp(trace_id: str, span: int, name: str) -> ExportTraceServiceRequest:
    """One span; the first of a trace is its root."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    one = scope.spans.add(
        trace_id=bytes.fromhex(trace_id), span_id=(span + 1).to_bytes(8, "big"), name=name
    )
    if span:
        one.parent_span_id = (1).to_bytes(8, "big")
    return request


def otlp_json(trace_id: str, span: int, name: str) -> bytes:
    one = {"traceId": trace_id, "spanId": f"{span + 1:016x}", "name": name}
    if span:
        one["parentSpanId"] = f"{1:016x}"
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}).encode()


_BAD_BODY = canonical(f"{REFUSED} body")
_NEST = b'{"spans":[{"span_id":"r","name":"refused","attributes":{"a":' + b"[" * 5_000
BAD: dict[str, tuple[int, bytes]] = {
    "not JSON": (400, post(_BAD_BODY[:-2])),
    "no spans": (400, post(b'{"spans": [], "name": "refused"}')),
    "a span without a name": (400, post(b'{"spans": [{"span_id": "refused"}]}')),
    "an empty data body": (400, post(b'{"data": {}}')),
    "nested too deep": (400, post(_NEST)),
    "damaged gzip": (400, post(gzip.compress(_BAD_BODY)[:-9], "Content-Encoding: gzip")),
    "damaged protobuf": (400, post(b"\xff\xff", kind="application/x-protobuf")),
    "an unknown encoding": (400, post(_BAD_BODY, "Content-Encoding: br")),
    "a long request id": (400, post(_BAD_BODY, "x-request-id: " + "x" * 300)),
    "an unknown key": (401, post(_BAD_BODY, "x-api-key: mibo_nobody")),
    "another host": (403, post(_BAD_BODY, "Origin: https://elsewhere.example")),
    "a wrong path": (404, post(_BAD_BODY, path="/nowhere")),
    "a wrong method": (405, b"DELETE /public/traces HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    "too much, announced": (413, post(b"", "Content-Length: 99999999", "Expect: 100-continue")),
    "too much, inflated": (
        413, post(gzip.compress(_BAD_BODY[:-1] + b" " * (32 << 20)), "Content-Encoding: gzip"),
    ),
    "two lengths": (400, post(_BAD_BODY, "Content-Length: 1", "Content-Length: 2")),
    "two framings": (400, post(_BAD_BODY, "Content-Length: 9", "Transfer-Encoding: chunked")),
    "no HTTP": (400, b"\x16\x03\x01refused\r\n\r\n"),
    "a long head": (431, b"GET /" + b"x" * 70_000),
}  # fmt: skip
RARE = {"too much, inflated": 0.05, "nested too deep": 0.3}
"""How often, beside the others: these cost the endpoint much."""


class Client(asyncio.Protocol):
    """One connection after the other, one request after the other."""

    def __init__(self, load: "Load", number: int) -> None:
        self.load = load
        self.random = random.Random(f"{load.seed}-{number}")
        self.prefix = f"{load.seed}-{number}"
        self.sent = 0
        self.kind = ""
        self.request: Request | None = None
        self.buffer = b""
        self.transport: Any = None
        self.ended = asyncio.get_running_loop().create_future()

    # -- the kinds ---------------------------------------------------------------------

    def mark(self) -> str:
        self.sent += 1
        return f"{self.prefix}-{self.sent}"

    def create(self, body: bytes, *headers: str) -> Request:
        report = self.load.report

        def lose() -> None:
            report.unanswered += 1

        wire = post(body, *headers)
        return Request(wire, frozenset({201}), lambda got: report.created.append(got["id"]), lose)

    def small(self) -> Request:
        return self.create(canonical(self.mark()))

    def large(self) -> Request:
        return self.create(canonical(self.mark(), spans=500, pad=10_000))

    def data(self) -> Request:
        return self.create(json.dumps({"data": {"text": self.mark(), "nodes": {}}}).encode())

    def zipped(self) -> Request:
        return self.create(gzip.compress(canonical(self.mark()), 1), "Content-Encoding: gzip")

    def replace(self) -> Request:
        key, mark = f"run-{self.prefix}-{self.random.randrange(KEYS)}", self.mark()
        promise = self.load.report.replaced.setdefault(key, Promise())
        return self._promised(promise, post(canonical(mark), f"x-request-id: {key}"), mark)

    def grow(self) -> Request:
        series = f"{self.prefix}-{self.sent // (KEYS * PARTS)}-{self.random.randrange(KEYS)}"
        trace_id = random.Random(series).randbytes(16).hex()
        promise = self.load.report.grown.setdefault(trace_id, Promise())
        mark = self.mark()
        if self.sent % 2:
            wire = post(otlp_json(trace_id, promise.accepted, mark), path="/v1/traces")
        else:
            body = otlp(trace_id, promise.accepted, mark).SerializeToString()
            wire = post(body, path="/v1/traces", kind="application/x-protobuf")
        return self._promised(promise, wire, mark)

    @staticmethod
    def _promised(promise: Promise, wire: bytes, mark: str) -> Request:
        def note(got: dict[str, Any]) -> None:
            promise.id = got.get("id", promise.id)
            promise.accepted += 1
            promise.mark = mark

        def lose() -> None:
            promise.unanswered = mark

        return Request(wire, frozenset({200, 201}), note, lose)

    def refused(self) -> Request:
        kind = self.random.choice(list(BAD))
        if self.random.random() > RARE.get(kind, 1.0):
            return self.refused()
        return self.bad(kind)

    def bad(self, kind: str) -> Request:
        status, wire = BAD[kind]
        self.kind = kind
        return Request(wire, frozenset({status}))

    # -- sending -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.buffer = transport, b""
        self.send()

    def send(self) -> None:
        if self.load.due:
            self.kind = self.load.due.pop()
        elif time.monotonic() > self.load.stop_at:
            self.finish()
            return
        else:
            (self.kind,) = self.random.choices(list(KINDS), [often for often, _ in KINDS.values()])
        make = KINDS[self.kind][1] if self.kind in KINDS else partial(Client.bad, kind=self.kind)
        self.request = make(self)
        self.transport.write(self.request.wire)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        fields = head.lower()
        if not separator or self.request is None:
            return
        if len(body) < int(fields.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0):
            return
        request, self.request, self.buffer = self.request, None, b""
        self.load.answered(self.kind, int(head[9:12]), request, body)
        if b"\r\nconnection: close" in fields:
            self.transport.close()
        else:
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        request, self.request = self.request, None
        if request is not None:
            if request.lose is not None:
                request.lose()
            self.load.unanswered(self.kind)
        if not self.ended.done():
            self.load.spawn(self.connect())

    async def connect(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self, "127.0.0.1", self.load.port)
        except OSError:  # nobody listens any more
            self.finish()

    def finish(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if self.transport is not None:
            self.transport.close()


KINDS: dict[str, tuple[float, Callable[[Client], Request]]] = {
    "canonical": (40, Client.small),
    "data": (8, Client.data),
    "gzip": (6, Client.zipped),
    "replaced": (12, Client.replace),
    "merged": (16, Client.grow),
    "5 MB": (0.05, Client.large),
    "bad": (12, Client.refused),
}
"""How often each is sent, beside the others, and how it is made."""


class Load:
    """All clients of this process, and what they were told."""

    def __init__(self, port: int, seconds: float, seed: str) -> None:
        self.port = port
        self.seed = seed
        self.stop_at = time.monotonic() + seconds
        self.report = Report({}, [], [], {}, {}, 0)
        self.due = [kind for kind in (*KINDS, *BAD) if kind != "bad"]
        """Sent before chance decides: each kind once, however rare it is and short the run."""
        self._counts: dict[str, Counter[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def answered(self, kind: str, status: int, request: Request, body: bytes) -> None:
        if not self._counts:
            print(flush=True)
        self._counts.setdefault(kind, Counter())[status] += 1
        if status in request.expected:
            if request.note is not None:
                request.note(json.loads(body or b"{}") if body[:1] != b"\n" else {})
        elif status != 503 or request.note is None:
            self.report.wrong.append(f"{kind}: {status} {body[:300].decode(errors='replace')}")

    def unanswered(self, kind: str) -> None:
        self._counts.setdefault(kind, Counter())[0] += 1

    def spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self, clients: int) -> Report:
        made = [Client(self, number) for number in range(clients)]
        for client in made:
            await client.connect()
        for client in made:
            await client.ended
        self.report.statuses = {kind: dict(count) for kind, count in self._counts.items()}
        return self.report


if __name__ == "__main__":
    port, clients, seconds, seed = sys.argv[1:]
    report = uvloop.run(Load(int(port), float(seconds), seed).run(int(clients)))
    sys.stdout.buffer.write(msgspec.json.encode(report))
