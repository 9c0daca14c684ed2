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
    from tracedesk.commands.check_run import Run, Source
    from tracedesk.model.agent import Agent
    from tracedesk.query.filter import Filter
    from tracedesk.workspace import Workspace

FORMATS = ("text", "json", "junit")
CASE_SUFFIXES = (".yaml", ".yml")


class Reports(msgspec.Struct):
    """How the outcome is told."""

    shape: str
    junit: Path | None
    html: Path | None
    allow_missing: bool


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
    help="Processes that share the traces; 0: as many as there are processors.",
)
@click.option("--watch", is_flag=True, help="Run again whenever a file changes; Ctrl-C ends it.")
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
    workspace: Path,
) -> None:
    """Evaluate the traces in PATHS, or the stored ones, against test cases.

    Exit status: 0 all passed; 1 something failed, is missing, or nothing was decided; 2 a
    file could not be read, a test case is broken, or an assertion could not be evaluated.
    """
    reports = Reports("json" if as_json else shape, junit, html, allow_missing)
    place = find(workspace)
    in_cases = [path for path in paths if path.suffix.lower() in CASE_SUFFIXES]
    traces = [path for path in paths if path not in in_cases]
    the_agent = _agent(place, agent) if agent else None
    once = _Once(
        place,
        _case_paths(place, cases, in_cases),
        traces,
        the_agent,
        _filter(condition),
        jobs or os.cpu_count() or 1,
    )
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
    status: int = 0
    """The exit status that the last run asks for, known before it is told."""

    def run(self, reports: Reports, traces: "Source | None" = None) -> int:
        """Evaluate, tell, and give the exit status."""
        started = time.perf_counter()
        from tracedesk.commands.check_run import run
        from tracedesk.evaluation.gate import exit_status

        source = traces or self.source()
        found = run(self.workspace, self.case_paths, source, self.chosen, self.jobs)
        self.status = exit_status(
            found.results, found.diagnostics, allow_missing=reports.allow_missing
        )
        _tell(found, reports, round((time.perf_counter() - started) * 1e3))
        return self.status

    def source(self) -> "Source":
        from tracedesk.commands.check_run import Files, Stored

        if self.traces:
            return Files(self.traces, self.workspace, self.agent)
        return Stored(self.workspace, self.agent)


def _tell(found: "Run", reports: Reports, elapsed_ms: int) -> None:
    """Write the reports that were asked for."""
    from tracedesk.commands import check_reports
    from tracedesk.evaluation.gate import totals_of

    results, diagnostics = found.results, found.diagnostics
    totals = totals_of(results, found.traces)
    texts = {file.path: file.text for file in found.case_files}
    if reports.junit is not None:
        _write(reports.junit, check_reports.junit(results, diagnostics))
    if reports.html is not None:
        from tracedesk.commands.check_html import page

        _write(reports.html, page(results, diagnostics, totals, elapsed_ms, texts))
    if reports.shape == "json":
        print_json(check_reports.document(results, diagnostics, totals, elapsed_ms))
    elif reports.shape == "junit":
        sys.stdout.write(check_reports.junit(results, diagnostics))
    else:
        for line in check_reports.text(results, diagnostics, totals, elapsed_ms, texts):
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


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        fail(f"{path}: cannot be written: {fault.strerror}")
