"""``tracedesk mark``: what a person knows of whole traces, for ``check`` to hold them to."""

from pathlib import Path

import click

from tracedesk.commands.common import fail, json_option, print_json, reading_desk, workspace_option
from tracedesk.model.mark import Mark


@click.command("mark")
@click.argument("traces", metavar="TRACE...", nargs=-1, required=True)
@click.argument("mark", type=click.Choice([str(mark) for mark in Mark]))
@click.option("--note", help="Why; shown with the trace.")
@workspace_option
@json_option
def command(
    traces: tuple[str, ...], mark: str, note: str | None, workspace: Path, as_json: bool
) -> None:
    """Mark each TRACE as known good or known bad; none takes the mark away.

    A TRACE is an id or its beginning, an external id, an OTLP trace id, or 'last'. A mark stays
    when the trace is replaced. tracedesk check fails when a case fails on a good trace, or none
    on a bad one.
    """
    from tracedesk.commands.common import the_one
    from tracedesk.query.text import plain
    from tracedesk.store.errors import StoreError
    from tracedesk.store.marks import set_mark

    chosen = Mark(mark)
    if chosen is Mark.NONE and note:
        fail("a note is kept with a mark; without one there is nothing to note")
    desk = reading_desk(workspace)
    try:
        rows = list({row.id: row for row in (the_one(desk, text) for text in traces)}.values())
        for row in rows:
            if not set_mark(desk.store, row.number, chosen, note):
                fail(f"trace {row.id} was removed meanwhile")
    except StoreError as fault:
        fail(str(fault))
    finally:
        desk.stop()
    if as_json:
        print_json(
            [{"id": row.id, "name": row.name, "mark": mark, "note": note or None} for row in rows]
        )
        return
    for row in rows:
        was = f", was {row.mark}" if row.mark else ""
        click.echo(f"{row.id[:8]}  {plain(row.name)}  {mark}{was}")
