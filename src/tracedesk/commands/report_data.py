"""What ``tracedesk report`` tells, before it is text, JSON or HTML: all three say the same."""

import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from tracedesk.evaluation.behind import behind
from tracedesk.evaluation.gather import in_effect, traces_of
from tracedesk.evaluation.matrix import Cell, Failure, Matrix, Row, failures_of, matrix_of
from tracedesk.evaluation.regressions import Comparison, Edit
from tracedesk.evaluation.tally import Scores
from tracedesk.evaluation.trends import Choice, Point
from tracedesk.evaluation.windows import PRESET_TITLES, Window, before, day_of, day_text, since_ns
from tracedesk.owner import announced_url
from tracedesk.query.filter import FilterError, parse_filter
from tracedesk.query.names import nearest
from tracedesk.query.text import counted, iso

if TYPE_CHECKING:
    from tracedesk.desk import Desk

FAILURES_LISTED = 200
"""Failures that a report lists one by one; its numbers are of all."""

NOT_STATED = "(none stated)"
"""What stands for a blank version or environment."""

EVALUATED_WITHIN_S = 3_600.0
"""How long all stored traces may take to be evaluated."""

CAUGHT_UP_WITHIN_S, LOOK_S = 5.0, 0.2
"""How long, and how often, another desk is looked at that is evaluating."""


class UnanswerableError(Exception):
    """A question that cannot be answered, in words for people."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command, as given."""

    since: str
    agent: str | None
    version: str | None
    environment: str | None
    condition: str
    versions: tuple[str, str] | None
    compare_since: str | None
    edited: str | None
    now_ns: int


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison with the names of its sides."""

    before: str
    after: str
    comparison: Comparison


class AgentScores(msgspec.Struct, frozen=True):
    """The scores of one agent."""

    name: str
    scores: Scores


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is told."""

    about: tuple[str, ...]
    """What was asked for, in words."""
    scores: Scores
    agents: tuple[AgentScores, ...]
    versions: tuple[Point, ...]
    environments: tuple[Point, ...]
    days: tuple[Point, ...]
    edits: tuple[Edit, ...]
    matrix: Matrix
    failures: tuple[Failure, ...]
    compared: Compared | None
    gone: int
    """Cases with results in the window that are in no file, or paused, now."""
    behind: int
    """Traces, in the window or not, that the desk which runs has not evaluated by now."""
    problems: tuple[str, ...]
    """What is wrong with the test-case files."""
    why_empty: str
    """Why nothing was counted; blank when something was."""


def make(desk: "Desk", asked: Asked) -> Report:
    """Evaluate what is not evaluated yet, and count. Raises UnanswerableError and StoreError."""
    window, about = _window(desk, asked)
    waiting = _evaluate(desk)
    effect = in_effect(desk.files)
    gathered = desk.gatherer.gather(window, effect)
    survey = gathered.survey
    tally = survey.tally()
    problems = [str(d) for file in desk.files for d in file.errors]
    return Report(
        about=tuple(about),
        scores=tally.scores(),
        agents=tuple(
            AgentScores(desk.agent_name(agent), survey.tally(Choice(agent_id=agent)).scores())
            for agent in survey.agents
        ),
        versions=tuple(survey.by_version()),
        environments=tuple(survey.by_environment()),
        days=tuple(survey.by_day()),
        edits=tuple(desk.gatherer.edits()),
        matrix=matrix_of(tally),
        failures=tuple(failures_of(desk.gatherer.read(survey.failing()[:FAILURES_LISTED]))),
        compared=_compared(desk, asked, window),
        gone=len(gathered.gone),
        behind=waiting,
        problems=tuple(problems),
        why_empty=""
        if tally.cases
        else why_empty(
            traces=desk.store.count(),
            cases=len(effect.cases),
            newest_ns=gathered.newest_ns,
            behind=waiting,
        ),
    )


def _evaluate(desk: "Desk") -> int:
    """Have the history say what the test cases of now say; a desk that is running sees to that
    itself, and may be behind: by how many traces."""
    if announced_url(desk.workspace) is None:
        if not desk.evaluate_all(EVALUATED_WITHIN_S, record=True):
            raise UnanswerableError("evaluating the stored traces took longer than an hour")
        return 0
    desk.read_cases()
    agents = {agent.id: agent for agent in desk.workspace.agents}
    end = time.monotonic() + CAUGHT_UP_WITHIN_S
    while (waiting := behind(desk.store, agents, desk.files)) and time.monotonic() < end:
        time.sleep(LOOK_S)  # no event of another process reaches this one
    return waiting


def _window(desk: "Desk", asked: Asked) -> tuple[Window, list[str]]:
    """The window asked for, and its description."""
    since = _since(asked.since, asked.now_ns, "--since")
    known = PRESET_TITLES.get(asked.since.strip().lower())
    about = [known or f"since {asked.since}"]
    agent_id = traces = None
    if asked.agent is not None:
        agent = desk.workspace.agent(asked.agent)
        if agent is None:
            names = ", ".join(each.name for each in desk.workspace.agents)
            raise UnanswerableError(f"no agent {asked.agent!r} here; there is {names}")
        agent_id = agent.id
        about.append(f"agent {agent.name}")
    if asked.version is not None:
        about.append(f"version {asked.version or NOT_STATED}")
    if asked.environment is not None:
        about.append(f"environment {asked.environment or NOT_STATED}")
    if asked.condition.strip():
        traces = _filtered(desk, asked.condition)
        about.append(f"filter {asked.condition.strip()}")
    window = Window(
        since_ns=since,
        agent_id=agent_id,
        version=asked.version,
        environment=asked.environment,
        traces=traces,
    )
    return window, about


def _since(text: str, now_ns: int, option: str) -> int | None:
    try:
        return since_ns(text, now_ns)
    except ValueError as fault:
        raise UnanswerableError(f"{option}: {fault}") from fault


def _filtered(desk: "Desk", condition: str) -> frozenset[str]:
    try:
        where = parse_filter(condition)
    except FilterError as fault:
        raise UnanswerableError(f"--filter: {fault}") from fault
    if any(term.key == "verdict" for term in where.terms):
        raise UnanswerableError("--filter: 'verdict' is what the report is about; leave it out")
    return traces_of(desk.store, where)


# -- comparing -------------------------------------------------------------------------


def _compared(desk: "Desk", asked: Asked, window: Window) -> Compared | None:
    if asked.versions is not None:
        return _versions(desk, asked.versions, window)
    if asked.compare_since is not None:
        return _windows(desk, asked, window)
    if asked.edited is not None:
        return _edit(desk, asked.edited)
    return None


def _versions(desk: "Desk", versions: tuple[str, str], window: Window) -> Compared:
    effect = in_effect(desk.files)
    whole = msgspec.structs.replace(window, version=None)
    known = desk.gatherer.gather(whole, effect).survey.versions()
    for version in versions:
        if version not in known:
            there = ", ".join(v for v in known if v) or "none; send metadata.version"
            meant = nearest(version, known)
            hint = f"did you mean {meant!r}?" if meant else f"there is {there}"
            raise UnanswerableError(f"no evaluated trace has version {version!r}; {hint}")
    sides = [msgspec.structs.replace(whole, version=version) for version in versions]
    return Compared(
        before=f"version {versions[0]}",
        after=f"version {versions[1]}",
        comparison=desk.gatherer.compare_windows(sides[0], sides[1], effect),
    )


def _windows(desk: "Desk", asked: Asked, window: Window) -> Compared:
    assert asked.compare_since is not None
    since = _since(asked.compare_since, asked.now_ns, "--compare-since")
    if since is None:
        raise UnanswerableError("--compare-since: there is no time before all; say 7d, or a date")
    if since >= asked.now_ns:
        raise UnanswerableError(f"--compare-since: {asked.compare_since!r} is still to come")
    start, end = before(since, asked.now_ns)
    earlier = msgspec.structs.replace(window, since_ns=start, until_ns=end)
    later = msgspec.structs.replace(window, since_ns=since, until_ns=None)
    return Compared(
        before=f"{day_text(day_of(start))} to {day_text(day_of(end))}",
        after=f"since {asked.compare_since}",
        comparison=desk.gatherer.compare_windows(earlier, later, in_effect(desk.files)),
    )


def _edit(desk: "Desk", file: str) -> Compared:
    edits = desk.gatherer.edits()
    wanted = PurePath(file).as_posix()
    found = [edit for edit in edits if edit.file == wanted or edit.file.endswith(f"/{wanted}")]
    if not found:
        changed = sorted({edit.file for edit in edits})
        there = f"; what changed is {', '.join(changed)}" if changed else ""
        raise UnanswerableError(
            f"the history tells of no change of {file}{there or ': no test case has changed'}"
        )
    edit = found[-1]
    return Compared(
        before=f"before {edit.file} changed",
        after="now",
        comparison=desk.gatherer.compare_edit(edit, in_effect(desk.files)),
    )


def left_out(report: Report) -> list[str]:
    """What the numbers are without, a sentence each."""
    told = []
    if report.gone:
        told.append(f"{counted(report.gone, 'case')} no longer in effect left out")
    if report.behind:
        told.append(
            f"{counted(report.behind, 'trace')} not evaluated yet by the desk that is running;"
            " earlier results, if any, are counted: ask again in a while"
        )
    return told


def why_empty(*, traces: int, cases: int, newest_ns: int | None, behind: int = 0) -> str:
    """Why nothing was counted, and what to do about it."""
    if not traces:
        return "no trace is stored yet"
    if not cases:
        return "no test case is active: put a file into testcases/"
    if newest_ns is None and behind:
        return "nothing is evaluated yet"
    if newest_ns is None:
        return "no test case was meant for a stored trace"
    newest = day_text(day_of(newest_ns))
    return f"no evaluated trace is in this window; the newest is of {newest}"


# -- JSON ------------------------------------------------------------------------------


def document(report: Report) -> dict[str, Any]:
    """The object of ``report --json``."""
    return {
        "about": list(report.about),
        "scores": report.scores,
        "agents": [{"agent": each.name, "scores": each.scores} for each in report.agents],
        "versions": [{"version": each.label, "scores": each.scores} for each in report.versions],
        "environments": [
            {"environment": each.label, "scores": each.scores} for each in report.environments
        ],
        "days": [
            {"day": each.label, "newVersions": list(each.versions), "scores": each.scores}
            for each in report.days
        ],
        "edits": [
            {"file": edit.file, "at": iso(edit.at_ns), "cases": list(edit.cases)}
            for edit in report.edits
        ],
        "matrix": {
            "stages": list(report.matrix.stages),
            "rows": [_row(row) for row in report.matrix.rows],
            "totals": _row(report.matrix.totals),
        },
        "failures": [_failure(failure) for failure in report.failures[:FAILURES_LISTED]],
        "failuresLeftOut": max(0, report.matrix.totals.failed - FAILURES_LISTED),
        "comparison": None if report.compared is None else _comparison(report.compared),
        "casesNotInEffect": report.gone,
        "tracesNotEvaluated": report.behind,
        "problems": list(report.problems),
        "note": report.why_empty,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "case": row.case,
        "name": row.name,
        "file": row.file,
        "failed": row.failed,
        "evaluated": row.evaluated,
        "missing": row.missing,
        "errors": row.errors,
        "skipped": row.skipped,
        "root": row.root,
        "cells": {stage or "none": _cell(cell) for stage, cell in row.cells.items()},
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "failures": cell.failures,
        "evaluated": cell.evaluated,
        "share": cell.share,
        "roots": cell.roots,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "trace": failure.trace,
        "at": iso(failure.at_ns),
        "version": failure.version,
        "environment": failure.environment,
        "case": failure.case,
        "name": failure.name,
        "stage": failure.stage or "none",
        "assertion": failure.assertion,
        "target": failure.target,
        "reason": failure.reason,
        "span": failure.span,
        "path": failure.path,
    }


def _comparison(compared: Compared) -> dict[str, Any]:
    found = compared.comparison
    return {
        "before": {"name": compared.before, "scores": found.before},
        "after": {"name": compared.after, "scores": found.after},
        "pairing": found.pairing,
        "paired": found.paired,
        "unpairedBefore": found.unpaired_before,
        "unpairedAfter": found.unpaired_after,
        "passToFail": [msgspec.to_builtins(flip) for flip in found.broken],
        "failToPass": [msgspec.to_builtins(flip) for flip in found.mended],
        "otherChanges": [msgspec.to_builtins(flip) for flip in found.others],
        "cases": [{**msgspec.to_builtins(change), "drop": change.drop} for change in found.cases],
    }
