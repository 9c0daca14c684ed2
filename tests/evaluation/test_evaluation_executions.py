"""Executions of a running evaluator: which there are, what a restart takes up, what stops it."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tracedesk import __version__
from tracedesk.evaluation import evaluator as module
from tracedesk.evaluation import pairs, recorder, run
from tracedesk.evaluation.engine import engine
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.evaluation.likeness import likeness
from tracedesk.formats.detect import read_body
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.model.execution import Execution, ExecutionKind
from tracedesk.model.reading import Call, Reading, Text
from tracedesk.model.verdict import Outcome
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.incoming import Incoming
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import CaseFile
from tracedesk.testcases.watch import Watcher

PASSIVE, EDIT, REPLAY = ExecutionKind.PASSIVE, ExecutionKind.EDIT, ExecutionKind.REPLAY
START_NS = 1_780_000_000_000_000_000


def case(name: str, tool: str, extra: str = "") -> str:
    return (
        f"  - name: {name}\n{extra}    assertions:\n"
        f"      - {{target: node_call, expected_name: {tool}}}\n"
    )


def cases(*texts: str) -> CaseFile:
    file = load_text("cases:\n" + "".join(texts), "a.yaml")
    assert not file.errors
    return file


ONE, TWO = case("one", "look_up"), case("two", "refund")


class Bench:
    """A store, and one evaluator over it at a time. ``ran`` lists the pairs it evaluated."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = Store.open(path)
        self.ran: list[tuple[str, str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.agent = LOCAL_AGENT
        self.now: Callable[[], int] = time.time_ns
        evaluate_case = pairs.evaluate_case

        def recorded(case: Any, trace: Any, *rest: Any) -> Any:
            self.begun.set()
            self.gate.wait(10)
            self.ran.append((trace.spans[0].span_id, case.name))
            return evaluate_case(case, trace, *rest)

        monkeypatch.setattr(pairs, "evaluate_case", recorded)
        self.evaluator = self.make()

    def make(self) -> Evaluator:
        agents = {LOCAL_AGENT.id: self.agent}
        return Evaluator(
            self.store, lambda: agents, quiet_s=0.05, record=True, now_ns=lambda: self.now()
        )

    def start(self, *files: CaseFile) -> None:
        self.evaluator.set_files(files)
        self.evaluator.start()

    def restart(self, *files: CaseFile) -> list[tuple[str, str]]:
        """Another evaluator over the same store; the pairs it evaluates."""
        self.evaluator.stop()
        self.ran.clear()
        self.evaluator = self.make()
        self.start(*files)
        return self.settle()

    def settle(self, *files: CaseFile) -> list[tuple[str, str]]:
        """By ``files`` when given; the pairs evaluated since the last call."""
        if files:
            self.evaluator.set_files(files)
        assert self.evaluator.settle(10, recorded=True)
        done, self.ran = self.ran, []
        return done

    def send(self, name: str, *tools: str, **fields: Any) -> str:
        metadata = fields.pop("metadata", {})
        said = {"gen_ai.response.text": "Done.", "gen_ai.prompt": " Book  a TABLE "}
        spans = [{"span_id": name, "name": "agent", "attributes": said}]
        spans += [
            {"span_id": f"{name}-{tool}", "parent_span_id": name, "name": tool,
             "attributes": {"gen_ai.tool.name": tool}}
            for tool in tools
        ]  # fmt: skip
        body = json.dumps({"spans": spans, "metadata": metadata}).encode()
        incoming = Incoming(
            trace=read_body(body).trace(),
            agent_id=LOCAL_AGENT.id,
            routed_by="test",
            body=body,
            received_ns=START_NS,
            **fields,
        )
        (receipt,) = self.store.writer.submit([incoming]).result()
        return receipt.id

    def history(self, **window: Any) -> list[Execution]:
        return list(self.store.history.executions(**window, newest_first=False))

    def outcome(self, trace: str) -> Outcome | None:
        found = self.evaluator.results(trace)
        assert found is not None
        assert not found.pending
        return found.outcome


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path / "traces.db", monkeypatch)
    yield bench
    bench.gate.set()
    bench.evaluator.stop()
    bench.store.close()


# -- which executions there are ----------------------------------------------------------


def test_a_trace_that_arrives_is_run_over_all_active_cases(bench: Bench) -> None:
    draft = case("draft", "look_up", "    status: draft\n")
    paused = case("paused", "look_up", "    status: paused\n")
    bench.start(cases(ONE, TWO, draft, paused))
    trace = bench.send("t1", "look_up", metadata={"version": "v7", "environment": "staging"})
    bench.settle()
    (found,) = bench.history()
    assert (found.trace, found.agent_id, found.revision) == (trace, LOCAL_AGENT.id, 1)
    assert (found.kind, found.engine) == (PASSIVE, engine())
    assert (found.outcome, found.score) == (Outcome.FAIL, 0.5)
    assert (found.version, found.environment) == ("v7", "staging")
    assert found.clock_ns == START_NS
    assert found.ended_ns >= found.started_ns > START_NS
    assert [(told.name, told.outcome) for told in found.cases] == [
        ("one", Outcome.PASS),
        ("two", Outcome.FAIL),
    ]
    check = found.cases[0].checks[0]
    assert (check.assertion, check.target, check.score) == ("a1", "node_call", 1.0)
    assert check.evidence[0][0] == "t1-look_up"
    assert check.reason


def test_a_replaced_trace_is_run_again_and_its_past_stays(bench: Bench) -> None:
    bench.start(cases(ONE))
    bench.send("t1", mode="replace", external_id="chat")
    bench.settle()
    bench.send("t1", "look_up", mode="replace", external_id="chat")
    bench.settle()
    assert [(e.kind, e.revision, e.outcome) for e in bench.history()] == [
        (PASSIVE, 1, Outcome.FAIL),
        (PASSIVE, 2, Outcome.PASS),
    ]


def test_a_saved_file_runs_only_what_changed(bench: Bench) -> None:
    bench.start(cases(ONE, TWO))
    bench.send("t1", "look_up")
    bench.settle()
    changed = cases(ONE, TWO.replace("refund", "look_up"))
    bench.settle(changed)
    bench.settle(cases("# moved\n", ONE, TWO.replace("refund", "look_up")))
    _, found = bench.history()
    assert (found.kind, found.outcome) == (EDIT, Outcome.PASS)
    assert [(told.name, told.digest) for told in found.cases] == [("two", changed.cases[1].digest)]


def test_without_an_active_case_a_trace_is_only_stored(bench: Bench) -> None:
    bench.start(cases(case("draft", "look_up", "    status: draft\n")))
    bench.send("t1", "look_up")
    bench.settle()
    assert bench.history() == []


def test_evidence_that_is_found_again_is_no_execution(bench: Bench) -> None:
    bench.evaluator._full = module.Newest(1)
    bench.start(cases(ONE))
    trace = bench.send("t1", "look_up")
    bench.settle()
    bench.evaluator.open(trace)
    assert bench.settle() == [("t1", "one")]
    assert len(bench.history()) == 1


def test_drafts_run_when_asked_for(bench: Bench) -> None:
    bench.start(cases(ONE, case("draft", "refund", "    status: draft\n")))
    trace = bench.send("t1", "look_up")
    bench.settle()
    found = bench.evaluator.run_case(trace, "a.yaml#draft", "a.yaml#one").result(10)
    assert (found.kind, found.outcome) == (REPLAY, Outcome.FAIL)
    assert [told.outcome for told in found.cases] == [Outcome.FAIL, Outcome.PASS]
    bench.settle()
    assert bench.history(kind=REPLAY) == [replace(found, number=2)]
    assert bench.outcome(trace) is Outcome.PASS, "a draft says nothing of the trace"


@pytest.mark.parametrize(
    ("trace", "name", "told"),
    [(None, "a.yaml#three", "no test case 'a.yaml#three'"), ("x", "a.yaml#one", "no trace 'x'")],
)
def test_what_is_not_there_cannot_run(
    bench: Bench, trace: str | None, name: str, told: str
) -> None:
    bench.start(cases(ONE))
    stored = bench.send("t1")
    bench.settle()
    with pytest.raises(LookupError, match=told):
        bench.evaluator.run_case(trace or stored, name).result(10)


def test_nobody_waits_for_a_replay_after_the_end(bench: Bench) -> None:
    bench.start(cases(ONE))
    trace = bench.send("t1")
    bench.settle()
    bench.evaluator.stop()
    assert bench.evaluator.run_case(trace, "a.yaml#one").cancelled()


def test_reasons_and_evidence_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "REASON_CHARS", 10)
    monkeypatch.setattr(recorder, "EVIDENCE_KEPT", 1)
    bench.start(cases(ONE.replace("look_up", "absent")))
    bench.send("t1", "look_up", "refund")
    bench.settle()
    (check,) = bench.history()[0].cases[0].checks
    assert len(check.reason) == 10
    assert len(check.evidence) <= 1


def test_inputs_and_behaviour_are_compared_trimmed_folded_and_collapsed() -> None:
    def reading(said: str | None, *calls: str, asked: str | None = None) -> Reading:
        found = tuple(Call(id=str(n), tool=True, label=name) for n, name in enumerate(calls))
        return Reading(input=Text(asked), response=Text(said), calls=found)

    assert (
        likeness(reading(None, asked=" Book\n a  TABLE")).input
        == likeness(reading(None, asked="book a table ")).input
    )
    assert likeness(reading(None)).input == likeness(reading(None, asked=" \n")).input == ""
    same = likeness(reading("Straße  1", "find", "book")).behaviour
    assert same == likeness(reading(" strasse 1", "find", "book")).behaviour
    for other in (reading("strasse 1", "book", "find"), reading("no", "find", "book"),
                  reading(None, "find", "book"), reading("strasse 1", "findbook")):  # fmt: skip
        assert likeness(other).behaviour != same


# -- after a restart -----------------------------------------------------------------------


def test_a_restart_evaluates_nothing_again(bench: Bench) -> None:
    bench.start(cases(ONE, TWO))
    good, bad = bench.send("t1", "look_up", "refund"), bench.send("t2", "look_up")
    bench.settle()
    assert bench.restart(cases(ONE, TWO)) == []
    assert (bench.outcome(good), bench.outcome(bad)) == (Outcome.PASS, Outcome.FAIL)
    found = bench.evaluator.results(bad)
    assert found is not None
    assert (found.brief, found.score) == (True, 0.5)
    assert (found.counts[Outcome.PASS], found.counts[Outcome.FAIL]) == (1, 1)
    assert bench.evaluator.totals() == {"pass": 1, "fail": 1}
    assert bench.evaluator.progress().pairs == 4
    assert len(bench.history()) == 2


def test_the_evidence_of_what_was_taken_up_is_found_for_the_open_trace(bench: Bench) -> None:
    bench.start(cases(ONE))
    trace = bench.send("t1", "look_up")
    bench.settle()
    bench.restart(cases(ONE))
    bench.evaluator.open(trace)
    bench.settle()
    found = bench.evaluator.results(trace)
    assert found is not None
    assert not found.brief
    assert found.cases[0].verdicts[0].evidence
    assert len(bench.history()) == 1


def test_what_changed_while_nobody_looked_is_evaluated(bench: Bench) -> None:
    bench.start(cases(ONE, TWO))
    first = bench.send("t1", "look_up", mode="replace", external_id="chat")
    bench.send("t2", "look_up")
    bench.settle()
    bench.evaluator.stop()
    bench.send("t1", "refund", mode="replace", external_id="chat")
    bench.send("t3", "look_up")
    done = bench.restart(cases(ONE, TWO.replace("refund", "look_up")))
    assert sorted(done) == [
        ("t1", "one"), ("t1", "two"), ("t2", "two"), ("t3", "one"), ("t3", "two"),
    ]  # fmt: skip
    assert bench.outcome(first) is Outcome.FAIL
    kinds = {(e.trace == first, e.kind, len(e.cases)) for e in bench.history()[2:]}
    assert kinds == {(True, PASSIVE, 2), (False, EDIT, 1), (False, PASSIVE, 2)}


def test_an_edit_that_was_undone_unseen_is_run_again_so_that_the_history_says_so(
    bench: Bench,
) -> None:
    bench.start(cases(ONE))
    trace = bench.send("t1", "look_up")
    bench.settle()
    bench.settle(cases(ONE.replace("look_up", "other")))
    assert bench.restart(cases(ONE)) == [("t1", "one")]
    assert bench.outcome(trace) is Outcome.PASS
    assert [e.outcome for e in bench.history()] == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]
    assert bench.restart(cases(ONE)) == []


@pytest.mark.parametrize("what", ["engine", "time zone"])
def test_another_engine_or_another_setting_takes_up_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    bench.start(cases(ONE))
    bench.send("t1", "look_up")
    bench.settle()
    if what == "engine":
        monkeypatch.setattr("tracedesk.evaluation.history.engine", lambda: "99")
    else:
        bench.agent = replace(LOCAL_AGENT, timezone="Asia/Tokyo")
    assert bench.restart(cases(ONE)) == [("t1", "one")]


def test_errors_are_not_taken_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pairs, "LIMIT_S", -1)
        bench.start(cases(ONE))
        trace = bench.send("t1", "look_up")
        bench.settle()
        assert bench.outcome(trace) is Outcome.ERROR
    assert bench.restart(cases(ONE)) == [("t1", "one")]
    assert bench.outcome(trace) is Outcome.PASS


def test_what_a_broken_case_said_is_taken_up_for_it_cannot_say_otherwise(bench: Bench) -> None:
    broken = load_text(
        f"cases:\n{ONE.replace('name: look_up', 'name: look_up, mode: no')}{TWO}", "a.yaml"
    )
    bench.start(broken)
    trace = bench.send("t1", "look_up", "refund")
    bench.settle()
    assert bench.outcome(trace) is Outcome.ERROR
    assert bench.restart(broken) == []
    assert bench.outcome(trace) is Outcome.ERROR
    assert len(bench.history()) == 1


def test_an_error_that_comes_again_is_no_execution(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pairs, "LIMIT_S", -1)
        bench.start(cases(ONE))
        trace = bench.send("t1", "look_up", external_id="chat", mode="replace")
        bench.settle()
        assert bench.restart(cases(ONE)) == [("t1", "one")]
        assert len(bench.history()) == 1
        bench.evaluator.stop()
        bench.send("t1", "look_up", external_id="chat", mode="replace")
        bench.restart(cases(ONE))
        assert [e.revision for e in bench.history()] == [1, 2], "of another revision it is one"
    bench.restart(cases(ONE))
    assert bench.outcome(trace) is Outcome.PASS
    newest = bench.history()[-1]
    assert (newest.kind, newest.outcome) == (PASSIVE, Outcome.PASS), "and so is what differs"


def test_a_damaged_history_only_costs_an_evaluation(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.start(cases(ONE))
    trace = bench.send("t1", "look_up")
    bench.settle()
    bench.store.writer.run(lambda db: db.execute("UPDATE execution SET cases = x'00'")).result()
    assert bench.restart(cases(ONE)) == [("t1", "one")]
    assert bench.outcome(trace) is Outcome.PASS
    assert "damaged" in caplog.text


CRASH = """
import os, sys, threading
from pathlib import Path
from tracedesk.evaluation import pairs, recorder
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.store.database import Store
from tracedesk.testcases.load import load_text

recorder.HELD_BYTES = 3_000
evaluate_case = pairs.evaluate_case
pause = threading.Event()
done = []
store = Store.open(Path(sys.argv[1]))

def counted(*arguments):
    if len(done) == 31:
        while not list(store.history.executions()):
            pause.wait(0.01)
        os._exit(9)
    done.append(pause.wait(0.003))
    return evaluate_case(*arguments)

pairs.evaluate_case = counted
evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT}, record=True)
evaluator.set_files([load_text(sys.argv[2], "a.yaml")])
evaluator.start()
evaluator.settle(30)
"""


def test_a_crash_between_two_pairs_loses_no_verdict(bench: Bench) -> None:
    """What was not written by then is evaluated again; no trace is half taken up."""
    traces = [bench.send(f"t{n}", "look_up") for n in range(20)]
    text = "cases:\n" + ONE + TWO
    path = str(bench.store.path)
    died = subprocess.run([sys.executable, "-c", CRASH, path, text], timeout=60, check=False)
    assert died.returncode == 9
    kept = {execution.trace for execution in bench.history()}
    assert 0 < len(kept) <= 15
    bench.start(cases(ONE, TWO))
    assert len(bench.settle()) == 2 * (len(traces) - len(kept))
    assert {bench.outcome(trace) for trace in traces} == {Outcome.FAIL}
    assert [len(execution.cases) for execution in bench.history()] == [2] * len(traces)


def test_advice_waits_until_the_names_in_all_traces_were_seen(bench: Bench) -> None:
    forbids = (
        "  - name: never\n    assertions:\n"
        "      - {target: node_call, expected_name: refund, condition: MUST_NOT_CALL}\n"
    )
    bench.start(cases(forbids))
    bench.send("t1", "look_up", "refund")
    bench.settle()
    assert bench.restart(cases(forbids)) == []
    assert bench.evaluator.advice() == ()
    misspelt = cases(forbids.replace("refund", "refnd"))
    bench.settle(misspelt)
    bench.restart(misspelt)
    (told,) = bench.evaluator.advice()
    assert (told.code, told.suggestion) == ("never_seen", "refund")


# -- what stops it -------------------------------------------------------------------------


def test_a_pause_ends_after_the_pair_at_hand_and_nothing_looks_green(bench: Bench) -> None:
    traces = [bench.send(f"t{n}", "look_up") for n in range(3)]
    bench.gate.clear()
    bench.start(cases(ONE, TWO))
    assert bench.begun.wait(10)
    bench.evaluator.pause()
    bench.gate.set()
    assert not bench.evaluator.settle(0.1)
    assert len(bench.ran) == 1
    assert bench.evaluator.progress().paused
    assert bench.evaluator.progress().busy
    assert bench.evaluator.totals() == {"pending": 3}
    bench.evaluator.resume()
    bench.settle()
    assert {bench.outcome(trace) for trace in traces} == {Outcome.FAIL}
    assert not bench.evaluator.progress().paused


def test_what_was_cancelled_stays_pending_until_it_is_resumed(bench: Bench) -> None:
    traces = [bench.send(f"t{n}", "look_up") for n in range(3)]
    bench.gate.clear()
    bench.start(cases(ONE))
    assert bench.begun.wait(10)
    bench.evaluator.cancel()
    bench.gate.set()
    assert len(bench.settle()) == 1
    assert not bench.evaluator.progress().busy
    assert bench.evaluator.totals() == {"pending": 3}
    bench.send("t9", "look_up")
    assert bench.settle() == [("t9", "one")], "what comes after is evaluated as ever"
    bench.evaluator.open(traces[0])
    assert bench.settle() == [("t0", "one")], "so is what is opened"
    bench.evaluator.resume()
    assert sorted(bench.settle()) == [("t1", "one"), ("t2", "one")]
    assert {bench.outcome(trace) for trace in traces} == {Outcome.PASS}


def test_a_case_that_takes_too_long_is_an_error_that_names_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "LIMIT_S", 5.0)
    clock = iter((0.0, 1.0, 6.0))
    monkeypatch.setattr(run.time, "monotonic", lambda: next(clock))
    second = "      - {target: node_call, expected_name: look_up}\n"
    file = cases(ONE + second)
    body = json.dumps({"spans": [{"span_id": "s", "name": "n"}]}).encode()
    trace = read_body(body).trace()
    found = run.evaluate_case(file.cases[0], trace, Reading(), limit_s=5.0)
    assert found.outcome is Outcome.ERROR
    assert [verdict.reason_code == "timeout" for verdict in found.verdicts] == [False, True]
    assert "the case 'one' took longer than 5 s" in found.verdicts[1].reason


def test_a_database_that_refuses_delays_the_history_and_loses_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "RETRY_S", 0.01)
    record = bench.store.writer.record_packed
    refused: list[int] = []

    def refuse_once(executions: Any) -> Any:
        if not refused:
            refused.append(len(executions))
            raise StoreError("the disk is full")
        return record(executions)

    monkeypatch.setattr(bench.store.writer, "record_packed", refuse_once)
    bench.start(cases(ONE))
    bench.send("t1", "look_up")
    bench.settle()
    assert (refused, len(bench.history())) == ([1], 1)
    assert "the disk is full" in caplog.text


def test_what_finds_no_room_is_packed_then_written_and_stays_in_its_order(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "HELD_BYTES", 5_000)  # two as they are found, eight when packed
    file = cases(ONE)
    trace = read_body(json.dumps({"spans": [{"span_id": "s", "name": "n"}]}).encode()).trace()
    result = (file.cases[0], run.evaluate_case(file.cases[0], trace, Reading()))
    traces = [bench.send(f"t{n}", "look_up") for n in range(9)]
    held = recorder.Recorder(bench.store, lambda: None)

    def find(at: int) -> None:
        found = Execution(
            trace=traces[at], agent_id="a", revision=1, kind=EDIT, started_ns=at, ended_ns=at
        )
        held.add(recorder.Ran(execution=found, results=(result,)))
        held.make_room()

    for at in range(7):
        find(at)
    held.make_room()
    bench.store.writer.run(lambda db: None).result()
    assert not held.idle
    assert bench.history() == [], "there was more urgent work, and room"
    for at in range(7, 9):
        find(at)
    held.finish()
    assert held.idle
    kept = bench.history()
    assert [each.trace for each in kept] == traces
    assert {each.cases[0].name for each in kept} == {"one"}
    assert {each.outcome for each in kept} == {result[1].outcome}


# -- bad luck ------------------------------------------------------------------------------


def test_a_case_that_is_edited_during_its_evaluation_runs_again(bench: Bench) -> None:
    trace = bench.send("t1", "look_up")
    older, newer = cases(ONE), cases(ONE.replace("look_up", "other"))
    bench.gate.clear()
    bench.start(older)
    assert bench.begun.wait(10)
    bench.evaluator.set_files([newer])
    bench.gate.set()
    bench.settle()
    assert bench.outcome(trace) is Outcome.FAIL
    assert [(e.kind, e.cases[0].digest, e.outcome) for e in bench.history()] == [
        (PASSIVE, older.cases[0].digest, Outcome.PASS),
        (EDIT, newer.cases[0].digest, Outcome.FAIL),
    ]


def test_a_trace_that_is_replaced_during_its_evaluation_never_shows_the_old_verdict(
    bench: Bench,
) -> None:
    trace = bench.send("t1", "look_up", mode="replace", external_id="chat")
    bench.gate.clear()
    bench.start(cases(ONE))
    assert bench.begun.wait(10)
    bench.send("t1", "other", mode="replace", external_id="chat")
    shown: list[tuple[int, Outcome | None]] = []
    watching = threading.Event()

    def watch() -> None:
        while not watching.is_set():
            found = bench.evaluator.results(trace)
            if found is not None and not found.pending:
                shown.append((found.revision, found.outcome))

    watcher = threading.Thread(target=watch)
    watcher.start()
    bench.gate.set()
    bench.settle()
    assert bench.outcome(trace) is Outcome.FAIL
    watching.set()
    watcher.join()
    assert set(shown) <= {(1, Outcome.PASS), (2, Outcome.FAIL)}
    assert [(e.revision, e.outcome) for e in bench.history()] == [
        (1, Outcome.PASS),
        (2, Outcome.FAIL),
    ]


def test_a_trace_that_is_replaced_while_it_is_fetched_is_taken_as_it_is_now(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is read, then it is replaced, then its bodies are read."""
    bench.send("t1", "look_up", mode="replace", external_id="chat")
    requests_many = bench.store.requests_many
    replaced: list[str] = []

    def late(ids: Any) -> Any:
        if not replaced:
            replaced.append(bench.send("t1", "other", mode="replace", external_id="chat"))
        return requests_many(ids)

    monkeypatch.setattr(bench.store, "requests_many", late)
    bench.start(cases(ONE))
    bench.settle()
    assert [(e.revision, e.outcome) for e in bench.history()] == [(2, Outcome.FAIL)]


def test_a_clock_that_jumps_back_keeps_nothing_waiting(bench: Bench) -> None:
    now = [time.time_ns()]
    bench.now = lambda: now[0]
    span = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7",
            "name": "plan", "startTimeUnixNano": str(START_NS)}  # fmt: skip
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    (resource,) = read_body(body).resources()
    (trace,) = resource.traces
    incoming = Incoming(
        trace=trace,
        agent_id=LOCAL_AGENT.id,
        routed_by="test",
        body=body,
        received_ns=now[0],
        mode="merge",
        resources=(0,),
    )
    bench.start(cases(ONE))
    (receipt,) = bench.store.writer.submit([incoming]).result()
    deadline = time.monotonic() + 10
    while bench.evaluator.results(receipt.id) is None and time.monotonic() < deadline:
        bench.evaluator.settle(0.05)
    now[0] -= 3600 * 10**9
    bench.evaluator.settle(0.05)
    now[0] += 60 * 10**6  # as long as a trace must be quiet, by the new time
    bench.settle()
    assert bench.outcome(receipt.id) is Outcome.FAIL
    (found,) = bench.history()
    assert found.ended_ns == found.started_ns == now[0]


def test_a_thousand_files_that_are_touched_at_once_run_each_pair_once(
    bench: Bench, tmp_path: Path
) -> None:
    folder = tmp_path / "testcases"
    folder.mkdir()

    def check_out(tool: str) -> None:
        for number in range(1_000):
            (folder / f"{number}.yaml").write_text("cases:\n" + case("only", tool))

    check_out("look_up")
    applied: list[int] = []
    handed = threading.Condition()

    def take(files: list[CaseFile]) -> None:
        bench.evaluator.set_files(files)
        with handed:
            applied.append(sum("refund" in file.text for file in files))
            handed.notify_all()

    trace = bench.send("t1", "look_up")
    watcher = Watcher([folder], tmp_path, take)
    watcher.start()
    try:
        assert watcher.watching.wait(30)
        bench.evaluator.start()
        assert len(bench.settle()) == 1_000
        check_out("look_up")  # touched, nothing changed
        applied.clear()
        check_out("refund")
        with handed:
            assert handed.wait_for(lambda: 1_000 in applied, 30)
        assert len(bench.settle()) == 1_000, "each pair once"
        assert bench.outcome(trace) is Outcome.FAIL
        assert len(applied) < 100
    finally:
        watcher.stop()


def test_a_workspace_that_is_deleted_under_a_running_desk_is_said_and_ends_well(
    tmp_path: Path, open_desk: Callable[..., Any], call: Callable[..., Any]
) -> None:
    root = tmp_path / "workspace"
    (root / "testcases").mkdir(parents=True)
    (root / "testcases" / "a.yaml").write_text("cases:\n" + ONE)
    desk = open_desk(root)
    body = {"spans": [{"span_id": "s", "name": "n"}]}
    assert call(desk, "/public/traces", body)[0] == 201
    shutil.rmtree(root)
    status, reply = call(desk, "/public/traces", body)
    assert status == 503
    assert "was deleted or moved while it was open" in reply["error"]["message"]
    assert desk.progress() is not None
    desk.stop()


def test_an_engine_is_known_by_its_version_and_its_code():
    assert engine() == engine()
    version, digest = engine().split("+")
    assert version == __version__
    assert len(digest) == 12
