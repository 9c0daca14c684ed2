"""The shelf of a workspace: of several programs one asks, and all know what was answered."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from model_server import ModelServer, Request, answer_to, answers, asked

from tracedesk.judge.budget import today
from tracedesk.judge.judge import AskingJudge
from tracedesk.judge.settings import JudgeSettings
from tracedesk.model.judgement import Failure, Judgement, Pending
from tracedesk.store import judgements
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.judgements import Judgements
from tracedesk.testing import T0_NS

Make = Callable[..., AskingJudge]
Configure = Callable[..., JudgeSettings]
Share = Callable[[], Judgements]
DAY_S = 86_400.0


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Share]:
    """Opens the shelf of one workspace, as another program would each time."""
    opened: list[Store] = []

    def another() -> Judgements:
        opened.append(Store.open(tmp_path / "traces.db"))
        return Judgements(opened[-1])

    yield another
    for store in opened:
        store.close()


def until(reached: Callable[[], Any], judge: AskingJudge) -> None:
    while not reached():  # the test's own time limit ends it
        judge.wait(0.01)


def test_two_programs_pay_once(
    server: ModelServer, settings: Configure, judge_of: Make, shelf: Share
):
    def late(request: Request) -> None:
        server.released.wait(20)
        answers(0.6)(request)

    server.behaviours = [late]
    first, second = judge_of(settings(), shelf()), judge_of(settings(), shelf())
    assert isinstance(first.judgement(asked()), Pending)
    until(lambda: server.requests, first)
    assert isinstance(second.judgement(asked()), Pending)
    assert not second.wait(0.4)
    server.released.set()
    for judge in (first, second):
        found = answer_to(judge)
        assert isinstance(found, Judgement)
        assert found.score == 0.6
        assert found.cached is (judge is second)
    assert len(server.requests) == 1
    assert (first.progress().calls, second.progress().calls) == (1, 0)


def test_who_wants_more_samples_asks_for_the_rest(
    server: ModelServer, settings: Configure, judge_of: Make, shelf: Share
):
    def late(request: Request) -> None:
        server.released.wait(20)
        answers(0.2)(request)

    server.behaviours = [late, answers(0.4)]
    first, second = judge_of(settings(), shelf()), judge_of(settings(), shelf())
    first.judgement(asked())
    until(lambda: server.requests, first)
    second.judgement(asked(samples=2))
    server.released.set()
    found = answer_to(second, asked(samples=2))
    assert isinstance(found, Judgement)
    assert [sample.score for sample in found.samples] == [0.2, 0.4]
    assert len(server.requests) == 2


def test_what_another_asks_holds_nothing_else_up(
    server: ModelServer, settings: Configure, judge_of: Make, shelf: Share
):
    other = shelf()
    judge = judge_of(settings(concurrency=1), shelf())
    waiting = judge.judgement(asked("taken"))
    assert isinstance(waiting, Pending)
    judge.stop()
    assert other.claim(waiting.key, "somebody", 60)
    judge = judge_of(settings(concurrency=1), shelf())
    assert isinstance(judge.judgement(asked("taken")), Pending)
    free = asked("free")
    judge.judgement(free)
    until(lambda: isinstance(judge.judgement(free), Judgement), judge)
    assert isinstance(judge.judgement(asked("taken")), Pending)
    other.release(waiting.key, "somebody")
    assert isinstance(answer_to(judge, asked("taken")), Judgement)


def test_a_claim_lapses_and_is_released_by_its_owner_alone(
    shelf: Share, monkeypatch: pytest.MonkeyPatch
):
    now = [T0_NS]
    monkeypatch.setattr(judgements, "time", SimpleNamespace(time_ns=lambda: now[0]))
    one, two = shelf(), shelf()
    assert one.claim("k", "one", 60)
    assert one.claim("k", "one", 60), "again by the same"
    assert not two.claim("k", "two", 60)
    two.release("k", "two")
    assert not two.claim("k", "two", 60)
    assert one.answers("k") == []
    now[0] += 61 * 10**9
    assert two.claim("k", "two", 60), "who ended in the middle of it holds nobody up"
    one.release("k", "one")
    assert not one.claim("k", "one", 60)
    two.release("k", "two")
    while not one.claim("k", "one", 60):  # the test's own time limit ends it
        pass


def test_a_claim_of_a_clock_that_was_ahead_holds_nobody_up(shelf: Share):
    one, two = shelf(), shelf()
    assert one.claim("k", "one", 400 * DAY_S)
    assert two.claim("k", "two", 60)


def test_whoever_stops_leaves_its_questions_to_others(
    server: ModelServer, settings: Configure, judge_of: Make, shelf: Share
):
    server.behaviours = [server.hang]
    other, judge = shelf(), judge_of(settings(timeout_s=60.0), shelf())
    pending = judge.judgement(asked())
    assert isinstance(pending, Pending)
    until(lambda: server.requests, judge)
    assert not other.claim(pending.key, "somebody", 60)
    judge.stop()
    until(lambda: other.claim(pending.key, "somebody", 60), judge)


def test_a_database_that_refuses_loses_no_answer_and_forgets_no_cost(
    server: ModelServer,
    settings: Configure,
    judge_of: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    def refuse(job: object) -> None:
        raise StoreError("the disk is full")

    with Store.open(tmp_path / "traces.db") as store:
        shelf = Judgements(store)
        judge = judge_of(settings(budget_calls_per_day=2), shelf)
        with monkeypatch.context() as full:
            full.setattr(store.writer, "run", refuse)
            assert isinstance(answer_to(judge), Judgement)
            assert shelf.spent(today()) == (1, 0.0)
        assert isinstance(answer_to(judge, asked("two")), Judgement)
        assert store.query("SELECT calls FROM judge_spent") == [(2,)]
        assert isinstance(answer_to(judge, asked("three")), Failure)
        judge.stop()
