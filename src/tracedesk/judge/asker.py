"""The thread that asks: one event loop, a few calls at a time, every failure named.

It is started by the first question, so that a judge nobody asks costs nothing. Whatever
happens to a question, it is answered: with samples, with a failure, or with both when only
some of several samples came. What another program asks at the moment is left to it.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Sequence
from typing import Protocol

import msgspec

from tracedesk.judge.budget import Budget
from tracedesk.judge.prompt import prompt_of
from tracedesk.judge.reply import Provider, RefusedError
from tracedesk.judge.settings import JudgeSettings, UnusableError
from tracedesk.model.judgement import Failure, Question, Sample
from tracedesk.model.price import Price

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0
LONGEST_ASKED_PAUSE_S = 120.0
"""A server that asks for a longer pause is not waited for."""
JOIN_S = 1.0
CLAIM_SPARE_S = 30.0
"""A question is claimed for the time its calls may take, and so much for what is between them."""
LOOK_S = 0.25
"""Pause before looking again at a question that another program asks just now."""


class Task(msgspec.Struct, frozen=True):
    """A question on its way."""

    key: str
    question: Question


class Principal(Protocol):
    """Whoever has questions asked. All of it is called from other threads."""

    def claim(self, task: Task, for_s: float) -> int | None:
        """How many samples are still to be asked for, now that nobody else asks; None while
        another program does."""

    def release(self, task: Task) -> None:
        """It is not asked any more."""

    def done(self, task: Task, samples: Sequence[Sample], failure: Failure | None) -> None:
        """The samples that came, and what went wrong."""


class Asker:
    """See the module. ``first_pause_s`` is the pause before the first further attempt."""

    def __init__(
        self,
        settings: JudgeSettings,
        budget: Budget,
        principal: Principal,
        price: Price | None = None,
        *,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._settings = settings
        self._budget = budget
        self._principal = principal
        self._price = price
        self._first_pause_s = first_pause_s
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[Task] | None = None
        self._early: list[Task] = []
        """Asked before the loop ran."""
        self._stopped = False
        self._fault = ""
        """Why nobody can be asked at all."""
        self._not_before = 0.0
        """Loop time before which no call begins, as a server asked."""

    def ask(self, task: Task) -> None:
        """Ask in the background."""
        with self._lock:
            if self._stopped:
                return
            if self._loop is not None and self._queue is not None:
                self._loop.call_soon_threadsafe(self._queue.put_nowait, task)
                return
            self._early.append(task)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._main, name="tracedesk-judge", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Break off every call; answers that came are kept. May be called twice."""
        with self._lock:
            self._stopped = True
            loop, thread = self._loop, self._thread
            if loop is not None:
                loop.call_soon_threadsafe(self._break_off)
        if thread is not None:
            thread.join(JOIN_S)

    def _break_off(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except asyncio.CancelledError:
            log.debug("the judge was stopped while it was being asked")

    async def _serve(self) -> None:
        provider = await asyncio.to_thread(self._open)
        queue: asyncio.Queue[Task] = asyncio.Queue()
        with self._lock:
            if self._stopped:
                return
            self._loop, self._queue = asyncio.get_running_loop(), queue
            for task in self._early:
                queue.put_nowait(task)
            self._early.clear()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.concurrency):
                    group.create_task(self._work(provider, queue))
        finally:
            with self._lock:
                self._loop = None
            if provider is not None:
                await provider.close()

    def _open(self) -> Provider | None:
        """The model to ask; None after noting why there is none."""
        # takes most of a second to import, which only a question pays
        from tracedesk.judge.provider import ModelProvider

        try:
            return ModelProvider(self._settings, self._price)
        except UnusableError as fault:
            self._fault = str(fault)
        except Exception as fault:  # a library in disorder must not leave questions waiting
            log.exception("the judge's library could not be used")
            self._fault = f"the judge's library cannot be used: {type(fault).__name__}: {fault}"
        return None

    async def _work(self, provider: Provider | None, queue: asyncio.Queue[Task]) -> None:
        while True:
            task = await queue.get()
            wanted = await asyncio.to_thread(self._principal.claim, task, self._claim_s(task))
            if wanted is None:
                await asyncio.sleep(LOOK_S)
                queue.put_nowait(task)  # behind what nobody asks yet
                continue
            try:
                await self._answer(provider, task, wanted)
            finally:
                self._principal.release(task)

    def _claim_s(self, task: Task) -> float:
        return task.question.samples * self._settings.timeout_s + CLAIM_SPARE_S

    async def _answer(self, provider: Provider | None, task: Task, wanted: int) -> None:
        """Get the samples that are wanted, and tell what became of it."""
        samples: list[Sample] = []
        failure: Failure | None = None
        over = False
        try:
            if provider is None:
                raise self._failed("judge_config", self._fault)
            while len(samples) < wanted:  # one by one: what came before a failure is kept
                samples.append(await self._one(provider, task.question))
            over = True
        except _FailedError as failed:
            failure = failed.failure
        except Exception as fault:
            log.exception("the judge could not be asked")
            told = f"the judge could not be asked: {type(fault).__name__}: {fault}"
            failure = Failure("judge_internal", told, self._settings.model)
        finally:
            if over or samples or failure is not None:
                self._principal.done(task, samples, failure)

    async def _one(self, provider: Provider, question: Question) -> Sample:
        for attempt in range(self._settings.retries + 1):
            await self._wait_for_leave()
            try:
                return await self._call(provider, prompt_of(question))
            except RefusedError as fault:
                late = fault.code == "judge_timeout" and attempt >= 1
                if not fault.transient or late or attempt == self._settings.retries:
                    raise self._failed(fault.code, _counted(fault.message, attempt)) from fault
                await self._rest(fault, attempt)
        raise AssertionError("the last attempt returns or raises")

    async def _call(self, provider: Provider, prompt: str) -> Sample:
        """One attempt, paid for whatever becomes of it. Raises RefusedError and _FailedError."""
        if forbidden := await asyncio.to_thread(self._budget.reserve):
            raise self._failed("judge_budget", forbidden)
        calls, usd = 1, 0.0
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                reply = await provider.ask(prompt)
            calls, usd = reply.calls, reply.usd
            return reply.sample
        except TimeoutError as fault:
            told = f"no answer within {self._settings.timeout_s:g} s ([judge] timeout_s)"
            raise RefusedError("judge_timeout", told, transient=True) from fault
        except RefusedError as fault:
            calls, usd = fault.calls, fault.usd
            raise
        finally:
            await asyncio.shield(asyncio.to_thread(self._budget.settle, calls, usd))

    async def _wait_for_leave(self) -> None:
        """Wait for a pause that a server asked for, and for this minute's turn."""
        loop = asyncio.get_running_loop()
        while (left := self._not_before - loop.time()) > 0:
            await asyncio.sleep(left)
        if self._settings.requests_per_minute:
            self._not_before = loop.time() + 60 / self._settings.requests_per_minute

    async def _rest(self, fault: RefusedError, attempt: int) -> None:
        pause = min(LONGEST_PAUSE_S, self._first_pause_s * 2**attempt) * random.uniform(0.5, 1)
        if fault.retry_after is not None:
            if fault.retry_after > LONGEST_ASKED_PAUSE_S:
                told = f"{fault.message}; it asks for a pause of {fault.retry_after:g} s"
                raise self._failed(fault.code, told)
            pause = max(pause, fault.retry_after)
            loop_time = asyncio.get_running_loop().time()
            self._not_before = max(self._not_before, loop_time + fault.retry_after)
        await asyncio.sleep(pause)

    def _failed(self, code: str, message: str) -> "_FailedError":
        return _FailedError(Failure(code, message, self._settings.model))


class _FailedError(Exception):
    """A question that stays without an answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def _counted(message: str, attempt: int) -> str:
    return message if attempt == 0 else f"{message} ({attempt + 1} attempts)"
