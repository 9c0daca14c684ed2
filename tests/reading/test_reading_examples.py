"""The worked examples of the format rules: what must be read from each body."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracedesk.formats.assemble import Part, assemble
from tracedesk.formats.detect import read_body
from tracedesk.reading import ReadingSettings, read

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = [
    example
    for example in json.loads((DATA / "examples.json").read_text())
    if "kind" not in example and "extract" in example["expect"]
]

ELSEWHERE = {"external_id", "traces", "response_source", "note"}
"""Facts of the store, and prose."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_what_is_read_from_an_example(example: dict[str, Any]) -> None:
    requests = example["request"]
    bodies = [
        json.dumps(request["body"]).encode()
        for request in (requests if isinstance(requests, list) else [requests])
    ]
    resources = read_body(bodies[0]).resources()
    trace = assemble(
        [Part(content_type="application/json", body=body) for body in bodies],
        agent_type=example["agent"]["type"],
        trace_id=resources[0].traces[0].trace_id if resources else None,
    )
    reading = read(trace, ReadingSettings(response_path=example["agent"].get("response_path")))
    found = {
        "format": trace.format.value,
        "status": reading.status,
        "spans": len(trace.spans),
        "response_text": reading.response.text,
        "input_text": reading.input.text,
        "tokens_total": reading.usage.total,
        "http_status": reading.http_status.value,
        "duration_ms": reading.duration_ms.value,
        "node_calls": [call.label for call in reading.node_calls],
        "tool_calls": [call.label for call in reading.tool_calls],
    }
    expected = {k: v for k, v in example["expect"]["extract"].items() if k not in ELSEWHERE}
    if "response_text_json" in expected:
        found["response_text_json"] = json.loads(reading.response.text or "null")

    assert {key: found[key] for key in expected} == expected
    assert reading.response.text is None or reading.response.source is not None
