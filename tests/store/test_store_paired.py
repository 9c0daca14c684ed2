"""Two windows of a store's history, held against each other by the shapes of their results."""

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))

from plainly import compare, compare_edit, latest, within

from tracedesk.evaluation.gather import Gatherer, InEffect
from tracedesk.evaluation.regressions import BY_INPUT, Edit
from tracedesk.evaluation.windows import Window
from tracedesk.model.execution import CaseRecord, CheckRecord, Execution, ExecutionKind
from tracedesk.model.verdict import Outcome
from tracedesk.store import Incoming, Receipt, Store

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]

NAMES = ("books", "cancels", "answers", "gone")
IN_EFFECT = InEffect(frozenset(f"a.yaml#{name}" for name in NAMES[:3]), frozenset())
BEFORE, AFTER = Window(version="1"), Window(version="2")


def result(name: str, outcome: Outcome, file: str = "a.yaml") -> CaseRecord:
    check = CheckRecord(
        assertion=f"{name}1", target="node_call", outcome=outcome,
        score=float(outcome is Outcome.PASS), stage="parameters",
        reason=f"{name} came out {outcome}", evidence=(("s1", "arguments", "$.party"),),
    )  # fmt: skip
    return CaseRecord(
        case=f"a.yaml#{name}", name=name, file=file, digest="d", outcome=outcome,
        score=check.score, weight=1.0, checks=(check,),
    )  # fmt: skip


def history(traces: list[str], seed: int) -> list[Execution]:
    """Executions of two versions, some of equal input, evaluated once or twice."""
    chance = random.Random(seed)
    found = []
    for number, trace in enumerate(traces):
        for again in range(chance.choice((1, 1, 2))):
            at = 1_000 * number + again
            asked = NAMES if not again else chance.sample(NAMES, 2)
            found.append(
                Execution(
                    trace=trace,
                    agent_id=chance.choice(("x", "y")),
                    revision=1,
                    kind=ExecutionKind.PASSIVE,
                    started_ns=at,
                    ended_ns=at + 1,
                    clock_ns=chance.randrange(5),
                    version=chance.choice("12"),
                    input_key=chance.choice(("", "i", "j", "k")),
                    errors=chance.randrange(2),
                    cases=tuple(result(name, chance.choice(list(Outcome))) for name in asked),
                )
            )
    return found


@pytest.mark.parametrize("seed", range(8))
def test_windows_compare_as_their_decoded_results_do(
    store: Store, incoming: Make, keep: Keep, seed: int
):
    traces = [receipt.id for receipt in keep(*(incoming() for _ in range(30)))]
    store.writer.record(history(traces, seed)).result(timeout=10)
    results = [r for r in latest(store.history.executions()) if IN_EFFECT.holds(r[1])]
    decoded = compare(within(results, BEFORE), within(results, AFTER), BY_INPUT)
    assert decoded.paired
    assert Gatherer(store).compare_windows(BEFORE, AFTER, IN_EFFECT) == decoded


def test_only_what_flipped_is_decoded(
    store: Store, incoming: Make, keep: Keep, monkeypatch: pytest.MonkeyPatch
):
    traces = [receipt.id for receipt in keep(*(incoming() for _ in range(20)))]
    outcomes = {"books": Outcome.PASS, "cancels": Outcome.PASS}
    made = [
        Execution(
            trace=trace, agent_id="x", revision=1, kind=ExecutionKind.PASSIVE, started_ns=at,
            ended_ns=at + 1, version="12"[at // 10], input_key=f"i{at % 10}",
            cases=tuple(result(name, Outcome.FAIL if at == 13 and name == "books" else outcome)
                        for name, outcome in outcomes.items()),
        )
        for at, trace in enumerate(traces)
    ]  # fmt: skip
    store.writer.record(made).result(timeout=10)
    asked: list[dict[int, set[str]]] = []
    read = type(store.history).records
    for name in ("executions", "latest_results"):
        monkeypatch.delattr(type(store.history), name)
    monkeypatch.setattr(
        type(store.history), "records", lambda self, w: asked.append(dict(w)) or read(self, w)
    )
    found = Gatherer(store).compare_windows(BEFORE, AFTER, IN_EFFECT)
    assert (found.paired, found.unpaired_before, found.unpaired_after) == (20, 0, 0)
    (flip,) = found.broken
    assert (flip.name, flip.trace, flip.stage) == ("books", traces[13], "parameters")
    assert flip.reason == "books came out fail"
    assert [list(wanted.values()) for wanted in asked] == [[{"a.yaml#books"}]]


def edited_history(traces: list[str], seed: int) -> list[Execution]:
    """Executions of traces that are replaced now and then, with a clock that leaps about."""
    chance = random.Random(seed)
    found = []
    revisions = dict.fromkeys(traces, 1)
    for _ in range(120):
        trace = chance.choice(traces)
        revisions[trace] += chance.random() < 0.1
        names = chance.sample(NAMES, chance.randrange(1, 5))
        found.append(
            Execution(
                trace=trace,
                agent_id="x",
                revision=revisions[trace],
                kind=chance.choice((ExecutionKind.PASSIVE, ExecutionKind.EDIT)),
                started_ns=(at := chance.randrange(10**12)),
                ended_ns=at,
                clock_ns=at if chance.random() < 0.5 else None,
                errors=chance.randrange(2),
                cases=tuple(
                    result(
                        name,
                        chance.choice(list(Outcome)),
                        "b.yaml" if name == "answers" else "a.yaml",
                    )
                    for name in names
                ),
            )
        )
    return found


@pytest.mark.parametrize("seed", range(8))
def test_an_edit_compares_as_the_decoded_results_do(
    store: Store, incoming: Make, keep: Keep, seed: int
):
    traces = [receipt.id for receipt in keep(*(incoming() for _ in range(12)))]
    store.writer.record(edited_history(traces, seed)).result(timeout=10)
    everything = InEffect(frozenset(f"a.yaml#{name}" for name in NAMES), frozenset())
    edit = Edit(file="a.yaml", at_ns=0, number=60, cases=())
    decoded = compare_edit(store.history.executions(limit=None), edit)
    assert decoded.paired
    assert Gatherer(store).compare_edit(edit, everything) == decoded


def test_a_case_that_an_edit_removed_has_no_result_of_today(
    store: Store, incoming: Make, keep: Keep
):
    (trace,) = keep(incoming())
    both = tuple(result(name, Outcome.PASS) for name in ("books", "gone"))
    made = Execution(
        trace=trace.id, agent_id="x", revision=1, kind=ExecutionKind.PASSIVE, started_ns=1,
        ended_ns=1, cases=both,
    )  # fmt: skip
    store.writer.record([made]).result(timeout=10)
    edit = Edit(file="a.yaml", at_ns=2, number=2, cases=("gone",))
    found = Gatherer(store).compare_edit(edit, IN_EFFECT)
    assert (found.paired, found.unpaired_before, found.unpaired_after) == (1, 1, 0)
    assert found.after.quality.results == 1
