"""How quickly a trace is decoded and read: CPU time, no store, no endpoint.

What is read is never read twice: each run gets a freshly decoded trace, as the store gives it.
A read finds response, input, calls, usage, HTTP status, duration and status. Conversation, system
prompt and model of a small trace are found when asked for; that has a line of its own.
"""

import gc
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench_ingest import canonical
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from table import Result

from tracedesk.desk import COLLECTED_AFTER
from tracedesk.formats.detect import read_body
from tracedesk.model.trace import Trace
from tracedesk.reading import read

SMALL = 2_000
"""Traces a run of the small cases."""
LARGE_SPANS = 41_000
PROTOBUF = "application/x-protobuf"


def run() -> list[Result]:
    small = [with_messages(canonical(i)) for i in range(SMALL)]
    without_input = [canonical(i) for i in range(SMALL)]
    silent = [without_texts(body) for body in without_input]
    large = large_body()
    requests = [spans_request(i) for i in range(100)]
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    figures = [
        ("decode a 5-span trace of 3 KB", decoding(small), "µs", None),
        ("read a 5-span trace with GenAI attributes", reading(small), "µs", 50.0),
        ("read a 5-span trace without input", reading(without_input), "µs", 50.0),
        ("read a 5-span trace without any text", reading(silent), "µs", 50.0),
        ("read a 5-span trace and ask for all of it", reading(small, work=whole), "µs", None),
    ]
    mega = len(large) / 2**20
    seconds = [
        (f"decode a 41,000-span trace of {mega:.0f} MB", decoding([large], 5) / 1e3, "ms", None),
        (f"read a 41,000-span trace of {mega:.0f} MB", reading([large], 5) / 1e3, "ms", 150.0),
    ]
    gc.unfreeze()
    results = [
        Result(what, measured, unit, budget, budget is None or measured <= budget)
        for what, measured, unit, budget in (*figures, *seconds)
    ]
    rate = 200 * 1e6 / decoding(requests, content_type=PROTOBUF)
    results.append(Result("decode OTLP protobuf, 200 spans a request", rate, "spans/s", None, True))
    return results


def decoding(bodies: list[bytes], runs: int = 3, content_type: str = "application/json") -> float:
    """Microseconds of CPU a body, from bytes to traces."""
    return timed(bodies, lambda body: traces_of(body, content_type), runs)


def reading(bodies: list[bytes], runs: int = 3, work: Callable[[Trace], Any] = read) -> float:
    """Microseconds of CPU a trace, decoding not counted."""
    figures = []
    for _ in range(runs):
        traces = [trace for body in bodies for trace in traces_of(body)]
        figures.append(timed(traces, work, 1))
        del traces
    return median(figures)


def whole(trace: Trace) -> Any:
    """A reading, and what stands behind its response."""
    return read(trace).background


def traces_of(body: bytes, content_type: str = "application/json") -> list[Trace]:
    envelope = read_body(body, content_type)
    if envelope.shape != "otlp":
        return [envelope.trace()]
    return [trace for resource in envelope.resources() for trace in resource.traces]


def timed(things: list[Any], work: Callable[[Any], Any], runs: int) -> float:
    """The median of some runs, in microseconds of CPU a thing."""
    figures = []
    for _ in range(runs):
        start = time.process_time()
        for thing in things:
            work(thing)
        figures.append((time.process_time() - start) / len(things) * 1e6)
    return median(figures)


def with_messages(body: bytes) -> bytes:
    """The same trace with input and output messages on its last model span."""
    spans = json.loads(body)["spans"]
    said = [("system", "You book tables."), ("user", "A table for four at 8pm, please.")]
    spans[4]["attributes"]["gen_ai.input.messages"] = json.dumps(
        [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in said]
    )
    answer = spans[4]["attributes"].pop("gen_ai.response.text")
    spans[0]["attributes"].pop("gen_ai.response.text")
    parts = [{"type": "text", "content": answer}]
    spans[4]["attributes"]["gen_ai.output.messages"] = json.dumps(
        [{"role": "assistant", "parts": parts, "finish_reason": "stop"}]
    )
    return json.dumps({"spans": spans}).encode()


def without_texts(body: bytes) -> bytes:
    """The same trace with structure and counts, but no response, input or tool text."""
    spans = json.loads(body)["spans"]
    for span in spans:
        kept = {k: v for k, v in span["attributes"].items() if "text" not in k and "call" not in k}
        span["attributes"] = {"app.step": 1, **kept}
    return json.dumps({"spans": spans}).encode()


def large_body() -> bytes:
    """Spans that hang eight under each."""
    one = json.loads(canonical(1))["spans"]
    spans = [
        {**one[i % 5], "span_id": f"{i:016x}", "parent_span_id": f"{i // 8:016x}" if i else None}
        for i in range(LARGE_SPANS)
    ]
    return json.dumps({"spans": spans}).encode()


def spans_request(number: int) -> bytes:
    """An OTLP request of 200 model spans."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add().scope_spans.add()
    for i in range(200):
        span = group.spans.add()
        span.trace_id = number.to_bytes(15, "big") + b"\1"
        span.span_id, span.name = (i + 1).to_bytes(8, "big"), "chat"
        span.start_time_unix_nano = 1_780_000_000_000_000_000 + i
        span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
        for key, value in (("gen_ai.system", "openai"), ("gen_ai.request.model", "gpt-4o-mini")):
            entry = span.attributes.add()
            entry.key, entry.value.string_value = key, value
        entry = span.attributes.add()
        entry.key, entry.value.int_value = "gen_ai.usage.input_tokens", 7 + i
    return bytes(request.SerializeToString())
