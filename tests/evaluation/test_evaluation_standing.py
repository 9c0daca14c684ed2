"""What other files make due: of the traces on screen at once, of all others bit by bit."""

from typing import Any

import pytest

from tracedesk.evaluation import standing as module
from tracedesk.evaluation.memo import Pair
from tracedesk.evaluation.progress import Run
from tracedesk.evaluation.standing import Standing
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.model.verdict import Outcome
from tracedesk.store.rows import TraceRow
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import CaseFile


def cases(tool: str) -> CaseFile:
    text = "cases: [{name: one, assertions: [{target: node_call, expected_name: %s}]}]"
    return load_text(text % tool, "a.yaml")


def row(number: int) -> TraceRow:
    fields: dict[str, Any] = {
        "number": number, "id": f"00000000-0000-4000-8000-{number:012x}", "sequence": number,
        "agent_id": LOCAL_AGENT.id, "name": "t", "format": "canonical", "routed_by": "default",
        "revision": 1, "span_count": 1, "error_count": 0, "received_ns": 1, "updated_ns": 1,
        "read_revision": 1,
    }  # fmt: skip
    return TraceRow(**fields)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Standing:
    """Ten traces that passed by one file, looked at three at a time when another applies."""
    monkeypatch.setattr(module, "CONSIDERED", 3)
    standing = Standing(lambda: {LOCAL_AGENT.id: LOCAL_AGENT}, Run(), 0, lambda: 1)
    standing.apply((cases("book"),), (), newest=9)
    standing.go_on()
    passed = (Pair(Outcome.PASS, 1.0, (1, 0, 0, 0, 0)),)
    plan = standing.plan(LOCAL_AGENT.id)
    for number in range(1, 11):
        standing.take_row(row(number), standing.shared(plan, 1, passed))
    assert standing.counts.copy() == {"pass": 10}
    assert not standing.schedule
    return standing


def test_the_traces_on_screen_are_due_before_the_others_are_looked_at(standing: Standing) -> None:
    standing.apply((cases("cancel"),), (row(4).id, row(2).id, "never stored"), newest=9)
    assert [e.number for e in iter(lambda: standing.schedule.take(1), None)] == [4, 2]
    assert standing.counts.copy() == {"pass": 8, "pending": 2}
    turns = 0
    while standing.behind is not None:
        standing.go_on()
        turns += 1
    assert turns == 4
    assert standing.counts.copy() == {"pending": 10}
    assert len(standing.schedule) == 10, "found or not, whoever takes them sees what is known"


def test_cancelled_work_is_pending_even_where_nobody_had_looked(standing: Standing) -> None:
    standing.apply((cases("cancel"),), (row(4).id,), newest=9)
    standing.cancel()
    assert standing.counts.copy() == {"pending": 10}
    assert not standing.schedule
    assert standing.behind is None


def test_newer_files_begin_anew_and_deleted_traces_are_left_out(standing: Standing) -> None:
    standing.apply((cases("cancel"),), (), newest=9)
    standing.go_on()
    standing.apply((cases("book"),), (), newest=9)
    standing.forget(standing.entries[row(9).id])
    while standing.behind is not None:
        standing.go_on()
    assert standing.counts.copy() == {"pass": 9}, "the first file's results still hold"
