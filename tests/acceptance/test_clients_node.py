"""Node clients run live: the OpenTelemetry SDK with its HTTP/JSON exporter, and the Vercel AI SDK
from 4 to 7. What they sent once is also recorded in ``tests/data/captures``."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracedesk.model.trace import Kind

INSTALL = "npm install --prefix tests/clients/node"
NODE = Path(__file__).parents[1] / "clients" / "node"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").is_dir(),
    reason=f"the Node clients are not installed: {INSTALL}",
)

Seen = Any
See = Callable[..., dict[str, Seen]]
Say = dict[str, Any]

MAJORS = (4, 5, 6, 7)
OPERATION = {"generated": "ai.generateText", "streamed": "ai.streamText"}


@pytest.fixture
def of(seen: See) -> Callable[[int, str], Seen]:
    """The trace of one scenario with one major version of the AI SDK."""
    return lambda major, scenario: seen("node", "node/forecaster.mjs", str(major))[scenario]


Of = Callable[[int, str], Seen]


def shape(major: int, scenario: str) -> list[str]:
    """The tree of a question, a tool call and an answer."""
    if major >= 7 and scenario in OPERATION:
        first = ["  step 1", "    chat gpt-4o-mini", "    execute_tool get_weather"]
        return ["invoke_agent gpt-4o-mini", *first, "  step 2", "    chat gpt-4o-mini"]
    operation = OPERATION.get(scenario, "ai.generateText")
    model = f"  {operation}.{'doStream' if scenario == 'streamed' else 'doGenerate'}"
    tool = "    ai.toolCall" if major >= 7 else "  ai.toolCall"
    return [operation, model, tool, model]


@pytest.mark.parametrize(
    ("major", "scenario"),
    [*((major, scenario) for major in MAJORS for scenario in OPERATION), (7, "older-spans")],
)
def test_question_tool_call_and_answer(of: Of, weather: Say, major: int, scenario: str) -> None:
    found = of(major, scenario)
    reading = found.reading
    assert reading["response"]["text"] == weather["ANSWER"]
    assert reading["input"]["text"] == weather["QUESTION"]
    assert found.opened.reading.system.text == weather["SYSTEM"]
    assert found.tools == [
        (weather["TOOL"], weather["ARGUMENTS"], weather["WEATHER"], "unknown"),
    ]
    assert found.tokens == (270, 35, 305), "the root repeats some or all of it"
    assert found.document["status"] == "completed"
    assert found.opened.reading.model == "gpt-4o-mini-2024-07-18"
    assert found.labels == shape(major, scenario)
    assert 0 < reading["durationMs"] < 60_000


@pytest.mark.parametrize("major", MAJORS)
def test_an_object_is_the_response(of: Of, weather: Say, major: int) -> None:
    found = of(major, "object")
    assert ("response", weather["WEATHER"]) in found.opened.reading.views
    assert found.tokens == (158, 14, 172)
    tree = [found.opened.trace.spans[at] for at in found.opened.tree.order]
    assert [span.kind for span in tree] == [Kind.AGENT, Kind.MODEL]


@pytest.mark.parametrize("major", MAJORS)
def test_a_tool_that_fails(of: Of, weather: Say, major: int) -> None:
    found = of(major, "failing-tool")
    (call,) = found.opened.reading.tool_calls
    assert (call.label, call.arguments, call.status) == (
        weather["TOOL"],
        weather["ARGUMENTS"],
        "error",
    )
    assert weather["ERROR"] in call.status_message
    assert found.document["status"] == "failed"
    gave_up = major == 4
    assert found.reading["response"]["text"] == (None if gave_up else weather["ANSWER"])


@pytest.mark.parametrize("major", MAJORS)
def test_an_embedding_counts_once(of: Of, major: int) -> None:
    found = of(major, "embedded")
    assert found.reading["usage"]["total"] == 8
    spans = found.opened.trace.spans
    assert spans[0].kind is Kind.MODEL, "the inner one comes first"


def test_the_sdk_of_opentelemetry_by_hand(seen: See) -> None:
    found = seen("node", "node/concierge.mjs")["concierge"]
    assert found.labels == [
        "invoke_agent Concierge",
        "  chat gpt-4o-mini",
        "  execute_tool create_booking",
        "  execute_tool create_booking",
        "  chat gpt-4o-mini",
    ]
    booking = {"party": 4, "vip": False, "name": "Zoë"}
    assert found.tools == [
        ("create_booking", booking, None, "error"),
        ("create_booking", booking, {"reference": "CL-5821"}, "unknown"),
    ]
    assert found.opened.reading.tool_calls[0].status_message == "the book is locked"
    assert found.reading["input"]["text"].endswith("under Zoë.")
    assert found.reading["response"]["text"] == "Your table for 4 is booked under Zoë."
    assert found.tokens == (291, 40, 331)
    assert found.reading["httpStatus"] == 200
    assert found.document["status"] == "failed"


def test_a_gzipped_body_of_the_javascript_exporter(seen: See) -> None:
    found = seen("node", "node/concierge.mjs", OTEL_EXPORTER_OTLP_COMPRESSION="gzip")["concierge"]
    assert found.document["spanCount"] == 5


def test_a_trace_in_many_requests_of_the_javascript_exporter(seen: See) -> None:
    split = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2", "OTEL_BSP_MAX_QUEUE_SIZE": "10"}
    found = seen("node", "node/concierge.mjs", **split)["concierge"]
    assert found.requests == 3
    assert found.labels[0] == "invoke_agent Concierge"
    assert len(found.tools) == 2
