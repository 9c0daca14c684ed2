"""``tracedesk list``: what is stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import fail, json_option, print_json, reading_desk, workspace_option

if TYPE_CHECKING:
    from tracedesk.desk import Desk
    from tracedesk.query.filter import Filter
    from tracedesk.store.rows import TraceRow

COLUMNS = ("id", "name", "agent", "status", "spans", "duration", "tokens", "received")
MARK = "mark"
"""A further column, where any of the traces is marked."""


@click.command("list")
@click.argument("filter_words", metavar="[FILTER]", nargs=-1)
@workspace_option
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@json_option
def command(filter_words: tuple[str, ...], workspace: Path, limit: int, as_json: bool) -> None:
    """List stored traces, newest first; FILTER is such as: status:failed agent:booking dur>2s"""
    from tracedesk.query.filter import FilterError, parse_filter
    from tracedesk.store.database import StoreError

    try:
        where = parse_filter(" ".join(filter_words)) if filter_words else None
    except FilterError as fault:
        fail(str(fault))
    desk = reading_desk(workspace)
    try:
        if where is not None and any(term.key == "verdict" for term in where.terms):
            desk.evaluate_all()
        rows = _rows(desk, where, limit)
        total = desk.store.count(where=where)
    except StoreError as fault:
        fail(str(fault))
    finally:
        desk.stop()
    entries = [_entry(row, desk.agent_name(row.agent_id)) for row in rows]
    if as_json:
        print_json({"total": total, "traces": entries})
        return
    if not rows:
        click.echo("no traces stored" if where is None else "no stored trace fits the filter")
        return
    columns = (*COLUMNS, MARK) if any(entry[MARK] for entry in entries) else COLUMNS
    for line in _table(columns, [[str(_cell(e, name)) for name in columns] for e in entries]):
        click.echo(line)
    if total > len(rows):
        click.echo(f"… {total - len(rows):,} more; --limit shows them")


def _rows(desk: "Desk", where: "Filter | None", limit: int) -> "list[TraceRow]":
    """What fits, with what was read of it: traces that were imported, or sent while nothing was
    evaluated, are read now. A filter needs all of them, a list only what it shows."""
    from tracedesk.evaluation.unread import read_unread

    agents = {agent.id: agent for agent in desk.workspace.agents}
    roles = desk.workspace.roles
    listed = None if where is not None else desk.store.rows(limit=limit)
    read_unread(desk.store, agents, roles, listed)
    return desk.store.rows(where=where, limit=limit)


def _entry(row: "TraceRow", agent: str) -> dict[str, Any]:
    from tracedesk.query.text import iso

    return {
        "id": row.id,
        "platformId": row.agent_id,
        "agent": agent,
        "externalId": row.external_id,
        "format": str(row.format),
        "name": row.name,
        "status": row.status,
        "revision": row.revision,
        "spanCount": row.span_count,
        "errorCount": row.error_count,
        "durationMs": row.duration_ms,
        "tokens": row.tokens,
        "mark": row.mark,
        "note": row.mark_note,
        "createdAt": iso(row.received_ns),
        "updatedAt": iso(row.updated_ns),
    }


def _cell(entry: dict[str, Any], column: str) -> Any:
    from tracedesk.query.text import duration_text, plain

    match column:
        case "id":
            return entry["id"][:8]
        case "spans":
            return entry["spanCount"]
        case "duration":
            return duration_text(entry["durationMs"])
        case "received":
            return entry["createdAt"][:19].replace("T", " ")
        case "mark":
            note = plain(entry["note"])[:40] if entry["note"] else ""
            return f"{entry['mark'] or ''} {note}".strip()
        case "name":
            return plain(entry["name"])[:40]
        case _:
            return "–" if entry[column] is None else entry[column]


def _table(columns: Sequence[str], rows: list[list[str]]) -> list[str]:
    rows = [list(columns), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
