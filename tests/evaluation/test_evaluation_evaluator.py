"""The background evaluator over a real store: what runs again, in which order, what is shown."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tracedesk.evaluation import evaluator as module
from tracedesk.evaluation import pairs
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.evaluation.run import TraceVerdicts
from tracedesk.evaluation.showing import Showing
from tracedesk.formats.detect import read_body
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.model.verdict import Outcome
from tracedesk.store.database import Store
from tracedesk.store.incoming import Incoming
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import CaseFile

OTHER = Agent(id="11111111-1111-4111-8111-111111111111", name="other")
AGENTS = {LOCAL_AGENT.id: LOCAL_AGENT, OTHER.id: OTHER}


def case_text(name: str, tool: str, extra: str = "") -> str:
    return (
        f"  - name: {name}\n{extra}    assertions:\n"
        f"      - {{target: node_call, expected_name: {tool}}}\n"
    )


def case_file(*cases: str, name: str = "a.yaml") -> CaseFile:
    file = load_text("cases:\n" + "".join(cases), name)
    assert not file.errors
    return file


class Bench:
    """A store, an evaluator over it, and a record of the pairs that were evaluated."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = Store.open(path)
        self.evaluated: list[tuple[str, str]] = []
        self.gate = threading.Event()
        self.gate.set()
        evaluate_case = pairs.evaluate_case

        def recorded(case: Any, trace: Any, *rest: Any) -> Any:
            self.gate.wait(10)
            self.evaluated.append((trace.spans[0].span_id, case.name))
            return evaluate_case(case, trace, *rest)

        monkeypatch.setattr(pairs, "evaluate_case", recorded)
        self.showing: Showing | None = None
        self.evaluator = Evaluator(
            self.store, lambda: AGENTS, quiet_s=0.05, showing=lambda: self.showing
        )

    def send(self, name: str, *tools: str, agent: Agent = LOCAL_AGENT, **fields: Any) -> str:
        spans = [{"span_id": name, "name": "agent", "attributes": {"gen_ai.response.text": name}}]
        spans += [
            {
                "span_id": f"{name}-{tool}",
                "parent_span_id": name,
                "name": tool,
                "attributes": {"gen_ai.tool.name": tool},
            }
            for tool in tools
        ]
        return self.receive(json.dumps({"spans": spans}).encode(), agent, **fields)

    def receive(self, body: bytes, agent: Agent = LOCAL_AGENT, **fields: Any) -> str:
        envelope = read_body(body)
        if envelope.shape == "otlp":
            (resource,) = envelope.resources()
            (trace,) = resource.traces
            fields |= {"mode": "merge", "resources": (0,)}
        else:
            trace = envelope.trace()
        incoming = Incoming(
            trace=trace,
            agent_id=agent.id,
            routed_by="test",
            body=body,
            received_ns=time.time_ns(),
            **fields,
        )
        (receipt,) = self.store.writer.submit([incoming]).result()
        return receipt.id

    def settle(self, *files: CaseFile) -> list[tuple[str, str]]:
        """Evaluate by ``files`` when given; the pairs evaluated since the last call."""
        if files:
            self.evaluator.set_files(files)
        assert self.evaluator.settle(10)
        done, self.evaluated = self.evaluated, []
        return done

    def results(self, trace_id: str) -> TraceVerdicts:
        found = self.evaluator.results(trace_id)
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path / "traces.db", monkeypatch)
    bench.evaluator.start()
    yield bench
    bench.gate.set()
    bench.evaluator.stop()
    bench.store.close()


ONE = case_text("one", "look_up")
TWO = case_text("two", "refund")


def test_every_case_on_every_trace(bench: Bench) -> None:
    good, bad = bench.send("t1", "look_up", "refund"), bench.send("t2", "look_up")
    done = bench.settle(case_file(ONE, TWO))
    assert sorted(done) == [("t1", "one"), ("t1", "two"), ("t2", "one"), ("t2", "two")]
    assert bench.results(good).outcome is Outcome.PASS
    assert bench.results(bad).outcome is Outcome.FAIL
    assert bench.results(bad).counts[Outcome.PASS] == 1
    assert [v.outcome for v in bench.results(bad).cases] == [Outcome.PASS, Outcome.FAIL]
    assert bench.evaluator.totals() == {"pass": 1, "fail": 1}
    assert bench.evaluator.progress().last_count == 4
    assert bench.evaluator.progress().pairs == 4


def test_what_a_save_ran_is_counted_though_nothing_is_on_the_screen(bench: Bench) -> None:
    for name in ("t1", "t2"):
        bench.send(name, "look_up")
    bench.settle()
    bench.settle(case_file(ONE, TWO))
    assert bench.evaluator.progress().last_count == 4


def test_a_trace_that_comes_after_a_save_is_not_told_as_what_the_save_ran(bench: Bench) -> None:
    bench.send("t1", "look_up")
    bench.settle(case_file(ONE))
    bench.settle(case_file(ONE, TWO))
    after_the_save = bench.evaluator.progress()
    assert (after_the_save.last_count, after_the_save.pairs) == (1, 2)
    bench.send("t2", "look_up")
    assert len(bench.settle()) == 2
    later = bench.evaluator.progress()
    assert (later.last_count, later.last_ms) == (1, after_the_save.last_ms)
    assert later.pairs == 4
    bench.settle(case_file(ONE, "  # said otherwise\n", TWO))
    assert bench.evaluator.progress().last_count == 0, "a save that changes nothing runs nothing"


def test_only_what_changed_runs_again(bench: Bench) -> None:
    trace = bench.send("t1", "look_up")
    bench.settle(case_file(ONE, TWO))
    changed = case_file(ONE, TWO.replace("refund", "look_up"))
    assert bench.settle(changed) == [("t1", "two")]
    assert bench.results(trace).outcome is Outcome.PASS
    assert bench.settle(changed) == []
    bench.send("t2", "look_up")
    assert sorted(bench.settle()) == [("t2", "one"), ("t2", "two")]


def test_a_case_that_moved_keeps_its_result_at_its_new_line(bench: Bench) -> None:
    trace = bench.send("t1", "look_up")
    bench.settle(case_file(ONE, TWO))
    assert bench.settle(case_file("# a comment\n\n", ONE, TWO)) == []
    found = bench.results(trace).cases[0]
    assert (found.line, found.verdicts[0].line) == (4, 6)


def test_a_removed_case_is_gone_and_an_undone_removal_costs_nothing(bench: Bench) -> None:
    trace = bench.send("t1", "look_up")
    bench.settle(case_file(ONE, TWO))
    assert bench.settle(case_file(ONE)) == []
    assert bench.results(trace).outcome is Outcome.PASS
    assert bench.evaluator.totals() == {"pass": 1}
    assert bench.settle(case_file(ONE, TWO)) == []
    assert bench.results(trace).outcome is Outcome.FAIL


def test_one_changed_assertion_of_a_case_leaves_the_others_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracedesk.evaluation import run

    decided: list[str] = []
    evaluate = run.evaluate

    def recorded(assertion: Any, *rest: Any) -> Any:
        decided.append(assertion.id)
        return evaluate(assertion, *rest)

    monkeypatch.setattr(run, "evaluate", recorded)
    second = "      - {target: node_call, expected_name: other}\n"
    bench.send("t1", "look_up")
    bench.settle(case_file(ONE + second))
    assert decided == ["a1", "a2"]
    bench.settle(case_file(ONE + second.replace("other", "another")))
    assert decided == ["a1", "a2", "a2"]


def test_cases_of_another_agent_and_inactive_ones_do_not_run(bench: Bench) -> None:
    mine, others = bench.send("t1", "look_up"), bench.send("t2", "look_up", agent=OTHER)
    file = case_file(
        case_text("local only", "look_up", "    agent: local\n"),
        case_text("draft", "look_up", "    status: draft\n"),
    )
    assert bench.settle(file) == [("t1", "local only")]
    assert bench.results(mine).outcome is Outcome.PASS
    assert bench.results(others).outcome is None
    assert not bench.results(others).pending
    assert bench.evaluator.totals() == {"pass": 1, "none": 1}


def test_a_replaced_trace_is_evaluated_again(bench: Bench) -> None:
    trace = bench.send("t1", mode="replace", external_id="chat-1")
    bench.settle(case_file(ONE))
    assert bench.results(trace).outcome is Outcome.FAIL
    assert bench.send("t1", "look_up", mode="replace", external_id="chat-1") == trace
    assert bench.settle() == [("t1", "one")]
    assert (bench.results(trace).outcome, bench.results(trace).revision) == (Outcome.PASS, 2)


def test_the_open_trace_comes_first_then_the_screen_then_the_newest(bench: Bench) -> None:
    ids = [bench.send(f"t{n}", "look_up") for n in range(6)]
    bench.settle()
    bench.gate.clear()
    bench.evaluator.set_files([case_file(case_text("first", "x"))])  # held at its first pair
    bench.evaluator.on_screen([ids[1], ids[2]])
    bench.evaluator.open(ids[0])
    bench.evaluator.set_files([case_file(ONE)])
    bench.gate.set()
    done = [trace for trace, case in bench.settle() if case == "one"]
    assert done == ["t0", "t1", "t2", "t5", "t4", "t3"]


def otlp(span_id: str, tool: str) -> bytes:
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": span_id,
        "name": tool,
        "startTimeUnixNano": "1780000000000000000",
        "endTimeUnixNano": "1780000001000000000",
        "attributes": [{"key": "gen_ai.tool.name", "value": {"stringValue": tool}}],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_an_otlp_trace_is_pending_until_quiet_and_evaluated_again_when_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Callable[..., Any]
) -> None:
    bench = Bench(tmp_path / "quiet.db", monkeypatch)
    now = [time.time_ns()]
    bench.evaluator = Evaluator(bench.store, lambda: AGENTS, quiet_s=3600, now_ns=lambda: now[0])
    bench.evaluator.set_files([case_file(ONE)])
    bench.evaluator.start()
    try:
        trace = bench.receive(otlp("00f067aa0ba902b7", "plan"))
        found = until(lambda: bench.evaluator.results(trace))
        assert (found.pending, found.outcome) == (True, None)
        assert bench.evaluator.totals() == {"pending": 1}
        assert bench.evaluated == []
        now[0] += 7200 * 10**9
        assert bench.evaluator.settle(10)
        assert bench.results(trace).outcome is Outcome.FAIL
        now[0] = time.time_ns()
        assert bench.receive(otlp("00f067aa0ba902b8", "look_up")) == trace
        until(lambda: bench.results(trace).pending)
        now[0] += 7200 * 10**9
        assert bench.evaluator.settle(10)
        assert bench.results(trace).outcome is Outcome.PASS
        assert not bench.results(trace).pending
    finally:
        bench.evaluator.stop()
        bench.store.close()


def test_cases_of_a_broken_file_stay_and_are_stale(bench: Bench) -> None:
    trace = bench.send("t1", "look_up")
    file = case_file(ONE)
    bench.settle(file)
    assert bench.settle(replace(file, stale=True, failed=True)) == []
    found = bench.results(trace)
    assert (found.outcome, found.stale) == (Outcome.PASS, frozenset({"a.yaml#one"}))


def test_between_save_and_verdict_the_old_result_is_stale_and_pending(bench: Bench) -> None:
    trace = bench.send("t1", "look_up")
    bench.settle(case_file(ONE))
    bench.gate.clear()
    bench.evaluator.set_files([case_file(ONE.replace("look_up", "other"))])
    found = bench.results(trace)
    assert found.pending
    bench.gate.set()
    bench.settle()
    found = bench.results(trace)
    assert (found.pending, found.stale, found.outcome) == (False, frozenset(), Outcome.FAIL)


def test_what_was_read_is_written_back_for_the_list(
    bench: Bench, until: Callable[..., Any]
) -> None:
    trace = bench.send("hello", "look_up")
    bench.settle()

    def read() -> bool:
        row = bench.store.row(trace)
        return row is not None and row.read_revision == 1

    until(read)
    row = bench.store.row(trace)
    assert row is not None
    assert (row.status, row.response) == ("completed", "hello")


def test_evidence_that_was_let_go_is_found_again_for_the_open_trace(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.evaluator._full = module.Newest(1)
    trace = bench.send("t1", "look_up")
    bench.settle(case_file(ONE))
    found = bench.results(trace)
    assert (found.brief, found.outcome, found.counts[Outcome.PASS]) == (True, Outcome.PASS, 1)
    assert found.cases[0].verdicts == ()
    bench.evaluator.open(trace)
    bench.settle()
    found = bench.results(trace)
    assert not found.brief
    assert found.cases[0].verdicts[0].evidence


def test_a_deleted_trace_is_forgotten(bench: Bench, until: Callable[..., Any]) -> None:
    from tracedesk.store.removal import delete_traces

    trace = bench.send("t1", "look_up")
    bench.settle(case_file(ONE))
    bench.store.writer.run(lambda connection: delete_traces(connection, [1])).result()
    until(lambda: bench.evaluator.results(trace) is None)
    assert bench.evaluator.totals() == {}
    assert bench.evaluator.progress().pairs == 0


def test_one_pair_that_fails_unexpectedly_is_an_error_and_the_rest_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    evaluate_case = pairs.evaluate_case

    def broken(case: Any, *rest: Any) -> Any:
        if case.name == "one":
            raise ZeroDivisionError("oh")
        return evaluate_case(case, *rest)

    monkeypatch.setattr(pairs, "evaluate_case", broken)
    trace = bench.send("t1", "refund")
    bench.settle(case_file(ONE, TWO))
    found = bench.results(trace)
    assert [case.outcome for case in found.cases] == [Outcome.ERROR, Outcome.PASS]
    assert "ZeroDivisionError" in found.cases[0].reason
    assert "could not be evaluated" in caplog.text


def test_a_body_that_no_longer_reads_is_a_warning(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracedesk.evaluation import load

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(load, "assemble", broken)
    trace = bench.send("t1", "look_up")
    row = bench.store.row(trace)
    assert row is not None
    found = load.load_trace(bench.store, row, LOCAL_AGENT)
    assert [warning.code for warning in found.trace.warnings] == ["unreadable_body"]
    assert found.reading.response.text is None


def test_version_grows_with_results_and_rests_without(bench: Bench) -> None:
    bench.send("t1", "look_up")
    bench.settle(case_file(ONE))
    version = bench.evaluator.version()
    bench.settle()
    assert bench.evaluator.version() == version
    bench.send("t2", "look_up")
    bench.settle()
    assert bench.evaluator.version() > version


def test_it_can_be_stopped_at_any_time(tmp_path: Path) -> None:
    with Store.open(tmp_path / "t.db") as store:
        evaluator = Evaluator(store, lambda: AGENTS)
        evaluator.stop()
        evaluator = Evaluator(store, lambda: AGENTS)
        evaluator.start()
        evaluator.stop()
        evaluator.stop()


class Screen:
    """Shows the open trace: what it heard of it, and what had been evaluated by then."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.heard: list[tuple[str, Outcome | None, bool, int]] = []
        bench.showing = self.showing = Showing(self.hear)

    def hear(self, trace_id: str) -> None:
        found = self.bench.results(trace_id)
        seen = (trace_id, found.outcome, found.pending, len(self.bench.evaluated))
        self.heard.append(seen)
        self.showing.painted()


def test_the_screen_hears_of_the_open_trace_before_any_other_is_evaluated(bench: Bench) -> None:
    opened, *_ = [bench.send(f"t{n}", "look_up") for n in range(20)]
    bench.settle(case_file(ONE))
    bench.evaluator.open(opened)
    bench.settle()
    screen = Screen(bench)
    assert len(bench.settle(case_file(case_text("one", "refund")))) == 20
    assert screen.heard == [(opened, Outcome.FAIL, False, 1)]


def test_the_screen_hears_that_a_case_of_the_open_trace_is_gone(bench: Bench) -> None:
    opened = bench.send("t1", "look_up")
    bench.settle(case_file(ONE, TWO))
    bench.evaluator.open(opened)
    bench.settle()
    screen = Screen(bench)
    assert bench.settle(case_file(ONE)) == []
    assert screen.heard == [(opened, Outcome.PASS, False, 0)]


def test_a_screen_that_paints_nothing_holds_nothing_up(bench: Bench) -> None:
    traces = [bench.send(f"t{n}", "look_up") for n in range(3)]
    bench.settle(case_file(ONE))
    bench.evaluator.open(traces[0])
    bench.settle()
    bench.showing = Showing(lambda _: None)
    bench.settle(case_file(TWO))
    assert all(bench.results(trace).outcome is Outcome.FAIL for trace in traces)
