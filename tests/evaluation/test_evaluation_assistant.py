"""The second process: what it finds is what one process would have found, whatever becomes of
it meanwhile."""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tracedesk.evaluation import assistant as module
from tracedesk.evaluation.assistant import Assistant
from tracedesk.evaluation.assisting import Asked, Beginning, Done, Job, Work
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.evaluation.memo import Entry, code_of
from tracedesk.evaluation.schedule import Schedule
from tracedesk.formats.detect import read_body
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.store.database import Store
from tracedesk.store.incoming import Incoming
from tracedesk.store.packing import decode_packed
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import CaseFile

TRACES = 60
BEGINNING = Beginning(
    engine="any", database="", roles=(), regex_timeout_s=0.25, prices={}, identity="",
    cautions_as_missing=(),
)  # fmt: skip


def body(number: int) -> bytes:
    tool = {"gen_ai.tool.name": "book", "gen_ai.tool.call.arguments": {"party": number % 10}}
    spans = [
        {"span_id": f"{number}-a", "name": "agent"},
        {"span_id": f"{number}-b", "parent_span_id": f"{number}-a", "name": "book",
         "attributes": tool},
    ]  # fmt: skip
    return json.dumps({"spans": spans, "metadata": {"version": f"1.{number % 3}"}}).encode()


def cases(limit: int) -> CaseFile:
    """A case that stays and one that holds on traces of fewer guests than ``limit``."""
    file = load_text(
        "cases:\n"
        "  - name: it books\n"
        "    assertions:\n"
        "      - {target: node_call, expected_name: book}\n"
        "  - name: small parties\n"
        "    assertions:\n"
        "      - {target: node_call, expected_name: book,\n"
        f"         expected_arguments: {{party: {{matcher: lt, value: {limit}}}}}}}\n",
        "a.yaml",
    )
    assert not file.errors
    return file


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "t.db") as store:
        for number in range(TRACES):
            content = body(number)
            incoming = Incoming(
                trace=read_body(content).trace(), agent_id=LOCAL_AGENT.id, routed_by="test",
                body=content, received_ns=1_780_000_000_000_000_000 + number,
            )  # fmt: skip
            store.writer.submit([incoming]).result()
        yield store


@pytest.fixture
def spared(monkeypatch: pytest.MonkeyPatch) -> Callable[[Store], Evaluator]:
    """Evaluators that ask for help with a few traces already; ended after the test."""
    monkeypatch.setattr(module, "AT_LEAST", 12)
    monkeypatch.setattr(module, "JOB", 5)
    monkeypatch.setattr(module, "STALLED_S", 30.0)  # a busy machine takes its time
    monkeypatch.setattr(module, "spare_cores", lambda: 1)
    return lambda store: Evaluator(
        store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT}, record=True, assisted=True
    )


class Watched:
    """What came back from the assistant, and what was said to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.traces: list[str] = []
        take = Assistant.take

        def taken(assistant: Assistant) -> Iterator[Any]:
            for job in take(assistant):
                self.traces += [found.entry.id for found in job]
                yield job

        monkeypatch.setattr(Assistant, "take", taken)


def alone(store: Store, file: CaseFile) -> dict[str, Any]:
    """Outcomes by trace and case, found by one thread, nothing remembered."""
    evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
    evaluator.set_files([file])
    return found_by(evaluator, store)


def found_by(evaluator: Evaluator, store: Store) -> dict[str, Any]:
    if not evaluator._thread:
        evaluator.start()
    assert evaluator.settle(30)
    found = {}
    for row in store.changed_since(0):
        results = evaluator.results(row.id)
        assert results is not None
        assert not results.pending
        found[row.id] = {case.case: (case.outcome, case.score) for case in results.cases}
    evaluator.stop()
    return found


def edited(evaluator: Evaluator, *files: CaseFile) -> None:
    """Everything is evaluated by the first file; then each of the others is saved."""
    evaluator.set_files([files[0]])
    evaluator.start()
    assert evaluator.settle(30, recorded=True)
    for file in files[1:]:
        evaluator.set_files([file])


def waited_for_help(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluator does nothing itself while the assistant has something: on a quick machine it
    would be through before that has even started."""
    work = evaluator._slice
    monkeypatch.setattr(evaluator, "_slice", lambda: False if evaluator._assistant.busy else work())


def test_it_finds_what_one_process_finds_and_both_are_kept_as_history(
    store: Store, spared: Callable[[Store], Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator, watched = spared(store), Watched(monkeypatch)
    waited_for_help(evaluator, monkeypatch)
    edited(evaluator, cases(3), cases(7))
    assert evaluator.settle(30, recorded=True)
    assert len(watched.traces) >= TRACES // 2, "it took part"
    edit = evaluator.last_edit()

    assert found_by(evaluator, store) == alone(store, cases(7))
    assert edit is not None
    assert dict(edit.counts) == {"fail→pass": 24}
    for trace in store.changed_since(0):
        latest, first = store.history.executions(trace_id=trace.id)
        assert [case.name for case in latest.cases] == ["small parties"], "what changed ran"
        assert len(first.cases) == 2
        assert (latest.kind, first.kind) == ("edit", "passive")
        assert (latest.engine, latest.settings) == (first.engine, first.settings)
        assert (latest.input_key, latest.behaviour_key) == (first.input_key, first.behaviour_key)
        assert latest.version == first.version != ""


def test_what_it_had_to_read_is_kept(
    store: Store, spared: Callable[[Store], Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = spared(store)
    evaluator.set_files([cases(3)])
    evaluator.start()
    assert evaluator.settle(30, recorded=True)
    store.writer.run(lambda db: db.execute("DELETE FROM reading")).result()
    watched = Watched(monkeypatch)
    evaluator.set_files([cases(7)])
    assert evaluator.settle(30, recorded=True)
    evaluator.stop()
    kept = store.readings(range(1, TRACES + 1))
    assert watched.traces
    assert {row.number for row in store.rows() if row.id in watched.traces} <= kept.keys()


def test_what_a_killed_one_had_is_done_without_it(
    store: Store, spared: Callable[[Store], Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    send, sent = module._Process.send, []

    def killing(process: Any, message: bytes) -> None:
        send(process, message)
        sent.append(message)
        if len(sent) == 3:  # how it begins, and two jobs
            process._process.kill()

    monkeypatch.setattr(module._Process, "send", killing)
    evaluator = spared(store)
    edited(evaluator, cases(3), cases(7))
    assert evaluator.settle(30)
    assert len(sent) >= 3
    assert found_by(evaluator, store) == alone(store, cases(7))


@pytest.mark.parametrize(
    ("name", "value"),
    [("engine", lambda: "another"), ("sys", type("", (), {"executable": "/bin/false"}))],
    ids=["the program was changed meanwhile", "it does not start"],
)
def test_one_that_cannot_help_is_done_without(
    name: str,
    value: Any,
    store: Store,
    spared: Callable[[Store], Evaluator],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, name, value)
    evaluator, watched = spared(store), Watched(monkeypatch)
    waited_for_help(evaluator, monkeypatch)
    edited(evaluator, cases(3), cases(7))
    assert found_by(evaluator, store) == alone(store, cases(7))
    assert watched.traces == []


def test_newer_files_overtake_what_is_under_way(
    store: Store, spared: Callable[[Store], Evaluator]
) -> None:
    evaluator = spared(store)
    edited(evaluator, cases(3), *(cases(limit) for limit in (4, 5, 6, 8)))
    assert found_by(evaluator, store) == alone(store, cases(8))


def test_traces_deleted_meanwhile_are_forgotten(
    store: Store, spared: Callable[[Store], Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = spared(store)
    waited_for_help(evaluator, monkeypatch)
    edited(evaluator, cases(3), cases(7))
    store.writer.run(
        lambda connection: connection.execute("DELETE FROM trace WHERE number <= 30")
    ).result()
    assert evaluator.settle(30)
    assert sum(evaluator.totals().values()) == TRACES - 30
    assert found_by(evaluator, store) == alone(store, cases(7))


def test_it_is_asked_for_nothing_that_a_judge_decides(
    store: Store, spared: Callable[[Store], Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "cases:\n  - name: kind\n    assertions:\n      - {{target: semantic, criteria: {}}}\n"
    watched = Watched(monkeypatch)
    evaluator = spared(store)
    evaluator._assistant._base = module.Settings(judge=object())  # type: ignore[arg-type]
    edited(evaluator, load_text(text.format("polite"), "a.yaml"))
    evaluator.set_files([load_text(text.format("friendly"), "a.yaml")])
    assert evaluator.settle(30)
    evaluator.stop()
    assert watched.traces == []


def test_no_second_process_is_started_for_a_few_traces_or_on_one_core(
    store: Store, spared: Callable[[Store], Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(module, "_Process", never)
    monkeypatch.setattr(module, "AT_LEAST", TRACES + 1)
    few = spared(store)
    edited(few, cases(3), cases(7))
    assert found_by(few, store) == alone(store, cases(7))
    monkeypatch.setattr(module, "AT_LEAST", 12)
    monkeypatch.setattr(module, "spare_cores", lambda: 0)
    single = spared(store)
    edited(single, cases(3), cases(7))
    assert found_by(single, store) == alone(store, cases(7))


class Silent:
    """A process of which nothing is heard any more."""

    ended = False

    def __init__(self, *_: Any) -> None:
        self.done: deque[Any] = deque()
        self.sent: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def close(self) -> None:
        self.done.clear()


def test_nothing_stays_pending_because_it_is_silent(
    store: Store, spared: Callable[[Store], Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_Process", Silent)
    monkeypatch.setattr(module, "STALLED_S", 0.01)
    evaluator = spared(store)
    edited(evaluator, cases(3), cases(7))
    assert evaluator.settle(30, recorded=True)
    process = evaluator._assistant._process
    assert isinstance(process, Silent)
    sent = [msgspec.msgpack.decode(message, type=Job) for message in process.sent]
    process.done += [Done(number=job.number) for job in sent]  # at last, when nobody asks
    found = found_by(evaluator, store)
    assert len(sent) >= 1
    assert found == alone(store, cases(7))
    assert len(list(store.history.executions(limit=None))) == 2 * TRACES, "each once"


def test_it_stands_by_while_somebody_edits_unless_traces_are_few(
    store: Store, spared: Callable[[Store], Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator, watched = spared(store), Watched(monkeypatch)
    edited(evaluator, cases(3))
    assert evaluator._assistant._process is None
    evaluator.expect_save()
    assert evaluator.settle(30)
    begun = evaluator._assistant._process
    assert begun is not None
    monkeypatch.setattr(module, "AT_LEAST", TRACES + 1)
    waited_for_help(evaluator, monkeypatch)
    evaluator.set_files([cases(7)])
    assert evaluator.settle(30)
    assert evaluator._assistant._process is begun
    assert watched.traces, "it took part though it would not have been begun for so few"
    assert found_by(evaluator, store) == alone(store, cases(7))
    few = spared(store)
    edited(few, cases(3))
    few.expect_save()
    assert few.settle(30)
    assert few._assistant._process is None
    few.stop()


# -- a job ---------------------------------------------------------------------------------


def job(store: Store, file: CaseFile, revision: int = 1, **fields: Any) -> Job:
    rows = store.changed_since(0)[:3]
    return Job(
        **{
            "number": 7,
            "agent_id": LOCAL_AGENT.id,
            "agent": LOCAL_AGENT,
            "settings": "s",
            "files": ((file.path, file.text),),
            "cases": ((file.cases[1].id, file.cases[1].digest),),
            "traces": tuple(Asked(code_of(row.id).to_bytes(16), revision) for row in rows),
            **fields,
        }
    )


def test_a_job_names_its_cases_by_their_digest(store: Store) -> None:
    work, file = Work(store, BEGINNING), cases(2)
    done = work.done(job(store, file))
    assert [judged.trace for judged in done.judged] == [0, 1, 2]
    outcomes = [done.pairs[judged.pairs][0].outcome for judged in done.judged]
    assert outcomes == ["pass", "pass", "fail"]
    assert len(done.pairs) == 2, "what is alike is told once"
    assert [decode_packed(judged.execution).trace for judged in done.judged] == [
        row.id for row in store.changed_since(0)[:3]
    ]
    other = work.done(job(store, file, cases=((file.cases[1].id, "another"),)))
    assert (other.number, other.judged) == (7, ())


def test_a_job_leaves_out_traces_of_another_revision_or_of_none(store: Store) -> None:
    work, file = Work(store, BEGINNING), cases(2)
    assert work.done(job(store, file, revision=2)).judged == ()
    gone = (Asked((99).to_bytes(16), 1),)
    assert work.done(job(store, file, traces=gone)).judged == ()


# -- the far end of the line ---------------------------------------------------------------


def entry(number: int, ready_ns: int = 0) -> Entry:
    return Entry(number, "a", 1, ready_ns=ready_ns, read_revision=1)


def test_the_far_end_is_the_oldest_and_the_rest_stays_in_order() -> None:
    schedule = Schedule()
    for number in (5, 3, 9, 1, 7, 2):
        schedule.add(entry(number))
    schedule.add(entry(4, ready_ns=sys.maxsize))
    odd = schedule.take_last(2, lambda e: e.code % 2 == 1, now_ns=0)
    assert [e.code for e in odd] == [1, 3]
    assert [e.code for e in iter(lambda: schedule.take(0), None)] == [9, 7, 5, 2]
    assert len(schedule) == 1, "what is not quiet yet waits on"
