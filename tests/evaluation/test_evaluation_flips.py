"""What the last edit of a case file turned over, noted while the evaluator goes along."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracedesk.evaluation import flips
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.formats.detect import read_body
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.store.database import Store
from tracedesk.store.incoming import Incoming
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import CaseFile

CASE = "  - name: {name}\n    assertions:\n      - {{target: node_call, expected_name: {tool}}}\n"


def case_file(path: str = "testcases/a.yaml", **tools: str) -> CaseFile:
    """A case a keyword: its name, and the tool that must have been called."""
    cases = "".join(CASE.format(name=name, tool=tool) for name, tool in tools.items())
    return load_text(f"cases:\n{cases}", path)


class Bench:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})

    def send(self, *tools: str) -> str:
        spans = [
            {"span_id": tool, "name": tool, "attributes": {"gen_ai.tool.name": tool}}
            for tool in tools
        ]
        body = json.dumps({"spans": spans}).encode()
        incoming = Incoming(
            trace=read_body(body).trace(),
            agent_id=LOCAL_AGENT.id,
            routed_by="test",
            body=body,
            received_ns=time.time_ns(),
        )
        (receipt,) = self.store.writer.submit([incoming]).result()
        return receipt.id

    def save(self, *files: CaseFile) -> flips.Edit | None:
        self.evaluator.set_files(files)
        assert self.evaluator.settle(10)
        return self.evaluator.last_edit()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store.open(tmp_path / "traces.db") as store:
        bench = Bench(store)
        bench.evaluator.start()
        yield bench
        bench.evaluator.stop()


def test_the_first_files_are_no_edit(bench: Bench) -> None:
    bench.send("look_up")
    assert bench.save(case_file(x="look_up")) is None


def test_an_edit_counts_what_it_turned_over(bench: Bench) -> None:
    looked, booked = bench.send("look_up"), bench.send("book")
    bench.save(case_file(x="look_up", y="look_up"))
    edit = bench.save(case_file(x="book", y="look_up"))
    assert edit is not None
    assert str(edit) == "edited a.yaml: 1 pass→fail, 1 fail→pass"
    assert [(f.trace, f.name, f.kind, f.line) for f in edit.listed] == [
        (looked, "x", "pass→fail", 2), (booked, "x", "fail→pass", 2),
    ]  # fmt: skip


def test_undoing_an_edit_turns_it_back(bench: Bench) -> None:
    bench.send("look_up")
    bench.save(case_file(x="look_up"))
    bench.save(case_file(x="book"))
    assert str(bench.save(case_file(x="look_up"))) == "edited a.yaml: 1 fail→pass"


def test_an_edit_that_turns_nothing_over_says_nothing(bench: Bench) -> None:
    bench.send("look_up")
    bench.save(case_file(x="look_up"))
    edit = bench.save(case_file(x="look_up", y="book"))
    assert edit is not None, "a new case has no earlier word"
    assert (str(edit), edit.total, edit.listed) == ("", 0, ())


def test_saving_the_same_text_is_no_edit(bench: Bench) -> None:
    bench.send("look_up")
    bench.save(case_file(x="look_up"))
    before = bench.save(case_file(x="book"))
    assert bench.save(case_file(x="book")) == before


def test_traces_that_arrive_and_traces_that_are_replaced_are_no_flips(bench: Bench) -> None:
    bench.send("look_up")
    bench.save(case_file(x="look_up"))
    bench.save(case_file(x="book"))
    bench.send("book")
    assert bench.evaluator.settle(10)
    edit = bench.evaluator.last_edit()
    assert edit is not None
    assert edit.counts == (("pass→fail", 1),)


def test_a_case_that_breaks_is_a_pass_lost_to_an_error(bench: Bench) -> None:
    bench.send("look_up")
    bench.save(case_file(x="look_up"))
    broken = load_text("cases:\n" + CASE.format(name="x", tool="{}"), "testcases/a.yaml")
    assert str(bench.save(broken)) == "edited a.yaml: 1 pass→error"


def test_what_is_listed_is_bounded_and_what_is_counted_is_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flips, "LISTED", 2)
    for _ in range(3):
        bench.send("look_up")
    bench.save(case_file(x="look_up"))
    edit = bench.save(case_file(x="book"))
    assert edit is not None
    assert (edit.total, len(edit.listed)) == (3, 2)


def test_several_files_are_named_briefly(bench: Bench) -> None:
    bench.send("look_up")
    paths: list[Callable[[str], CaseFile]] = [
        lambda tool, path=path: case_file(f"testcases/{path}.yaml", **{path: tool})  # type: ignore[misc]
        for path in "abc"
    ]
    bench.save(*(make("look_up") for make in paths))
    edit = bench.save(*(make("book") for make in paths))
    assert str(edit) == "edited a.yaml, b.yaml and 1 more: 3 pass→fail"
