"""The demo: its workspace, and the samples really posted to its own endpoint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracedesk.commands.demo import fill, lay_out, sample_requests, samples_folder
from tracedesk.model.verdict import Outcome


def test_the_samples_are_posted_with_progress_and_evaluated(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    until: Callable[[Callable[[], Any]], Any],
    monkeypatch: Any,
):
    lay_out(tmp_path)
    desk = open_desk()
    said: list[str] = []
    monkeypatch.setattr(desk, "say", said.append)
    fill(desk)
    assert said[0].startswith("sending samples 1 of ")
    assert said[-1] == ""
    rows = desk.store.rows(limit=100)
    assert len(rows) >= 10
    assert any(row.span_count >= 1000 for row in rows)
    verdicts = [until(lambda row=row: settled(desk, row.id)) for row in rows]
    seen = {verdict.outcome for verdict in verdicts}
    assert seen >= {Outcome.PASS, Outcome.FAIL, Outcome.MISSING}


def settled(desk: Any, trace_id: str) -> Any:
    verdicts = desk.verdicts(trace_id)
    return verdicts if verdicts is not None and not verdicts.pending else None


def test_every_test_case_file_of_the_samples_is_copied(tmp_path: Path):
    lay_out(tmp_path)
    copied = {path.name for path in (tmp_path / "testcases").iterdir()}
    assert copied == {path.name for path in (samples_folder() / "testcases").iterdir()}


def test_where_keys_are_demanded_the_demo_makes_its_own(open_desk: Callable[..., Any]):
    desk = open_desk(require_key=True)
    fill(desk)
    assert desk.activity == ""
    assert desk.store.count() >= 10


def test_an_endpoint_that_is_not_there_is_said_in_the_header(open_desk: Callable[..., Any]):
    desk = open_desk()
    second = open_desk()
    second.endpoint = type(second.endpoint)("failed", message="no port")
    fill(second)
    assert second.activity == "samples not sent: no port"
    assert desk.activity == ""


def test_no_saved_header_speaks_of_bytes_that_are_no_longer_sent():
    for request in sample_requests():
        assert not {name.lower() for name in request.headers} & {
            *("host", "connection", "content-length", "transfer-encoding", "content-encoding"),
            "x-api-key",
        }
