"""``tracedesk explain``: where each value of a trace was read from, and why one is blank."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracedesk.commands.common import (
    fail,
    json_option,
    print_json,
    reading_desk,
    the_one,
    workspace_option,
)

if TYPE_CHECKING:
    from tracedesk.reading.explain import Explained

TRIED_SHOWN = 12
"""Places tried in vain that are printed for one blank; ``--json`` has all."""


@click.command("explain")
@click.argument("trace")
@workspace_option
@json_option
def command(trace: str, workspace: Path, as_json: bool) -> None:
    """Explain TRACE: an id or its beginning, an external id, an OTLP trace id, or 'last'.

    For each value: the span, attribute and rule it was read by, and what else was found. For
    each blank: what was tried, and the nearest attribute that no rule reads. Such an attribute
    is mapped under [reading.map] in tracedesk.toml.
    """
    from tracedesk.evaluation.load import reading_settings
    from tracedesk.reading.explain import explain
    from tracedesk.store.database import StoreError

    desk = reading_desk(workspace)
    try:
        row = the_one(desk, trace)
        opened = desk.load(row.id)
        assert opened is not None
        settings = reading_settings(desk.workspace.agent(row.agent_id), desk.workspace.roles)
        explained = explain(opened.trace, opened.reading, settings)
        if as_json:
            print_json({"id": row.id, "explained": explained})
            return
        for line in _lines(explained):
            click.echo(line)
    except StoreError as fault:
        fail(str(fault))
    finally:
        desk.stop()


def _lines(explained: list["Explained"]) -> Iterator[str]:
    from tracedesk.query.text import plain

    for each in explained:
        if each.value is None:
            yield f"{plain(each.field)}  –"
            shown = ", ".join(each.tried[:TRIED_SHOWN])
            more = len(each.tried) - TRIED_SHOWN
            yield f"  tried    {plain(shown)}{f' and {more} more' if more > 0 else ''}"
            if each.nearest is not None:
                where = f" of span {plain(each.nearest_span)}" if each.nearest_span else ""
                yield f"  nearest  {plain(each.nearest)}{where}"
        else:
            yield f"{plain(each.field)}  {plain(each.value)}"
            if each.source is not None:
                where = f" of span {plain(each.source.span)}" if each.source.span else ""
                yield f"  from     {plain(each.source.place)}{where} ({plain(each.source.rule)})"
        for other in each.others:
            where = f" of span {plain(other.span)}" if other.span else ""
            yield f"  not      {plain(other.place)}{where}: {plain(other.reason)}"
        if each.others_left:
            yield f"  not      {each.others_left} more places"
