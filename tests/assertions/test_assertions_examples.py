"""The worked examples: every assertion on every format, decided as written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracedesk.assertions import compile_assertion, evaluate
from tracedesk.formats.assemble import Part, assemble
from tracedesk.formats.detect import read_body
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.reading import ReadingSettings, read

EXAMPLES = [
    example
    for example in json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text())
    if "kind" not in example and example.get("assertions")
]


def rows() -> Iterator[Any]:
    for example in EXAMPLES:
        for number, entry in enumerate(example["assertions"], 1):
            yield pytest.param(example, entry, id=f"{example['id']}-{number}")


def stored(example: dict[str, Any]) -> tuple[Trace, Reading]:
    """The final state of an example's trace, and its reading."""
    requests = example["request"] if isinstance(example["request"], list) else [example["request"]]
    bodies = [json.dumps(request["body"]).encode() for request in requests]
    resources = read_body(bodies[-1]).resources()
    trace = assemble(
        [Part(content_type="application/json", body=body) for body in bodies],
        agent_type=example["agent"]["type"],
        trace_id=resources[0].traces[0].trace_id if resources else None,
    )
    return trace, read(trace, ReadingSettings(response_path=example["agent"].get("response_path")))


@pytest.mark.parametrize(("example", "entry"), rows())
def test_verdict(example: dict[str, Any], entry: dict[str, Any]) -> None:
    trace, reading = stored(example)
    assertion, _ = compile_assertion(entry["assertion"])
    verdict = evaluate(assertion, trace, reading)

    assert verdict.outcome == entry["verdict"], verdict.reason
    assert verdict.evidence or not verdict.outcome.decided
    assert evaluate(assertion, trace, reading) == verdict
