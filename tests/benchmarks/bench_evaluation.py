"""How fast a verdict is: from a save to its painting, over ten thousand traces, in ``check``."""

import gc
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from table import Result

from tracedesk.desk import COLLECTED_AFTER, SWITCH_S
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.evaluation.gather import Gatherer, InEffect
from tracedesk.evaluation.matrix import matrix_of
from tracedesk.evaluation.windows import Window
from tracedesk.formats.detect import read_body
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.model.execution import CaseRecord, CheckRecord, Execution, ExecutionKind
from tracedesk.model.verdict import Outcome
from tracedesk.store.database import Store
from tracedesk.store.incoming import Incoming
from tracedesk.testcases.models import CaseFile
from tracedesk.testcases.watch import Watcher

SAVES = 20
MANY = 10_000
START_NS = 1_780_000_000_000_000_000


def run() -> list[Result]:
    gc.freeze()  # as the desk does once it runs
    gc.set_threshold(*COLLECTED_AFTER)
    sys.setswitchinterval(SWITCH_S)
    return [*saves(), *many_traces(), *counting(), checking()]


def saves() -> list[Result]:
    """100 assertions in 10 cases on 50 traces; a real file, saved with one change each time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = _save(folder, 50, cases=10, changed_cases=1)
        whole = _save(folder, 50, cases=10, changed_cases=10)
    p95, all_p95 = _p95(one), _p95(whole)
    return [
        Result(
            "save → verdicts, 100 assertions × 50 traces, one case changed (p95)",
            p95, "ms", 100, p95 <= 100,
        ),
        Result(
            "save → verdicts, 100 assertions × 50 traces, all changed (p95)",
            all_p95, "ms", 100, all_p95 <= 100, "5,000 evaluations",
        ),
    ]  # fmt: skip


def _save(folder: Path, traces: int, *, cases: int, changed_cases: int) -> list[float]:
    """Milliseconds from each save to the last verdict of it."""
    testcases = folder / f"testcases-{changed_cases}"
    testcases.mkdir()
    path = testcases / "a.yaml"
    taken = []
    with Store.open(folder / f"{changed_cases}.db") as store:
        fill(store, traces)
        evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
        applied = threading.Event()

        def on_change(files: list[CaseFile]) -> None:
            evaluator.set_files(files)
            applied.set()

        path.write_text(case_text(cases, 10))
        watcher = Watcher([testcases], folder, on_change)
        evaluator.start()
        watcher.start()
        watcher.watching.wait()
        evaluator.settle()
        for turn in range(SAVES):
            applied.clear()
            text = case_text(cases, 10, changed=changed_cases, turn=turn + 1)
            start = time.perf_counter()
            path.write_text(text)
            applied.wait()
            evaluator.settle()
            taken.append((time.perf_counter() - start) * 1e3)
        watcher.stop()
        evaluator.stop()
    return taken


def many_traces() -> list[Result]:
    """One case of 5 assertions changed, on 10,000 stored traces of 5 spans, with executions kept
    and without, by one process and by two; and a restart over what they say."""
    with tempfile.TemporaryDirectory() as name, Store.open(Path(name) / "t.db") as store:
        fill(store, MANY)
        file = _case_file(0)
        first = _started(store, file)
        bare, kept, helped = _Changed(), _Changed(), _Changed()
        for turn in range(CHANGES):  # in turns, for a shared machine is never the same
            _change(store, 3 * turn, bare, record=False)
            _change(store, 3 * turn + 1, kept, record=True)
            _change(store, 3 * turn + 2, helped, record=True, assisted=True)
        anew = _started(store, _case_file(99))
        restart = _started(store, _case_file(3 * CHANGES))
        size = store.query("SELECT avg(length(cases)), count(*) FROM execution")[0]
    changed = statistics.median(helped.seconds)
    alone, without = statistics.median(kept.seconds), statistics.median(bare.seconds)
    late_ms = sorted(helped.late)[int(len(helped.late) * 0.99)] * 1e3
    written = statistics.median(helped.written)
    return [
        Result("first reading of 10,000 stored 5-span traces", first, "s", None, True),
        Result("one changed case × 10,000 stored 5-span traces", changed, "s", 2, changed <= 2),
        Result("the same by one process alone", alone, "s", None, True),
        Result(
            "the same without keeping executions", without, "s", None, True,
            f"{alone / without:.2f} × as long with",
        ),
        Result(
            "from the last verdict to the last execution written", written, "s", None, True,
            f"{size[0]:.0f} bytes each",
        ),
        Result("lateness of another thread meanwhile (p99)", late_ms, "ms", 30, late_ms <= 30),
        Result(
            "restart over 10,000 traces with executions → all verdicts", restart, "s", None, True,
            f"{anew:.2f} s without, {anew / restart:.1f} × as long",
        ),
    ]  # fmt: skip


CHANGES = 3


class _Changed:
    """What was measured of ``CHANGES`` saves."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.written: list[float] = []
        self.late: list[float] = []


def _change(
    store: Store, turn: int, found: _Changed, *, record: bool, assisted: bool = False
) -> None:
    """One save, from one form of the case to the next."""
    agents = {LOCAL_AGENT.id: LOCAL_AGENT}
    evaluator = Evaluator(store, lambda: agents, record=record, assisted=assisted)
    evaluator.set_files([_case_file(turn)])
    evaluator.start()
    evaluator.settle(120, recorded=True)
    start = time.perf_counter()
    with _Lateness() as lateness:
        evaluator.set_files([_case_file(turn + 1)])
        evaluator.settle(120)
        settled = time.perf_counter()
        evaluator.settle(120, recorded=True)
    found.seconds.append(settled - start)
    found.written.append(time.perf_counter() - settled)
    found.late += lateness.seconds
    evaluator.stop()


def _started(store: Store, file: CaseFile) -> float:
    """Seconds from the start of an evaluator to its last verdict."""
    evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
    evaluator.set_files([file])
    start = time.perf_counter()
    evaluator.start()
    evaluator.settle(120)
    seconds = time.perf_counter() - start
    evaluator.stop()
    return seconds


def _case_file(turn: int) -> CaseFile:
    from tracedesk.testcases.load import load_text

    return load_text(case_text(1, 5, changed=1, turn=turn), "a.yaml")


class _Lateness:
    """How much later than asked a thread wakes up, as the screen's would."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            start = time.perf_counter()
            time.sleep(0.005)
            self.seconds.append(time.perf_counter() - start - 0.005)

    def __enter__(self) -> "_Lateness":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


CASES, COUNTED = 100, 10_000


def counting() -> list[Result]:
    """Matrix and scores over a million results, the first time and after one more execution."""
    window, effect = Window(), InEffect(frozenset(f"a.yaml#{n}" for n in range(CASES)), frozenset())
    with tempfile.TemporaryDirectory() as name, Store.open(Path(name) / "t.db") as store:
        fill(store, COUNTED)
        traces = [row.id for row in store.rows(limit=-1)]
        for start in range(0, COUNTED, 500):
            executions = [
                _execution(trace, n) for n, trace in enumerate(traces[start : start + 500])
            ]
            store.writer.record(executions).result()
        gatherer = Gatherer(store)
        first = _counted(gatherer, window, effect)
        store.writer.record([_execution(traces[0], 1)]).result()
        again = _counted(gatherer, window, effect)
    return [
        Result("matrix over 1,000,000 results, first time (CPU)", first, "s", 1, first <= 1),
        Result("the same after one more execution (CPU)", again, "s", 0.3, again <= 0.3),
    ]


def _counted(gatherer: Gatherer, window: Window, effect: InEffect) -> float:
    start = time.thread_time()
    survey = gatherer.gather(window, effect).survey
    matrix = matrix_of(survey.tally())
    assert matrix.totals.evaluated == CASES * COUNTED
    return time.thread_time() - start


def _execution(trace: str, seed: int) -> Execution:
    """A hundred cases of two assertions, one in seven of them failed, on one of thirty days."""
    cases = []
    for n in range(CASES):
        failed = not (seed + n) % 7
        outcome = Outcome.FAIL if failed else Outcome.PASS
        checks = (
            CheckRecord("a1", "node_call", outcome, float(not failed), stage="parameters"),
            CheckRecord("a2", "no_errors", Outcome.PASS, 1.0, stage="runtime"),
        )
        score = 0.5 if failed else 1.0
        case = f"a.yaml#{n}"
        cases.append(CaseRecord(case, f"case {n}", "a.yaml", "d", outcome, score, checks=checks))
    at_ns = START_NS + seed % 30 * 86_400 * 10**9
    return Execution(
        trace=trace, agent_id=LOCAL_AGENT.id, revision=1, kind=ExecutionKind.PASSIVE,
        started_ns=time.time_ns(), ended_ns=time.time_ns(), clock_ns=at_ns, cases=tuple(cases),
    )  # fmt: skip


def checking() -> Result:
    """``tracedesk check`` of one file, as a process."""
    with tempfile.TemporaryDirectory() as name:
        trace, cases = Path(name) / "trace.json", Path(name) / "cases.yaml"
        trace.write_bytes(body(1))
        cases.write_text(case_text(2, 10))
        command = [sys.executable, "-m", "tracedesk", "check", str(trace), "--cases", str(cases)]
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([*command, "--json"], stdout=subprocess.DEVNULL, cwd=name, check=True)
            taken.append(time.perf_counter() - start)
    median = statistics.median(taken)
    return Result("tracedesk check of one file", median, "s", 0.45, median <= 0.45)


def case_text(cases: int, assertions: int, *, changed: int = 0, turn: int = 0) -> str:
    """A file of cases that pass; the first ``changed`` ones differ from turn to turn."""
    lines = ["cases:"]
    for number in range(cases):
        lines += [f"  - name: case {number}", "    assertions:"]
        for place in range(assertions):
            limit = 10 + place + (turn if number < changed else 0)
            lines.append(
                "      - {target: node_call, expected_name: book_table, "
                f"expected_arguments: {{party: {{matcher: lte, value: {limit}}}}}}}"
            )
    return "\n".join(lines) + "\n"


def fill(store: Store, traces: int) -> None:
    last = None
    for number in range(traces):
        content = body(number)
        trace = read_body(content).trace()
        incoming = Incoming(
            trace=trace,
            agent_id=LOCAL_AGENT.id,
            routed_by="bench",
            body=content,
            received_ns=time.time_ns(),
        )
        last = store.writer.submit([incoming])
    if last is not None:
        last.result()


def body(number: int) -> bytes:
    """A trace of five spans and about 3 KB."""
    model = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    usage = {"gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 80}
    prompt = {"gen_ai.system_instructions": "You book tables. " * 50}
    lookup = {"gen_ai.tool.call.arguments": {"party": 4, "date": "2026-05-28"}}
    booking = {"gen_ai.tool.call.arguments": {"table": number % 7, "party": 4}}
    rows = [
        ("agent", "booking agent", {"gen_ai.operation.name": "invoke_agent",
         "gen_ai.response.text": f"Table {number} is booked.", "gen_ai.prompt": "A table for 4"}),
        ("plan", "chat", model | usage | prompt),
        ("find", "find_table", {"gen_ai.tool.name": "find_table"} | lookup),
        ("book", "book_table", {"gen_ai.tool.name": "book_table"} | booking),
        ("answer", "chat", model | usage | prompt),
    ]  # fmt: skip
    spans = [
        {
            "span_id": f"{number}-{span_id}",
            "parent_span_id": f"{number}-agent" if place else None,
            "name": name,
            "start_time_unix_nano": str(START_NS + place * 10**8),
            "end_time_unix_nano": str(START_NS + (place + 1) * 10**8),
            "attributes": attributes,
            "status": {"code": 1},
        }
        for place, (span_id, name, attributes) in enumerate(rows)
    ]
    return json.dumps({"spans": spans}).encode()


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95) - 1]
