"""Killed in the middle of evaluating: what was written stays, the rest is made up for."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.store import Incoming, Store
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_trace

TRACES = 400
CASES = "cases:\n" + "".join(
    f"  - name: case {n}\n    assertions:\n      - {{target: response_regex, pattern: hello}}\n"
    for n in range(20)
)

EVALUATING = f"""
import sys
from pathlib import Path
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.store import Store
from tracedesk.testcases.load import load_text

with Store.open(Path(sys.argv[1])) as store:
    evaluator = Evaluator(store, lambda: {{LOCAL_AGENT.id: LOCAL_AGENT}}, record=True)
    evaluator.set_files([load_text({CASES!r}, "a.yaml")])
    evaluator.start()
    while not store.query("SELECT count(*) FROM execution")[0][0]:
        pass
    print("some are written", flush=True)
    evaluator.settle(60, recorded=True)
    sys.stdin.read()
"""


def test_a_kill_in_the_middle_loses_no_execution_and_the_next_start_goes_on(tmp_path: Path):
    path = tmp_path / "traces.db"
    with Store.open(path) as store:
        store.writer.submit([incoming(n) for n in range(TRACES)]).result()
    command = [sys.executable, "-c", EVALUATING, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline()
        killed.send_signal(signal.SIGKILL)
    with Store.open(path) as store:
        before = executions(store)
        assert before, "what was written before the kill is there"
        assert all(len(cases) == 20 for _, cases in before.values()), "and whole"
        evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT}, record=True)
        evaluator.set_files([load_text(CASES, "a.yaml")])
        evaluator.start()
        assert evaluator.settle(60, recorded=True)
        evaluator.stop()
        after = executions(store)
    assert {number: after[number] for number in before} == before
    assert len(after) == TRACES, "each trace was evaluated once, none twice and none never"
    assert len({trace for trace, _ in after.values()}) == TRACES


def incoming(number: int) -> Incoming:
    return Incoming(
        trace=make_trace(make_span("r", "Root")),
        agent_id=LOCAL_AGENT.id,
        routed_by="test",
        body=b'{"data": {"text": "hello %d"}}' % number,
        received_ns=time.time_ns(),
    )


def executions(store: Store) -> dict[int, tuple[str, tuple[str, ...]]]:
    return {
        each.number: (each.trace, tuple(case.case for case in each.cases))
        for each in store.history.executions(limit=None)
    }
