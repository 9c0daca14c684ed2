"""``tracedesk show``: one trace with tree, reading and verdicts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracedesk.commands.common import (
    fail,
    json_option,
    once_quiet,
    print_json,
    reading_desk,
    the_one,
    workspace_option,
)

if TYPE_CHECKING:
    from tracedesk.desk import Desk, OpenTrace
    from tracedesk.model.reading import Text
    from tracedesk.store.rows import TraceRow


@click.command("show")
@click.argument("trace")
@workspace_option
@json_option
@click.option(
    "--revision",
    type=click.IntRange(1),
    metavar="N",
    help="What the trace was before it was replaced.",
)
@click.option("--curl", is_flag=True, help="Print commands that make the trace anew instead.")
@click.option(
    "--executions", is_flag=True, help="List what test cases said of the trace, and when, instead."
)
def command(
    trace: str,
    workspace: Path,
    as_json: bool,
    revision: int | None,
    curl: bool,
    executions: bool,
) -> None:
    """Show TRACE: an id or its beginning, an external id, an OTLP trace id, or 'last'."""
    from tracedesk.store.database import StoreError

    if curl and as_json:
        fail("--curl and --json exclude one another")
    if curl and revision:
        fail("--curl is of the latest revision; leave --revision out")
    if executions and (curl or revision):
        fail("--executions lists those of all revisions; leave --curl and --revision out")
    desk = reading_desk(workspace)
    try:
        row = the_one(desk, trace)
        if executions:
            from tracedesk.commands.executions import show_executions

            show_executions(
                row.id, list(desk.store.history.executions(trace_id=row.id)), as_json=as_json
            )
            return
        if curl:
            click.echo(desk.curl(row), nl=False)
            return
        desk.read_cases()
        row = once_quiet(desk, row)
        opened = desk.load_revision(row, revision or row.revision)
        if opened is None:
            fail(_not_kept(desk, row, revision))
        if as_json:
            print_json(desk.document(opened))
            return
        for line in _lines(desk, opened):
            click.echo(line)
    except StoreError as fault:
        fail(str(fault))
    finally:
        desk.stop()


def _not_kept(desk: "Desk", row: "TraceRow", revision: int | None) -> str:
    kept = ", ".join(str(earlier.revision) for earlier in desk.store.revisions(row.id))
    if revision is None:
        return f"trace {row.id} was removed meanwhile"
    return f"revision {revision} of trace {row.id} is not kept: the latest is {row.revision}" + (
        f", and of the earlier ones there are {kept}" if kept else ", and it replaced none"
    )


def _lines(desk: "Desk", opened: "OpenTrace") -> Iterator[str]:
    from tracedesk.query.text import counted, duration_text, plain

    row, reading = opened.row, opened.reading
    yield f"{plain(row.name)}  {row.id}"
    yield (
        f"agent {desk.agent_name(row.agent_id)} · {row.format} · {reading.status} · "
        f"{counted(row.span_count, 'span')} · {duration_text(reading.duration_ms.value)} · "
        f"{'–' if reading.usage.total is None else reading.usage.total} tokens"
    )
    if row.mark:
        yield f"marked {row.mark}" + (f": {plain(row.mark_note)}" if row.mark_note else "")
    if revisions := desk.store.revisions(row.id):
        kept = ", ".join(str(earlier.revision) for earlier in revisions)
        yield f"revision {row.revision} · replaced ones are kept, see --revision: {kept}"
    for warning in opened.trace.warnings:
        yield f"warning {warning.code}: {plain(warning.message)}"
    yield ""
    yield from _tree_lines(opened)
    yield ""
    for title, text in (("input", reading.input), ("response", reading.response)):
        yield from _text_lines(title, text)
    for call in reading.tool_calls:
        arguments = plain(call.arguments) if call.arguments_state != "absent" else "not captured"
        yield f"tool call  {plain(call.label)} {arguments}  ({call.status})"
    yield ""
    yield from _verdict_lines(desk, opened)


def _tree_lines(opened: "OpenTrace") -> Iterator[str]:
    from tracedesk.query.text import duration_text, plain

    tree, spans = opened.tree, opened.trace.spans
    for row, index in enumerate(tree.order):
        span = spans[index]
        marks = "✖ " if span.failed else ""
        if row in tree.orphans:
            marks += f"◌ orphan (parent {plain(tree.orphans[row])[:8]} not received) "
        if row in tree.cycles:
            marks += "↻ parent cycle "
        milliseconds = None if span.duration_ns is None else span.duration_ns / 1e6
        indent = "  " * min(tree.depth[row], 30)
        yield (
            f"{indent}{span.kind.letter} {marks}{plain(span.label)}  {duration_text(milliseconds)}"
        )


def _text_lines(title: str, text: "Text") -> Iterator[str]:
    from tracedesk.query.text import plain

    if text.text is None:
        yield f"{title}  –  (tried {', '.join(text.tried) or 'nothing'})"
        return
    where = f"{text.source.place} of {plain(text.source.span or 'the body')}" if text.source else ""
    yield f"{title}  ({where})"
    for line in text.text.splitlines() or [""]:
        yield f"  {plain(line)}"


def _verdict_lines(desk: "Desk", opened: "OpenTrace") -> Iterator[str]:
    from tracedesk.evaluation.report import render_case

    verdicts = desk.evaluate(opened)
    if verdicts.pending:
        yield "pending: it was received just now, and more of it may come"
    elif not verdicts.cases:
        yield "no test case applies"
    texts = {file.path: file.text for file in desk.files}
    cases = {case.id: case for file in desk.files for case in file.cases}
    for verdict in verdicts.cases:
        case = cases.get(verdict.case)
        yield from render_case(verdict, texts.get(verdict.file), opened.reading, case)
