"""A desk counts what it took in and refused, keeps within its limits, and shows what a trace
was before it was replaced."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracedesk.store.ledger import Counts

Open = Callable[..., Any]
Call = Callable[..., tuple[int, Any]]
Until = Callable[[Callable[[], Any]], Any]


def spans(name: str) -> dict[str, Any]:
    return {"spans": [{"span_id": "r", "name": name}]}


def test_counts_are_of_this_desk_and_the_ledger_is_of_all(
    tmp_path: Path, open_desk: Open, call: Call, until: Until
):
    earlier = open_desk()
    call(earlier, "/public/traces", spans("yesterday"))
    earlier.stop()
    desk = open_desk()
    call(desk, "/public/traces", spans("today"))
    call(desk, "/public/traces", b"{")
    until(lambda: desk.counts().refused)
    assert desk.counts() == Counts(received=1, refused=1)
    assert desk.ledger().total("accepted") == 2
    call(desk, "/public/traces", b"[]")
    desk.stop()
    assert desk.counts() == Counts(received=1, refused=2), "the last refusal is not lost"


def test_counts_in_words():
    assert Counts().words() == "0 received"
    assert Counts(1204, 3, 2).words() == "1,204 received, 3 refused, 2 spans or records dropped"


def test_limits_hold_from_the_start(tmp_path: Path, open_desk: Open, call: Call, until: Until):
    desk = open_desk()
    for number in range(5):
        call(desk, "/public/traces", spans(f"trace {number}"))
    desk.stop()
    (tmp_path / "tracedesk.toml").write_text("[retention]\ntraces = 2\n")
    desk = open_desk()
    until(lambda: desk.store.count() == 2)
    assert [row.name for row in desk.store.rows()] == ["trace 4", "trace 3"]
    until(lambda: sum(desk.totals().values()) == 2)


def test_saved_limits_apply_at_once(tmp_path: Path, open_desk: Open, call: Call, until: Until):
    desk = open_desk()
    for number in range(3):
        call(desk, "/public/traces", spans(f"trace {number}"))
    (tmp_path / "tracedesk.toml").write_text("[retention]\ntraces = 1\n")
    until(lambda: desk.store.count() == 1)
    assert desk.ledger().kept == 1


def test_only_the_desk_that_owns_the_endpoint_removes(tmp_path: Path, open_desk: Open, call: Call):
    (tmp_path / "tracedesk.toml").write_text("[retention]\ntraces = 100\n")
    owner, second = open_desk(), open_desk()
    assert (owner.endpoint.state, second.endpoint.state) == ("listening", "attached")
    assert owner._keeper is not None
    assert second._keeper is None
    call(second, "/public/traces", spans("sent to the one that listens"))
    assert second.store.count() == owner.store.count() == 1


def test_an_earlier_revision_is_read_and_judged_as_it_was(
    tmp_path: Path, open_desk: Open, call: Call
):
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "a.yaml").write_text(
        "cases: [{name: a, assertions: [{target: response_regex, pattern: first}]}]"
    )
    desk = open_desk()
    for answer in ("the first", "the second"):
        span = {"span_id": "r", "name": "R", "attributes": {"gen_ai.response.text": answer}}
        _, reply = call(desk, "/public/traces", {"spans": [span]}, x_request_id="chat")
    row = desk.store.row(reply["data"]["id"])
    first = desk.load_revision(row, 1)
    assert first.reading.response.text == "the first"
    assert desk.document(first)["evaluation"]["verdict"] == "pass"
    assert desk.load_revision(row, 2).reading.response.text == "the second"
    assert desk.describe(row)["evaluation"]["verdict"] == "fail"
    assert desk.load_revision(row, 3) is None
