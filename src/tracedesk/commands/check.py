"""``tracedesk check``: traces against test cases, without a screen.

Files are evaluated without a database; without files the stored traces are. Whatever could
not be read is reported and makes the exit status 2, never a trace or case less.
"""

import glob
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import fail, find, print_json, workspace_option

if TYPE_CHECKING:
    from tracedesk.evaluation.gate import Result, Subject
    from tracedesk.formats.saved import SavedFault
    from tracedesk.model.agent import Agent
    from tracedesk.query.filter import Filter
    from tracedesk.testcases.models import CaseFile, Diagnostic
    from tracedesk.workspace import Workspace

FORMATS = ("text", "json", "junit")
CASE_SUFFIXES = (".yaml", ".yml")


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--cases", multiple=True, help="Test-case file, folder or pattern; repeatable.")
@click.option("--filter", "condition", default="", help="Only traces that match this filter.")
@click.option("--agent", help="Take the traces as this agent's (id or name).")
@click.option("--format", "shape", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option("--junit", type=click.Path(path_type=Path), help="Also write a JUnit report here.")
@click.option("--html", type=click.Path(path_type=Path), help="Also write a page to read here.")
@click.option("--allow-missing", is_flag=True, help="Missing assertions do not fail the run.")
@workspace_option
def command(
    paths: tuple[Path, ...],
    cases: tuple[str, ...],
    condition: str,
    agent: str | None,
    shape: str,
    as_json: bool,
    junit: Path | None,
    html: Path | None,
    allow_missing: bool,
    workspace: Path,
) -> None:
    """Evaluate the traces in PATHS, or the stored ones, against test cases.

    Exit status: 0 all passed; 1 something failed, is missing, or nothing was decided; 2 a
    file could not be read, a test case is broken, or an assertion could not be evaluated.
    """
    started = time.perf_counter()
    from tracedesk.commands import check_reports as reports
    from tracedesk.evaluation.gate import exit_status, totals_of

    place = find(workspace)
    in_cases = [path for path in paths if path.suffix.lower() in CASE_SUFFIXES]
    run = _Run(place, _agent(place, agent) if agent else None, _filter(condition))
    run.load(_case_paths(place, cases, in_cases))
    traces = [path for path in paths if path not in in_cases]
    results = run.evaluate(run.from_files(traces) if traces else run.from_store())
    totals = totals_of(results, run.traces)
    elapsed_ms = round((time.perf_counter() - started) * 1e3)
    if junit is not None:
        _write(junit, reports.junit(results, run.diagnostics))
    texts = {file.path: file.text for file in run.case_files}
    if html is not None:
        from tracedesk.commands.check_html import page

        _write(html, page(results, run.diagnostics, totals, elapsed_ms, texts))
    if as_json or shape == "json":
        print_json(reports.document(results, run.diagnostics, totals, elapsed_ms))
    elif shape == "junit":
        sys.stdout.write(reports.junit(results, run.diagnostics))
    else:
        for line in reports.text(results, run.diagnostics, totals, elapsed_ms, texts):
            click.echo(line)
    sys.exit(exit_status(results, run.diagnostics, allow_missing=allow_missing))


class _Run:
    """What is evaluated, by which cases, and everything that could not be read."""

    def __init__(self, workspace: "Workspace", agent: "Agent | None", condition: "Filter") -> None:
        self.workspace = workspace
        self.agent = agent
        self.filter = condition
        self.case_files: list[CaseFile] = []
        self.diagnostics: list[Diagnostic] = []
        self.traces = 0
        """Traces that were looked at and fit the filter."""

    def load(self, paths: Sequence[Path]) -> None:
        """Read the case files."""
        from tracedesk.model.agent import LOCAL_AGENT
        from tracedesk.testcases.load import load_paths

        known = [agent for agent in self.workspace.agents if agent is not LOCAL_AGENT]
        names = {name for agent in known for name in (agent.id, agent.name)} or None
        self.case_files = load_paths(paths, self.workspace.root, agents=names)
        self.diagnostics += [d for file in self.case_files for d in file.diagnostics]

    def evaluate(self, subjects: "Iterable[Subject]") -> "list[Result]":
        """Every case on every trace that fits the filter."""
        from tracedesk.evaluation.gate import evaluate_subject

        cases = [case for file in self.case_files for case in file.cases]
        results: list[Result] = []
        for subject in subjects:
            if self.filter.terms and not self._fits(subject):
                continue
            self.traces += 1
            results += evaluate_subject(subject, cases, self.workspace.agents)
        return results

    def _fits(self, subject: "Subject") -> bool:
        from tracedesk.testcases.when import Subject as Asked
        from tracedesk.testcases.when import facts

        trace, reading = subject.load(subject.agent)
        return self.filter.matches({**facts(Asked(trace, reading, subject.agent)), **_ids(subject)})

    def from_files(self, paths: Iterable[Path]) -> "Iterator[Subject]":
        """The traces of files."""
        from tracedesk.evaluation.files import FileTraces
        from tracedesk.formats.saved import saved_requests

        found = FileTraces(self.workspace.agents, self.agent)
        for path in paths:
            found.take(saved_requests(path))
        self.diagnostics += map(_diagnostic, found.faults)
        roles = self.workspace.roles
        return (kept.subject(roles) for kept in found.traces)

    def from_store(self) -> "Iterator[Subject]":
        """The stored traces, in order of their last change."""
        from tracedesk.evaluation.load import stored_subject
        from tracedesk.store.database import Store
        from tracedesk.store.errors import StoreError

        if not self.workspace.database.exists():
            return
        agents = {agent.id: agent for agent in self.workspace.agents}
        try:
            with Store.open(self.workspace.database, read_only=True) as store:
                sequence = 0
                while rows := store.changed_since(sequence):
                    sequence = rows[-1].sequence
                    for row in rows:
                        if self.agent is None or row.agent_id == self.agent.id:
                            agent = agents.get(row.agent_id)
                            yield stored_subject(store, row, agent, self.workspace.roles)
        except StoreError as fault:
            fail(str(fault))


def _agent(workspace: "Workspace", name: str) -> "Agent":
    found = workspace.agent(name)
    if found is None:
        fail(f"no agent {name!r} here; there is {', '.join(a.name for a in workspace.agents)}")
    return found


def _filter(text: str) -> "Filter":
    from tracedesk.query.filter import FilterError, parse_filter

    try:
        parsed = parse_filter(text)
    except FilterError as fault:
        fail(f"--filter: {fault}")
    if any(term.key == "verdict" for term in parsed.terms):
        fail("--filter: 'verdict' cannot choose what is to be evaluated")
    return parsed


def _case_paths(
    workspace: "Workspace", given: Sequence[str], in_paths: Sequence[Path]
) -> list[Path]:
    """The files and folders of test cases: those named, else the workspace's own."""
    found = list(in_paths)
    for name in given:
        if Path(name).exists():
            found.append(Path(name))
            continue
        matches = sorted(glob.glob(name, recursive=True))
        if not matches:
            fail(f"--cases {name}: no such file or folder")
        found += map(Path, matches)
    return found or list(workspace.case_paths)


def _ids(subject: "Subject") -> dict[str, Any]:
    return {"id": [subject.id]}


def _diagnostic(fault: "SavedFault") -> "Diagnostic":
    from tracedesk.testcases.models import Diagnostic

    return Diagnostic(
        file=fault.source,
        line=fault.line or 1,
        column=1,
        code="unreadable-trace",
        message=fault.message,
    )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        fail(f"{path}: cannot be written: {fault.strerror}")
