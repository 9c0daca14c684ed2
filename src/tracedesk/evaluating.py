"""The evaluating half of a desk: the judge, the evaluator, and what they know of a trace.

It holds what ``Desk`` sets up; there is one evaluator at a time, begun anew when the
configuration changes.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from tracedesk.listening import EndpointState
from tracedesk.model.agent import Agent
from tracedesk.model.execution import Execution
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Format, Trace
from tracedesk.opening import OpenTrace
from tracedesk.store.database import Store
from tracedesk.store.rows import TraceRow
from tracedesk.workspace import Workspace

if TYPE_CHECKING:
    from tracedesk.assertions import Settings
    from tracedesk.evaluation.evaluator import Evaluator
    from tracedesk.evaluation.flips import Edit
    from tracedesk.evaluation.progress import Progress
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.evaluation.showing import Showing
    from tracedesk.judge.judge import Progress as JudgeProgress
    from tracedesk.judge.judge import StoppableJudge
    from tracedesk.model.judgement import Judge
    from tracedesk.testcases.models import CaseFile

ASKED = "the judge is asked"
NOT_ASKED = "the judge is asked by the workbench, serve and check, and has not answered this yet"


class Evaluating:
    """What ``Desk`` is besides a place where things are opened and closed."""

    workspace: Workspace
    store: Store
    endpoint: EndpointState
    files: "tuple[CaseFile, ...]"
    activity: str
    showing: "Showing | None" = None
    """Set by whoever shows the open trace: it hears of newer results at once."""
    _agents: Mapping[str, Agent]
    _quiet_s: float
    _changes: int
    _evaluator: "Evaluator | None" = None
    _shown: str | None = None
    _in_sight: Sequence[str] = ()
    """The open trace and what is on screen, for an evaluator that begins later."""
    _judge: "StoppableJudge | None" = None

    @property
    def owns_endpoint(self) -> bool:
        """Of several desks over one workspace the one that listens, or would; it alone removes
        what is beyond the limits and records executions."""
        return self.endpoint.state in ("listening", "failed")

    def say(self, activity: str) -> None:
        """Show in the header what is going on besides receiving; blank takes it away."""
        self.activity = activity
        self._changes += 1

    def _take_judge(self) -> None:
        """Have the judge that is configured now; it is not asked anything yet."""
        from tracedesk.evaluation.judging import judge_of

        if self._judge is not None:
            self._judge.stop()
        judge, prices = self.workspace.judge, self.workspace.prices
        self._judge = judge_of(judge, prices, self.store, self._judge_went_on)

    def _judge_went_on(self, progress: "JudgeProgress") -> None:
        """Say how many answers are to come, and why the last one did not."""
        if progress.waiting:
            self.say(f"{ASKED}: {progress.waiting} to come")
        elif self.activity.startswith(ASKED):
            self.say(f"{ASKED}: {progress.last_failure}" if progress.last_failure else "")

    def judge_progress(self) -> "JudgeProgress | None":
        """How far the judge is; None without one."""
        return self._judge.progress() if self._judge else None

    def _settings(self, *, ask: bool) -> "Settings":
        """What all agents' traces are evaluated by; a judge that shall not ask only tells what
        it knows."""
        from tracedesk.evaluation.judging import base_settings

        if self._judge is None:
            self._take_judge()
        judge: Judge | None = self._judge
        if self._judge is not None and not ask:
            judge = self._judge.recalling(NOT_ASKED)
        return base_settings(judge, self.workspace.judge, self.workspace.prices)

    def _begin_evaluating(self, *, ask: bool = True, record: bool = False) -> "Evaluator":
        # reading and evaluating take a fifth of a second to import, which no first frame pays
        from tracedesk.evaluation.evaluator import Evaluator
        from tracedesk.store.connections import file_kind

        evaluator = Evaluator(
            self.store,
            lambda: self._agents,
            quiet_s=self._quiet_s,
            roles=self.workspace.roles,
            record=record or self.owns_endpoint,
            base=self._settings(ask=ask),
            # an encrypted database is opened by the process that has its key, and no other
            assisted=file_kind(self.store.path) == "plain",
            showing=lambda: self.showing,
        )
        evaluator.set_files(list(self.files))
        if self._evaluator is not None and self._evaluator.paused:
            evaluator.pause()
        self._evaluator = evaluator
        evaluator.open(self._shown)  # by a screen that was there before
        evaluator.on_screen(self._in_sight)
        evaluator.start()
        return evaluator

    def _evaluate_anew(self) -> None:
        """Have an evaluator that goes by what is so now, such as that this desk records."""
        if self._evaluator is not None:
            self._evaluator.stop()
        self._begin_evaluating()

    def progress(self) -> "Progress | None":
        """How far the evaluator is; None before it runs."""
        return self._evaluator.progress() if self._evaluator else None

    def hold_evaluation(self) -> bool:
        """Pause evaluation, or go on and take up what was cancelled; whether it is paused now."""
        evaluator = self._evaluator
        if evaluator is None:
            return False
        if evaluator.paused:
            evaluator.resume()
        else:
            evaluator.pause()
        return evaluator.paused

    def cancel_evaluation(self) -> bool:
        """Leave undone what is due now; False when nothing is."""
        evaluator = self._evaluator
        if evaluator is None or not evaluator.progress().busy:
            return False
        evaluator.cancel()
        return True

    def expect_save(self) -> None:
        """Somebody types in a case file: what helps with very many traces is begun meanwhile."""
        if self._evaluator is not None:
            self._evaluator.expect_save()

    def last_edit(self) -> "Edit | None":
        """What the last edit of case files turned over; None before the first one here."""
        return self._evaluator.last_edit() if self._evaluator else None

    def totals(self) -> dict[str, int]:
        """Traces by outcome, ``pending`` and ``none``; empty before the evaluator runs."""
        return self._evaluator.totals() if self._evaluator else {}

    def show(self, trace_id: str) -> None:
        """Tell the evaluator which trace is open, so that its verdicts come first."""
        self._shown = trace_id
        if self._evaluator is not None:
            self._evaluator.open(trace_id)

    def on_screen(self, trace_ids: Sequence[str]) -> None:
        """Tell the evaluator which traces are in sight; theirs come next."""
        self._in_sight = trace_ids
        if self._evaluator is not None:
            self._evaluator.on_screen(trace_ids)

    def advised_files(self) -> "list[CaseFile]":
        """The loaded case files, with what the stored traces say about them as warnings."""
        from tracedesk.evaluation.advice import with_advice

        advice = self._evaluator.advice() if self._evaluator else ()
        return with_advice(self.files, advice)

    def verdicts(self, trace_id: str) -> "TraceVerdicts | None":
        """What the evaluator found on a trace so far; None before it was looked at."""
        return self._evaluator.results(trace_id) if self._evaluator else None

    def run_case(self, trace_id: str, *case_ids: str) -> "Future[Execution]":
        """Run test cases on a stored trace now, whatever their status; see
        ``Evaluator.run_case``. Raises LookupError before the evaluator runs."""
        if self._evaluator is None:
            raise LookupError("test cases cannot be run yet: the workspace is still being opened")
        return self._evaluator.run_case(trace_id, *case_ids)

    def _outcome(self, trace_id: str) -> str | None:
        """For ``verdict:`` in filters; None while a trace waits for its verdicts."""
        verdicts = self.verdicts(trace_id)
        return None if verdicts is None or verdicts.pending else verdicts.outcome

    def evaluate(self, opened: OpenTrace) -> "TraceVerdicts":
        """Evaluate the loaded case files on one trace, here and now. While more of it may come
        it is pending, without verdicts (ingestion spec 9)."""
        from tracedesk.assertions.trace_index import forget
        from tracedesk.evaluation.run import combined, evaluate_trace

        row = opened.row
        cases = [case for file in self.files for case in file.cases]
        agent = self._agents.get(row.agent_id)
        base = self._settings(ask=False)
        try:
            found = evaluate_trace(
                row.id, row.revision, opened.trace, opened.reading, cases, agent, base
            )
        finally:
            forget()  # what was prepared of the trace, which the thread would keep
        if found.cases and self.quiet_in_s(row):
            return combined(row.id, row.revision, (), pending=True)
        return found

    def quiet_in_s(self, row: TraceRow) -> float:
        """In how many seconds a trace counts as whole if nothing more of it comes; 0: now."""
        if row.format != Format.OTLP:
            return 0.0
        return max(0.0, self._quiet_s - max(0, time.time_ns() - row.updated_ns) / 1e9)

    def evaluate_as_of(
        self, opened: OpenTrace, trace: Trace, whole: "TraceVerdicts | None"
    ) -> "tuple[Reading, TraceVerdicts | None]":
        """How an open trace read while only ``trace`` of it was there, and which of its verdicts
        were decided by then. For workers."""
        from tracedesk.assertions.trace_index import forget
        from tracedesk.comparing.decided import verdicts_so_far
        from tracedesk.evaluation.load import reading_settings
        from tracedesk.reading import read

        agent = self._agents.get(opened.row.agent_id)
        reading = read(trace, reading_settings(agent, self.workspace.roles))
        if whole is None:
            return reading, None
        cases = [case for file in self.files for case in file.cases]
        base = self._settings(ask=False)
        try:
            return reading, verdicts_so_far(whole, cases, trace, reading, agent, base)
        finally:
            forget()  # what was prepared of the trace, which the thread would keep
