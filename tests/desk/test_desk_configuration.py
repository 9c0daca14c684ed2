"""A saved ``tracedesk.toml`` applies to the running desk: agents, paths, rules of reading."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Until = Callable[[Callable[[], Any]], Any]
Call = Callable[..., tuple[int, Any]]

ACME = {"spans": [{"span_id": "r", "name": "Acme", "attributes": {"acme.answer": "forty-two"}}]}


def response(desk: Any, trace_id: str) -> str | None:
    opened = desk.load(trace_id)
    return opened.reading.response.text if opened else None


def test_a_mapping_that_is_saved_reads_stored_traces_again(
    tmp_path: Path, open_desk: Callable[..., Any], call: Call, until: Until
):
    desk = open_desk()
    _, reply = call(desk, "/public/traces", ACME)
    trace_id = reply["data"]["id"]
    assert response(desk, trace_id) is None
    until(lambda: desk.store.row(trace_id).read_revision == 1)

    (tmp_path / "tracedesk.toml").write_text('[reading.map]\n"acme.answer" = "response"\n')
    until(lambda: response(desk, trace_id) == "forty-two")
    until(lambda: desk.store.row(trace_id).response == "forty-two")
    _, described = call(desk, f"/public/traces/{trace_id}")
    assert described["data"]["reading"]["response"]["source"]["attribute"] == "acme.answer"


def test_rules_that_changed_while_no_desk_ran_apply_at_the_next_start(
    tmp_path: Path, open_desk: Callable[..., Any], call: Call, until: Until
):
    desk = open_desk()
    _, reply = call(desk, "/public/traces", ACME)
    trace_id = reply["data"]["id"]
    until(lambda: desk.store.row(trace_id).read_revision == 1)
    desk.stop()

    (tmp_path / "tracedesk.toml").write_text('[reading.map]\n"acme.answer" = "response"\n')
    desk = open_desk()
    until(lambda: desk.store.row(trace_id).response == "forty-two")


def test_a_broken_file_is_said_and_changes_nothing(
    tmp_path: Path, open_desk: Callable[..., Any], call: Call, until: Until
):
    desk = open_desk()
    before = desk.workspace
    (tmp_path / "tracedesk.toml").write_text('[reading.map]\n"acme.answer" = "respnse"\n')
    until(lambda: "did you mean 'response'?" in desk.activity)
    assert desk.workspace is before
    assert call(desk, "/public/traces", ACME)[0] == 201


def test_new_agents_receive_at_once(
    tmp_path: Path, open_desk: Callable[..., Any], call: Call, until: Until
):
    desk = open_desk()
    (tmp_path / "tracedesk.toml").write_text(
        '[[agents]]\nname = "booking"\nid = "550e8400-e29b-41d4-a716-446655440000"\n'
    )
    until(lambda: desk.workspace.agent("booking"))
    _, reply = call(desk, "/public/traces", ACME)
    assert reply["data"]["platformId"] == "550e8400-e29b-41d4-a716-446655440000"


def test_evaluation_that_was_paused_stays_so_when_the_configuration_is_saved(
    tmp_path: Path, open_desk: Callable[..., Any], until: Until
):
    desk = open_desk()
    until(lambda: desk.progress() is not None)
    before = desk._evaluator
    assert desk.hold_evaluation()
    (tmp_path / "tracedesk.toml").write_text('[[agents]]\nname = "kiosk"\n')
    until(lambda: desk._evaluator is not before)
    until(lambda: desk.progress().paused)
    assert not desk.hold_evaluation(), "one more press goes on"
    until(lambda: not desk.progress().paused)
