"""``tracedesk report``: scores and failure matrix of the stored traces, over time and compared.

Everything is evaluated first with the test cases as they are now, so no number is out of date.
A failing case is what a report is about, not a failure of the report: the exit status is 0.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracedesk.commands.common import fail, json_option, print_json, reading_desk, workspace_option

if TYPE_CHECKING:
    from tracedesk.commands.report_data import Report


@click.command("report")
@click.option("--since", default="all", show_default=True, help="24h, 7d, 30d, a date, or all.")
@click.option("--agent", help="Only traces of this agent (id or name).")
@click.option("--version", help="Only traces with this metadata.version.")
@click.option("--environment", help="Only traces with this metadata.environment.")
@click.option("--filter", "condition", default="", help="Only traces that match this filter.")
@click.option("--compare", nargs=2, metavar="V1 V2", help="Compare two versions.")
@click.option(
    "--compare-since", metavar="WHEN", help="Compare the time since WHEN with as long before it."
)
@click.option(
    "--compare-edit", metavar="FILE", help="Compare results before and after FILE last changed."
)
@click.option("--html", type=click.Path(path_type=Path), help="Also write a page to read here.")
@json_option
@workspace_option
def command(
    since: str,
    agent: str | None,
    version: str | None,
    environment: str | None,
    condition: str,
    compare: tuple[str, str] | None,
    compare_since: str | None,
    compare_edit: str | None,
    html: Path | None,
    as_json: bool,
    workspace: Path,
) -> None:
    """Scores, failure matrix and regressions of the stored traces.

    Exit status: 0, whatever failed; 2 when the report could not be made.
    """
    from tracedesk.commands.report_data import Asked, UnanswerableError, make
    from tracedesk.store.errors import StoreError

    chosen = [given for given in (compare, compare_since, compare_edit) if given]
    if len(chosen) > 1:
        fail("--compare, --compare-since and --compare-edit are three questions; ask one")
    asked = Asked(
        since=since,
        agent=agent,
        version=version,
        environment=environment,
        condition=condition,
        versions=compare or None,
        compare_since=compare_since,
        edited=compare_edit,
        now_ns=time.time_ns(),
    )
    desk = reading_desk(workspace)
    try:
        report = make(desk, asked)
    except (UnanswerableError, StoreError) as fault:
        fail(str(fault))
    finally:
        desk.stop()
    _tell(report, html, as_json=as_json)


def _tell(report: "Report", html: Path | None, *, as_json: bool) -> None:
    if html is not None:
        from tracedesk.commands.report_html import page

        try:
            html.write_text(page(report), encoding="utf-8")
        except OSError as fault:
            fail(f"{html}: cannot be written: {fault.strerror}")
    if as_json:
        from tracedesk.commands.report_data import document

        print_json(document(report))
    else:
        from tracedesk.commands.report_text import lines

        for line in lines(report):
            click.echo(line)
