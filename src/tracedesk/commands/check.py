"""``tracedesk check``: traces against test cases, without a screen.

Files are evaluated without a database; without files the stored traces are. Whatever could
not be read is reported and makes the exit status 2, never a trace or case less.
"""

import glob
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec

from tracedesk.commands.common import fail, find, print_json, workspace_option

if TYPE_CHECKING:
    from tracedesk.commands.check_flips import Base
    from tracedesk.commands.check_run import Run, Source
    from tracedesk.evaluation.backtest import Backtest
    from tracedesk.evaluation.gate import MarkFault
    from tracedesk.model.agent import Agent
    from tracedesk.query.filter import Filter
    from tracedesk.workspace import Workspace

FORMATS = ("text", "json", "junit")
CASE_SUFFIXES = (".yaml", ".yml")


class Reports(msgspec.Struct):
    """How the outcome is told, and what is let pass."""

    shape: str
    junit: Path | None
    html: Path | None
    allow_missing: bool
    allow_flips: bool = False


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
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Processes that share the traces; 0: as many as there are processors. Where much "
    "fails it gains nothing: one process writes the report.",
)
@click.option("--watch", is_flag=True, help="Run again whenever a file changes; Ctrl-C ends it.")
@click.option(
    "--against",
    metavar="stored|AGE|DATE",
    help="Tell what changed since the last stored results, or those before 2h ago or a date.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Tell what changed since this report of check --json.",
)
@click.option(
    "--before",
    type=click.Path(path_type=Path),
    help="Tell what changed since these earlier versions of the case files.",
)
@click.option("--allow-flips", is_flag=True, help="Lost passes do not fail such a comparison.")
@click.option("--marked", is_flag=True, help="Only stored traces marked good or bad.")
@click.option("--no-judge", is_flag=True, help="Skip what an AI judge would decide.")
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
    jobs: int,
    watch: bool,
    against: str | None,
    baseline: Path | None,
    before: Path | None,
    allow_flips: bool,
    marked: bool,
    no_judge: bool,
    workspace: Path,
) -> None:
    """Evaluate the traces in PATHS, or the stored ones, against test cases.

    Exit status: 0 all passed; 1 something failed, is missing, a trace is not as it is marked,
    or nothing was decided; 2 a file could not be read, a test case is broken, or an assertion
    could not be evaluated. With --against, --baseline or --before, 1 means that a pass was lost.
    """
    from tracedesk.commands.check_flips import Base

    reports = Reports("json" if as_json else shape, junit, html, allow_missing, allow_flips)
    base = Base(against=against, baseline=baseline, before=before)
    base.check()
    place = find(workspace)
    in_cases = [path for path in paths if path.suffix.lower() in CASE_SUFFIXES]
    traces = [path for path in paths if path not in in_cases]
    the_agent = _agent(place, agent) if agent else None
    case_paths = _case_paths(place, cases, in_cases)
    once = _Once(
        place,
        case_paths,
        traces,
        the_agent,
        _filter(condition),
        jobs or os.cpu_count() or 1,
        not no_judge,
        base,
        marked,
        _covers(case_paths, place.case_paths),
    )
    once.check()
    if watch:
        _keep_running(once, reports)
    sys.exit(once.run(reports))


class _Once(msgspec.Struct):
    """What was asked for, to be run once or again and again."""

    workspace: "Workspace"
    case_paths: list[Path]
    traces: list[Path]
    """Files; none: the stored traces."""
    agent: "Agent | None"
    chosen: "Filter"
    jobs: int
    ask_judge: bool
    base: "Base"
    marked: bool
    """Only stored traces that are marked."""
    all_cases: bool
    """All test cases of the workspace are run."""
    status: int = 0
    """The exit status that the last run asks for, known before it is told."""

    def run(self, reports: Reports, traces: "Source | None" = None) -> int:
        """Evaluate, tell, and give the exit status."""
        started = time.perf_counter()
        from tracedesk.commands.check_flips import backtest, earlier_cases
        from tracedesk.commands.check_run import case_files, run
        from tracedesk.evaluation.backtest import flip_status
        from tracedesk.evaluation.gate import exit_status, mark_faults

        source = traces or self.source()
        before = self.base.before
        found = run(
            self.workspace,
            case_files(self.workspace, self.case_paths),
            source,
            self.chosen,
            self.jobs,
            earlier_cases(self.base, case_files(self.workspace, [before])) if before else (),
            ask_judge=self.ask_judge,
        )
        whole = self.marked or self.all_cases
        faults = mark_faults(found.subjects, found.results, whole=whole)
        test = backtest(self.base, found, self.workspace, self.agent) if self.base.asked else None
        if test is None:
            self.status = exit_status(
                found.results,
                found.diagnostics,
                allow_missing=reports.allow_missing,
                faults=faults,
            )
        else:
            self.status = flip_status(
                test,
                found.diagnostics,
                faults,
                allow_flips=reports.allow_flips,
                allow_missing=reports.allow_missing,
            )
        _tell(found, reports, round((time.perf_counter() - started) * 1e3), test, faults)
        return self.status

    def check(self) -> None:
        """Exit with 2 where what was asked for makes no sense together."""
        of_marks = any(term.key == "mark" for term in self.chosen.terms)
        if self.traces and (self.marked or of_marks):
            fail("only stored traces are marked; leave the trace files out")
        if self.traces and self.base.against:
            fail("--against compares stored traces; with files use --baseline or --before")

    def source(self) -> "Source":
        from tracedesk.commands.check_run import Files, Stored

        if self.traces:
            return Files(self.traces, self.workspace, self.agent)
        return Stored(self.workspace, self.agent, marked_only=self.marked)


def _tell(
    found: "Run",
    reports: Reports,
    elapsed_ms: int,
    test: "Backtest | None",
    faults: "Sequence[MarkFault]",
) -> None:
    """Write the reports that were asked for. Of a comparison text and JUnit tell what changed,
    not what is as it was."""
    from tracedesk.commands import check_reports
    from tracedesk.evaluation.gate import totals_of

    results, diagnostics = found.results, found.diagnostics
    totals = totals_of(results, found.traces)
    texts = {file.path: file.text for file in found.case_files}
    if reports.junit is not None:
        _write(reports.junit, check_reports.junit(results, diagnostics, test, faults))
    if reports.html is not None:
        from tracedesk.commands.check_html import page

        _write(reports.html, page(results, diagnostics, totals, elapsed_ms, texts, test, faults))
    if reports.shape == "json":
        print_json(check_reports.document(results, diagnostics, totals, elapsed_ms, test, faults))
    elif reports.shape == "junit":
        sys.stdout.write(check_reports.junit(results, diagnostics, test, faults))
    else:
        for line in check_reports.text(
            results, diagnostics, totals, elapsed_ms, texts, test, faults
        ):
            click.echo(line)


def _keep_running(once: _Once, reports: Reports) -> NoReturn:
    """Run, and again after every change of a case file or a trace file, until Ctrl-C; the exit
    status is that of the last run."""
    from tracedesk.commands.check_watch import changes

    if reports.shape != "text":
        fail("--watch prints a report for people; leave out --json and --format")
    source: Source | None = None
    with suppress(KeyboardInterrupt):
        for changed in changes(once.case_paths, once.traces):
            if changed is None or source is None or changed.traces:
                source = once.source()
                source.keep_decoded()
            if changed is not None:
                click.echo(f"── {changed} " + "─" * max(4, 70 - len(str(changed))))
            once.run(reports, source)
    sys.exit(once.status)


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


def _covers(paths: Sequence[Path], all_paths: Sequence[Path]) -> bool:
    """Whether all of the workspace's test cases lie in these places."""
    places = {path.resolve() for path in paths}
    return all(not places.isdisjoint((p.resolve(), *p.resolve().parents)) for p in all_paths)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        fail(f"{path}: cannot be written: {fault.strerror}")
