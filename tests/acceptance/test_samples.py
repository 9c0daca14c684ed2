"""The sample traces: each is stored and read, and its test cases say what is written here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tracedesk.cli import cli
from tracedesk.desk import Desk, OpenTrace, Options
from tracedesk.formats.saved import SavedRequest, saved_requests
from tracedesk.workspace import find_workspace

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_traces"

READ: dict[str, tuple[str, int, str, str | None]] = {
    "booking.json": ("canonical", 8, "completed", "Your table for 4 is booked"),
    "booking-slip.json": ("canonical", 8, "completed", "Your table for 4 is booked"),
    "library-custom-api.json": ("custom", 3, "completed", "Yes: one copy is on the shelf"),
    "n8n-testing-node-auto.json": ("n8n_optimized", 8, "partial", "Order A-1042 contains"),
    "n8n-testing-node-manual.json": ("n8n_manual", 3, "completed", "Order A-1042 contains"),
    "refund-flowise.json": ("flowise", 5, "completed", "Order A-1042 contains"),
    "refund-n8n.json": ("n8n_native", 8, "completed", "Order A-1042 contains"),
    "research-fan-out.json.gz": ("otlp", 1015, "failed", "Reed beds remove 40 to 80 %"),
    "support-retry.json": ("otlp", 5, "failed", "Your order A-2207 left the depot"),
    "tool-error-langgraph.json": ("otlp", 5, "failed", None),  # the run ended before an answer
    "trip-two-services.json": ("otlp", 6, "completed", "The 08:40 AVE arrives"),
    "weather-pydantic-ai.json": ("otlp", 4, "completed", "It is 19 degrees celsius"),
    "weather-vercel-ai.json": ("otlp", 6, "completed", "It is 19 degrees celsius"),
    "workflow-n8n.json": ("otlp", 9, "completed", None),  # n8n exports no outputs
}
"""Sample: format, spans, status, and how its response begins (None: there is none)."""

VERDICTS: dict[str, dict[str, list[str]]] = {
    "booking.json": {
        "books what was asked for": ["pass", "pass"],
        "gives the guest a reference": ["pass", "pass"],
        "sends the confirmation as a text message": ["missing"],
    },
    "booking-slip.json": {
        "books what was asked for": ["pass", "fail"],
        "gives the guest a reference": ["pass", "pass"],
        "sends the confirmation as a text message": ["missing"],
    },
    "library-custom-api.json": {
        "finds the shelf": ["pass", "pass"],
        "has a second copy on the shelf": ["fail"],
    },
    "n8n-testing-node-auto.json": {
        "names the amount": ["pass"],
        "looks the order up before it answers": ["missing"],
    },
    "n8n-testing-node-manual.json": {
        "names the amount": ["pass"],
        "looks the order up before it answers": ["missing"],
    },
    "refund-flowise.json": {
        "names the amount": ["pass"],
        "looks the order up before it answers": ["pass"],
    },
    "refund-n8n.json": {
        "names the amount": ["pass"],
        "looks the order up before it answers": ["pass"],
    },
    "research-fan-out.json.gz": {
        "sends out thirty readers": ["pass", "pass"],
        "reads every page it found": ["fail"],
    },
    "support-retry.json": {
        "answers although the carrier times out": ["pass", "pass"],
        "tracks the order at the first attempt": ["fail"],
    },
    "tool-error-langgraph.json": {"explains what went wrong": ["pass", "missing"]},
    "trip-two-services.json": {"offers a train within the budget": ["pass", "pass"]},
    "weather-pydantic-ai.json": {
        "asks the weather service and says what it answered": ["pass", "pass"]
    },
    "weather-vercel-ai.json": {
        "asks the weather service and says what it answered": ["pass", "pass"]
    },
    "workflow-n8n.json": {
        "runs the agent and both of its tools": ["pass", "pass", "pass", "pass"],
        "names the amount": ["missing"],
        "looks up the right order": ["missing"],
    },
}
"""Sample: cases that apply to it, with the verdict of each assertion."""

SECRETS = (b"mibo_", b"/root", b"/home/", b"/Users/", b"/work", b"/tmp/", b"Bearer ", b"sk-proj")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A workspace with the samples' own test cases, not listening."""
    root = tmp_path_factory.mktemp("samples")
    (root / "testcases").symlink_to(SAMPLES / "testcases")
    opened = Desk(find_workspace(root), Options(listen=False, quiet_s=0.0))
    opened.read_cases()
    yield opened
    opened.stop()


@pytest.fixture(scope="module")
def stored(desk: Desk) -> dict[str, OpenTrace]:
    """All samples, imported by the command: sample name → the one trace it holds."""
    root = str(desk.workspace.root)
    result = CliRunner().invoke(cli, ["import", str(SAMPLES), "--workspace", root, "--json"])
    assert result.exit_code == 0, result.output
    opened: dict[str, OpenTrace] = {}
    for entry in json.loads(result.stdout)["traces"]:
        found = desk.load(entry["id"])
        assert found is not None
        opened[Path(entry["file"]).name] = found
    assert desk.store.count() == len(opened), "no sample replaced another"
    return opened


def names(kind: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", sorted(kind))


def test_every_sample_is_in_the_tables_and_in_the_readme() -> None:
    files = {p.name for p in SAMPLES.iterdir() if p.suffix in (".json", ".gz")}
    assert files == set(READ) == set(VERDICTS)
    text = (SAMPLES / "README.md").read_text()
    assert [name for name in files if f"`{name}`" not in text] == []


def test_samples_hold_no_secrets_and_no_paths_of_a_machine() -> None:
    for found in saved_requests(SAMPLES):
        assert isinstance(found, SavedRequest)
        assert [secret for secret in SECRETS if secret in found.body] == []
        assert "x-api-key" not in Path(found.source).read_bytes().lower().decode("latin-1")


@names(READ)
def test_samples_are_read(stored: dict[str, OpenTrace], name: str) -> None:
    wire_format, spans, status, response = READ[name]
    found = stored[name]
    assert (found.row.format, found.row.span_count) == (wire_format, spans)
    assert found.reading.status == status
    if response is None:
        assert found.reading.response.text is None
        assert found.reading.response.tried
    else:
        assert (found.reading.response.text or "").startswith(response)
        assert found.reading.response.source is not None
        assert found.reading.input.text
    assert len(found.tree.orphans) == (name == "workflow-n8n.json"), "its caller sent no span"


@names(VERDICTS)
def test_verdicts(desk: Desk, stored: dict[str, OpenTrace], name: str) -> None:
    verdicts = desk.evaluate(stored[name])
    assert {
        case.name: [str(verdict.outcome) for verdict in case.verdicts]
        for case in verdicts.cases
        if case.outcome != "skipped"
    } == VERDICTS[name]


def test_test_case_files_have_no_diagnostics(desk: Desk) -> None:
    assert len(desk.files) == len(list((SAMPLES / "testcases").glob("*.yaml")))
    assert [file.diagnostics for file in desk.files if file.diagnostics] == []


def test_the_slip_is_explained(desk: Desk, stored: dict[str, OpenTrace]) -> None:
    verdicts = desk.evaluate(stored["booking-slip.json"])
    (case,) = [case for case in verdicts.cases if case.name == "books what was asked for"]
    failed = case.verdicts[1]
    assert {d.path: (d.expected_type, d.actual_type) for d in failed.differences}["$.party"] == (
        "number",
        "string",
    )
    assert {d.path for d in failed.differences} == {"$.party", "$.date"}


SHOWN = {
    "": "id platformId agent externalId format status revision createdAt updatedAt spanCount "
    "errorCount metadata warnings reading spans evaluation",
    "reading": "response input toolCalls nodeCalls usage httpStatus durationMs",
    "usage": "input output reasoning total source",
    "toolCall": "name arguments output status span parent",
    "nodeCall": "name type status arguments span toolCalls",
    "span": "span_id parent_span_id name start_time_unix_nano end_time_unix_nano attributes "
    "status events",
    "evaluation": "verdict score cases",
}
"""Keys that ``show --json`` prints of each thing; more may stand beside them."""

CHECKED = {
    "": "summary diagnostics results",
    "summary": "traces cases assertions pass fail missing error skipped quality elapsedMs",
    "result": "trace file case caseFile line verdict score assertions",
    "assertion": "target line verdict score reason expected actual evidence nearest stage",
    "evidence": "span path",
}
"""The same for ``check --json``."""


def has(found: dict[str, Any], keys: str) -> None:
    missing = set(keys.split()) - set(found)
    assert not missing, missing


@names(READ)
def test_show_json_has_its_shape_on_every_sample(
    desk: Desk, stored: dict[str, OpenTrace], name: str
) -> None:
    found = json.loads(json.dumps(desk.describe(stored[name].row), default=str))
    has(found, SHOWN[""])
    reading = found["reading"]
    has(reading, SHOWN["reading"])
    has(reading["usage"], SHOWN["usage"])
    for text in (reading["response"], reading["input"]):
        has(text, "text source" if text["text"] is not None else "text source tried")
    for kind, calls in (("toolCall", "toolCalls"), ("nodeCall", "nodeCalls")):
        for call in reading[calls]:
            has(call, SHOWN[kind])
    for span in found["spans"]:
        has(span, SHOWN["span"])
    has(found["evaluation"], SHOWN["evaluation"])


def test_check_json_has_its_shape_on_every_sample() -> None:
    cases = str(SAMPLES / "testcases")
    result = CliRunner().invoke(cli, ["check", str(SAMPLES), "--cases", cases, "--json"])
    assert result.exit_code == 1, "some cases fail, and say why"
    found = json.loads(result.stdout)
    has(found, CHECKED[""])
    has(found["summary"], CHECKED["summary"])
    assert found["summary"]["traces"] == len(READ)
    assert found["diagnostics"] == []
    for case in found["results"]:
        has(case, CHECKED["result"])
        for assertion in case["assertions"]:
            has(assertion, CHECKED["assertion"])
            for evidence in assertion["evidence"]:
                has(evidence, CHECKED["evidence"])
    counted = [a["verdict"] for case in found["results"] for a in case["assertions"]]
    assert {v: counted.count(v) for v in ("pass", "fail", "missing")} == {
        v: found["summary"][v] for v in ("pass", "fail", "missing")
    }
