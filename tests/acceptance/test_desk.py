"""The main job, end to end: a trace is posted, kept, read, evaluated, and evaluated again
when its test case is saved. Real HTTP, real files, real SQLite."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracedesk.commands.common import once_quiet
from tracedesk.desk import Desk
from tracedesk.model.verdict import Outcome
from tracedesk.sketching import KEPT_FROM

Call = Callable[..., tuple[int, Any]]
Until = Callable[[Callable[[], Any]], Any]

BOOKING = {
    "spans": [
        {
            "span_id": "r",
            "name": "Booking",
            "attributes": {"gen_ai.response.text": "A table for 4 at 8pm."},
        },
        {
            "span_id": "t",
            "parent_span_id": "r",
            "name": "create_booking",
            "attributes": {
                "gen_ai.tool.name": "create_booking",
                "gen_ai.tool.call.arguments": '{"party": "4"}',
            },
        },
    ]
}

CASES = """\
cases:
  - name: books for four
    assertions:
      - target: node_call
        condition: MUST_CALL
        expected_name: create_booking
        expected_arguments: {party: %s}
"""


def save_cases(root: Path, party: str) -> None:
    (root / "testcases").mkdir(exist_ok=True)
    (root / "testcases" / "booking.yaml").write_text(CASES % party)


def outcome(desk: Desk, trace_id: str) -> Outcome | None:
    verdicts = desk.verdicts(trace_id)
    return None if verdicts is None or verdicts.pending else verdicts.outcome


def test_a_posted_trace_is_evaluated_and_again_when_its_case_is_saved(
    tmp_path: Path, open_desk: Callable[..., Desk], call: Call, until: Until
):
    save_cases(tmp_path, party="4")
    desk = open_desk()
    status, reply = call(desk, "/public/traces", BOOKING, x_request_id="chat-1")
    assert status == 201
    trace_id = reply["data"]["id"]

    until(lambda: outcome(desk, trace_id) is Outcome.FAIL)
    verdict = desk.verdicts(trace_id).cases[0].verdicts[0]  # type: ignore[union-attr]
    (difference,) = verdict.differences
    assert (difference.expected_type, difference.actual_type) == ("number", "string")
    assert {e.span for e in verdict.evidence} == {"t"}

    save_cases(tmp_path, party='"4"')
    until(lambda: outcome(desk, trace_id) is Outcome.PASS)


def test_a_trace_that_may_still_grow_is_pending_wherever_it_is_told(
    tmp_path: Path, open_desk: Callable[..., Desk], call: Call
):
    save_cases(tmp_path, party="4")
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "Desk"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    desk = open_desk(quiet_s=600.0)
    path = f"/public/traces/{call(desk, '/v1/traces', body)[1]['id']}"
    told = call(desk, path)[1]["data"]["evaluation"]
    assert told == {"verdict": "pending", "score": None, "cases": []}
    (row,) = desk.store.rows()
    assert "verdict pending" in desk.digest(row)
    desk.stop()

    desk = open_desk(quiet_s=0.0)
    assert call(desk, path)[1]["data"]["evaluation"]["verdict"] == "fail"


def test_commands_wait_for_a_trace_that_may_still_grow(
    tmp_path: Path, open_desk: Callable[..., Desk], call: Call
):
    save_cases(tmp_path, party="4")
    desk = open_desk(quiet_s=0.3)
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "Desk"}
    call(desk, "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    (row,) = desk.store.rows()
    assert 0 < desk.quiet_in_s(row) <= 0.3
    assert desk.quiet_in_s(once_quiet(desk, row)) == 0
    assert desk.describe(row)["evaluation"]["verdict"] == "fail"


def test_everything_accepted_is_there_after_a_restart(
    tmp_path: Path, open_desk: Callable[..., Desk], call: Call
):
    desk = open_desk()
    _, first = call(desk, "/public/traces", BOOKING, x_request_id="chat-1")
    _, again = call(desk, "/public/traces", BOOKING, x_request_id="chat-1")
    desk.stop()

    desk = open_desk()
    (row,) = desk.store.rows()
    assert row.id == first["data"]["id"] == again["data"]["id"]
    assert (row.external_id, row.revision) == ("chat-1", 2)
    opened = desk.load(row.id)
    assert opened is not None
    assert opened.reading.response.text == "A table for 4 at 8pm."


def test_one_trace_is_described_over_http_as_the_command_line_shows_it(
    tmp_path: Path, open_desk: Callable[..., Desk], call: Call
):
    save_cases(tmp_path, party="4")
    desk = open_desk()
    _, reply = call(desk, "/public/traces", BOOKING)
    status, document = call(desk, f"/public/traces/{reply['data']['id']}")
    found = document["data"]
    assert status == 200
    assert found["reading"]["response"]["text"] == "A table for 4 at 8pm."
    assert found["reading"]["response"]["source"]["attribute"] == "gen_ai.response.text"
    assert found["reading"]["toolCalls"][0]["arguments"] == {"party": "4"}
    assert [span["span_id"] for span in found["spans"]] == ["r", "t"]
    assert found["evaluation"]["verdict"] == "fail"
    assert found["evaluation"]["cases"][0]["assertions"][0]["stage"] == "parameters"


def test_a_second_desk_on_the_same_workspace_attaches_and_sees_what_arrives(
    open_desk: Callable[..., Desk], call: Call, until: Until
):
    first = open_desk()
    second = open_desk()
    assert (second.endpoint.state, second.endpoint.url) == ("attached", first.endpoint.url)
    before = second.revision()
    call(first, "/public/traces", BOOKING)
    until(lambda: second.revision() != before)
    assert len(second.store.rows()) == 1


def test_an_asked_for_port_that_is_taken_is_said_with_the_next_free_one(
    open_desk: Callable[..., Desk],
):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        desk = open_desk(port=port)
    assert desk.endpoint.state == "failed"
    assert f"port {port} is taken" in desk.endpoint.message
    assert "is free" in desk.endpoint.message


def test_a_case_file_that_breaks_keeps_its_last_verdicts_marked_stale(
    tmp_path: Path, open_desk: Callable[..., Desk], call: Call, until: Until
):
    save_cases(tmp_path, party='"4"')
    desk = open_desk()
    _, reply = call(desk, "/public/traces", BOOKING)
    trace_id = reply["data"]["id"]
    until(lambda: outcome(desk, trace_id) is Outcome.PASS)

    (tmp_path / "testcases" / "booking.yaml").write_text("cases:\n\t- name: x\n")
    until(lambda: desk.files and desk.files[0].diagnostics)
    (diagnostic,) = desk.files[0].diagnostics
    assert (diagnostic.code, diagnostic.line) == ("syntax", 2)
    assert desk.files[0].stale
    until(lambda: outcome(desk, trace_id) is Outcome.PASS)
    verdicts = desk.verdicts(trace_id)
    assert verdicts is not None
    assert verdicts.stale == {verdicts.cases[0].case}


@pytest.mark.parametrize("path", ["/public/traces", "/health"])
def test_a_wrong_key_is_401_even_on_loopback(open_desk: Callable[..., Desk], call: Call, path: str):
    status, reply = call(
        open_desk(), path, BOOKING if path != "/health" else None, x_api_key="mibo_no"
    )
    assert (status, reply["error"]["code"]) == (401, "UNAUTHORIZED")


def test_loopback_needs_a_key_only_where_keys_are_demanded(
    tmp_path: Path, open_desk: Callable[..., Desk], call: Call
):
    from tracedesk.endpoint.keys import create_key

    desk = open_desk()
    create_key(desk.store, "ci")
    assert call(desk, "/public/traces", BOOKING)[0] == 201
    desk.stop()

    desk = open_desk(require_key=True)
    _, secret = create_key(desk.store, "laptop")
    status, reply = call(desk, "/public/traces", BOOKING, x_api_key=secret)
    assert status == 201, reply
    status, reply = call(desk, "/public/traces", BOOKING)
    assert (status, reply["error"]["details"][0]["type"]) == (401, "MISSING_API_KEY")


def test_a_large_trace_is_sketched_from_its_index_while_it_is_decoded(
    open_desk: Callable[..., Desk], call: Call
):
    spans = [
        {"span_id": str(i), "name": f"step {i}", "parent_span_id": str((i - 1) // 3) if i else None}
        for i in range(5_000)
    ]
    spans[7]["status"] = {"code": 2}
    desk = open_desk()
    _, reply = call(desk, "/public/traces", {"spans": spans})
    trace_id = reply["data"]["id"]
    sketch = desk.sketch(trace_id)
    assert sketch is not None
    assert sketch.sketch
    opened = desk.load(trace_id)
    assert opened is not None
    for column in ("parent", "depth", "subtree_end"):
        assert getattr(sketch.tree, column) == getattr(opened.tree, column)
    facts = [
        [
            (s.span_id, s.label, s.kind, s.status, s.start_ns)
            for s in map(found.trace.spans.__getitem__, found.tree.order)
        ]
        for found in (sketch, opened)
    ]
    assert facts[0] == facts[1]
    assert desk.sketch(trace_id) is None, "decoded by now"


def test_a_tree_made_to_open_a_large_trace_is_kept_for_the_next_time(
    open_desk: Callable[..., Desk], call: Call
):
    desk = open_desk()
    spans = [{"span_id": str(i), "name": "step"} for i in range(KEPT_FROM)]
    _, reply = call(desk, "/public/traces", {"spans": spans})
    trace_id = reply["data"]["id"]
    assert desk.sketch(trace_id) is not None
    desk.stop()

    desk = open_desk()
    assert desk.store.sketches.kept(trace_id) is not None
    sketch = desk.sketch(trace_id)
    assert sketch is not None
    assert [span.span_id for span in sketch.trace.spans[:3]] == ["0", "1", "2"]


def test_a_small_trace_is_decoded_at_once(open_desk: Callable[..., Desk], call: Call):
    desk = open_desk()
    _, reply = call(desk, "/public/traces", BOOKING)
    assert desk.sketch(reply["data"]["id"]) is None
