"""The judge of one ``tracedesk check``: opened when a case wants it, waited for, and closed."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tracedesk.assertions import Settings
from tracedesk.evaluation.judging import base_settings, judge_of, want_judge
from tracedesk.testcases.models import Case
from tracedesk.workspace import Workspace

if TYPE_CHECKING:
    from tracedesk.judge.judge import StoppableJudge
    from tracedesk.store.database import Store

LOOK_S = 0.5
"""How often a terminal is told how many answers are still to come."""

DECLINED = "the judge was not asked (--no-judge)"


@contextmanager
def judge_at_hand(
    workspace: Workspace, cases: Sequence[Case], *, ask: bool
) -> "Iterator[tuple[StoppableJudge | None, Settings]]":
    """The judge, if one is to be asked, and the settings to evaluate by."""
    settings, prices = workspace.judge, workspace.prices
    if settings is None or not want_judge(cases):
        yield None, base_settings(None, settings, prices)
        return
    if not ask:
        from tracedesk.judge.judge import declining

        yield None, base_settings(declining(settings, DECLINED), settings, prices)
        return
    store = None if settings.heuristic else _shelf(workspace)
    judge = judge_of(settings, prices, store)
    assert judge is not None, "it is configured"
    try:
        yield judge, base_settings(judge, settings, prices)
    finally:
        judge.stop()
        if store is not None:
            store.close()


def _shelf(workspace: Workspace) -> "Store | None":
    """The database that keeps the answers; without it they are asked for anew each time."""
    from tracedesk.store.errors import StoreError

    try:
        workspace.prepare()
        return workspace.open_store()
    except (StoreError, OSError) as fault:
        click.echo(f"tracedesk: answers of the judge are not kept: {fault}", err=True)
        return None


def wait_for(judge: "StoppableJudge", wait_s: float) -> None:
    """Wait until all answers are there; what is too late has failed."""
    end = time.monotonic() + wait_s
    telling = sys.stderr.isatty()
    while not judge.wait(min(LOOK_S, max(0.0, end - time.monotonic()))):
        if time.monotonic() >= end:
            judge.give_up(f"no answer within {wait_s:g} s ([judge] wait_s)")
            break
        if telling:
            progress = judge.progress()
            told = f"the judge is asked: {progress.answered} answers, {progress.waiting} to come"
            click.echo(f"\r{told} ", err=True, nl=False)
    if telling:
        click.echo("\r\x1b[K", err=True, nl=False)
