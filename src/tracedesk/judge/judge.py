"""The judge that asks a model, and those that do not.

``judgement`` never waits: it gives what is known by now and asks for the rest in the
background. What was answered once is never asked again, in this run or another.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from tracedesk.judge.asker import FIRST_PAUSE_S, Asker, Task
from tracedesk.judge.budget import Budget
from tracedesk.judge.heuristic import HeuristicJudge
from tracedesk.judge.injection import injection_into
from tracedesk.judge.keys import key_of
from tracedesk.judge.settings import JudgeSettings, fault_of
from tracedesk.judge.shelf import MemoryShelf, Shelf, failure_of, kept, kept_failure, samples_of
from tracedesk.model.judgement import (
    Answer,
    Failure,
    Judge,
    Judgement,
    Pending,
    Question,
    Sample,
    Unasked,
)
from tracedesk.model.price import Price

FAILED_FOR_S = 60.0
"""A failed question is not asked again for so long, however often it is evaluated."""

REMEMBERED = 50_000
"""Answers kept in memory beside the shelf."""


class Progress(msgspec.Struct, frozen=True):
    """How far a run of the judge is."""

    waiting: int = 0
    """Questions that are asked and not answered."""
    answered: int = 0
    failed: int = 0
    calls: int = 0
    usd: float = 0.0
    last_failure: str = ""


class StoppableJudge(Judge, Protocol):
    """A judge with a life of its own."""

    def recalling(self, reason: str) -> Judge:
        """The same judge, never asking: it answers what is known, that it failed when last it was
        asked, and ``reason`` otherwise."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is asked any more; False after the timeout."""

    def give_up(self, message: str) -> None:
        """Take every question that is still open for failed."""

    def progress(self) -> Progress:
        """How far it is."""

    def stop(self) -> None:
        """Ask no more, within a second."""


def price_of(settings: JudgeSettings, prices: Mapping[str, Price]) -> Price | None:
    """What the judge's model costs, under its full name or the one its provider knows."""
    return prices.get(settings.model) or prices.get(settings.model.partition(":")[2])


class AskingJudge:
    """Asks a model. ``tell`` is called from any thread whenever ``progress`` changed."""

    def __init__(
        self,
        settings: JudgeSettings,
        shelf: Shelf | None = None,
        prices: Mapping[str, Price] = {},
        *,
        tell: Callable[[Progress], None] = lambda _: None,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self.threshold, self.samples = settings.threshold, settings.samples
        self.include_trace = settings.include_trace
        self._settings = settings
        self._shelf = shelf or MemoryShelf()
        self._tell = tell
        self._budget = Budget(settings, self._shelf)
        price = price_of(settings, prices)
        self._asker = Asker(settings, self._budget, self, price, first_pause_s=first_pause_s)
        self._name = secrets.token_hex(8)
        """By which its claims are told from those of others."""
        self._change = threading.Condition()
        self._telling = threading.Lock()
        self._known: dict[str, tuple[Sample, ...]] = {}
        self._fresh: set[str] = set()
        """Keys that were answered in this run."""
        self._asked: set[str] = set()
        self._failed: dict[str, tuple[Failure, float]] = {}
        """Until when a question that failed in this run is not asked again."""
        self._failed_last: dict[str, Failure] = {}
        """Questions whose last attempt failed, whoever asked."""
        self._finished: list[str] = []
        self._failures = 0
        self._last_failure = ""
        self._stopped = False

    def judgement(self, question: Question) -> Answer:
        """What is known, and what is not is asked for."""
        return self._answer(question, "")

    def recalling(self, reason: str) -> Judge:
        return _Recalling(self, lambda question: self._answer(question, reason))

    def answered_since(self, number: int) -> Sequence[str]:
        return self._finished[number:]

    def wait(self, timeout_s: float) -> bool:
        with self._change:
            return self._change.wait_for(lambda: not self._asked or self._stopped, timeout_s)

    def give_up(self, message: str) -> None:
        with self._change:
            late = list(self._asked)
        for key in late:
            self._heed(key, (), Failure("judge_timeout", message, self._settings.model))

    def progress(self) -> Progress:
        with self._change:
            return Progress(
                waiting=len(self._asked),
                answered=len(self._finished) - self._failures,
                failed=self._failures,
                calls=self._budget.calls,
                usd=self._budget.usd,
                last_failure=self._last_failure,
            )

    def stop(self) -> None:
        with self._change:
            self._stopped = True
            self._change.notify_all()
        self._asker.stop()

    def _answer(self, question: Question, unless: str) -> Answer:
        """``unless``: why nothing is asked; blank: ask."""
        settings, model = self._settings, self._settings.model
        if len(question.text) > settings.max_chars:
            told = (
                f"the text has {len(question.text):,} characters, more than {settings.max_chars:,}"
            )
            return Failure("judge_too_long", f"{told} ([judge] max_chars)", model)
        key = key_of(question, settings)
        samples = self._samples(key)
        if len(samples) >= question.samples:
            return Judgement(
                key=key,
                model=model,
                samples=samples[: question.samples],
                cached=key not in self._fresh,
                injection=injection_into(question),
            )
        if fault := fault_of(settings):
            return Failure("judge_config", fault, model)
        if unless:
            return self._failed_last.get(key) or Unasked(unless, model)
        return self._ask(Task(key, question))

    def _samples(self, key: str) -> tuple[Sample, ...]:
        found = self._known.get(key)
        if found is None:
            answers = self._shelf.answers(key)
            failed = failure_of(answers)
            with self._change:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                    self._failed_last.clear()
                if key not in self._known and failed is not None:
                    self._failed_last[key] = failed
                found = self._known.setdefault(key, samples_of(answers))
        return found

    def _ask(self, task: Task) -> Answer:
        model = self._settings.model
        with self._change:
            failed = self._failed.get(task.key)
            if failed is not None and time.monotonic() < failed[1]:
                return failed[0]
            if self._stopped:
                return Unasked("the judge was stopped before it answered", model)
            new = task.key not in self._asked
            if new:
                self._asked.add(task.key)
                self._failed.pop(task.key, None)
                self._asker.ask(task)
        if new:
            self._tell_progress()
        return Pending(task.key, model)

    # -- for the asker ---------------------------------------------------------------------

    def claim(self, task: Task, for_s: float) -> int | None:
        if not self._shelf.claim(task.key, self._name, for_s):
            return None
        found = samples_of(self._shelf.answers(task.key))
        with self._change:
            known = self._known.get(task.key, ())
            if len(found) > len(known):  # another program asked meanwhile
                known = self._known[task.key] = found
        return max(0, task.question.samples - len(known))

    def release(self, task: Task) -> None:
        self._shelf.release(task.key, self._name)

    def done(self, task: Task, samples: Sequence[Sample], failure: Failure | None) -> None:
        self._heed(task.key, samples, failure)

    def _heed(self, key: str, samples: Sequence[Sample], failure: Failure | None) -> None:
        """What became of a question."""
        answers = kept(samples)
        if failure is not None and (samples or failure != self._failed_last.get(key)):
            answers.append(kept_failure(failure))
        if answers:
            self._shelf.keep(key, self._settings.model, answers)
        with self._change:
            self._failed_last.pop(key, None)
            if samples:
                self._known[key] = (*self._known.get(key, ()), *samples)
                self._fresh.add(key)
            if failure is not None:
                self._failed_last[key] = failure
                self._failed[key] = (failure, time.monotonic() + FAILED_FOR_S)
                self._failures += 1
                self._last_failure = failure.message
            self._asked.discard(key)
            self._finished.append(key)
            self._change.notify_all()
        self._tell_progress()

    def _tell_progress(self) -> None:
        with self._telling:  # what is told last is what is true last
            self._tell(self.progress())


class _Recalling:
    """A judge that only remembers."""

    def __init__(self, judge: Judge, answer: Callable[[Question], Answer]) -> None:
        self.threshold, self.samples = judge.threshold, judge.samples
        self.include_trace = judge.include_trace
        self._answer = answer

    def judgement(self, question: Question) -> Answer:
        return self._answer(question)

    def answered_since(self, number: int) -> Sequence[str]:
        return ()


class _AtOnce(HeuristicJudge):
    """The heuristic judge, with a life in which nothing happens."""

    def recalling(self, reason: str) -> Judge:
        return self

    def wait(self, timeout_s: float) -> bool:
        return True

    def give_up(self, message: str) -> None:
        """Nothing is open."""

    def progress(self) -> Progress:
        return Progress()

    def stop(self) -> None:
        """Nothing runs."""


def open_judge(
    settings: JudgeSettings,
    shelf: Shelf | None = None,
    prices: Mapping[str, Price] = {},
    *,
    tell: Callable[[Progress], None] = lambda _: None,
) -> StoppableJudge:
    """The judge that is configured. Nothing is asked, started or imported yet."""
    if settings.heuristic:
        return _AtOnce(settings)
    return AskingJudge(settings, shelf, prices, tell=tell)


def declining(settings: JudgeSettings, reason: str) -> Judge:
    """A judge that answers nothing, because of ``reason``."""
    judge = _AtOnce(settings)
    return _Recalling(judge, lambda _: Unasked(reason, settings.model))
