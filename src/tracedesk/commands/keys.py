"""``tracedesk keys``: keys made, listed and revoked. A key is printed once, when it is made."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import (
    Group,
    fail,
    inherited,
    json_option,
    print_json,
    print_table,
    reading_desk,
    workspace_option,
)

if TYPE_CHECKING:
    from tracedesk.desk import Desk
    from tracedesk.roster import KeyEntry

COLUMNS = ("name", "key", "state", "agents", "created", "expires", "last used", "id")


@click.group("keys", cls=Group, invoke_without_command=True)
@workspace_option
@json_option
@click.pass_context
def command(ctx: click.Context, workspace: Path, as_json: bool) -> None:
    """The keys by which senders are known: list, create, revoke."""
    if ctx.invoked_subcommand is None:
        _list(ctx)


@command.command("list")
@workspace_option
@json_option
@click.pass_context
def list_(ctx: click.Context, /, **_: Any) -> None:
    """List the keys, as `tracedesk keys` does."""
    _list(ctx)


def _list(ctx: click.Context) -> None:
    from tracedesk.roster import read_roster, since

    with _desk(ctx) as desk:
        entries = read_roster(desk.store, desk.workspace).keys
    if inherited(ctx, "as_json"):
        print_json({"keys": [_document(entry) for entry in entries]})
        return
    if not entries:
        click.echo("no keys; tracedesk keys create NAME makes one")
        return
    rows = []
    for entry in entries:
        key, agents = entry.key, ", ".join(entry.agents) or "all"
        days = since(key.created_ns), since(key.expires_ns), since(key.used_ns)
        rows.append([key.name, key.masked, entry.state, agents, *days, key.id])
    print_table(COLUMNS, rows)


@command.command("create")
@click.argument("name")
@click.option("--agent", "agents", multiple=True, metavar="NAME", help="Only for it; repeatable.")
@click.option("--expires", default="", metavar="WHEN", help="Such as 12h, 90d or 2026-12-31 (UTC).")
@workspace_option
@json_option
@click.pass_context
def create(ctx: click.Context, /, name: str, agents: Sequence[str], expires: str, **_: Any) -> None:
    """Make a key and print it, this once; only its hash is kept."""
    from tracedesk.roster import make_key

    with _desk(ctx) as desk:
        entry, secret = make_key(desk.store, desk.workspace, name, agents, expires)
    if not inherited(ctx, "as_json"):
        click.echo(secret)
        until = _moment(entry.key.expires_ns)
        click.echo(
            f"{entry.key.name}: for {', '.join(entry.agents) or 'all agents'}"
            f"{f', until {until}' if until else ''}. Keep it now: it is not shown again.\n"
            "Send it in the header x-api-key.",
            err=True,
        )
        return
    print_json(
        {
            "id": entry.key.id,
            "name": entry.key.name,
            "key": secret,
            "agents": list(entry.agents),
            "expiresAt": _moment(entry.key.expires_ns),
        }
    )


@command.command("revoke")
@click.argument("key")
@workspace_option
@json_option
@click.pass_context
def revoke(ctx: click.Context, /, key: str, **_: Any) -> None:
    """Revoke KEY: its name, its last four characters, or the beginning of its id."""
    from tracedesk.roster import find_key, read_roster
    from tracedesk.store.keys import list_keys, revoke_key

    with _desk(ctx) as desk:
        found = find_key(list_keys(desk.store), key)
        now = revoke_key(desk.store, found.id)
        entries = read_roster(desk.store, desk.workspace).keys
    entry = next(entry for entry in entries if entry.key.id == found.id)
    if inherited(ctx, "as_json"):
        print_json(_document(entry))
    else:
        done = "revoked" if now else f"was revoked already, at {_moment(entry.key.revoked_ns)}:"
        click.echo(f"{done} {found.name}  {found.masked}")


@contextmanager
def _desk(ctx: click.Context) -> "Iterator[Desk]":
    """A desk to read and write keys by; exits with 2 for what cannot be done."""
    from tracedesk.roster import RosterError
    from tracedesk.store.errors import StoreError

    desk = reading_desk(inherited(ctx, "workspace"))
    try:
        yield desk
    except (RosterError, StoreError) as fault:
        fail(str(fault))
    finally:
        desk.stop()


def _document(entry: "KeyEntry") -> dict[str, Any]:
    key = entry.key
    return {
        "id": key.id,
        "name": key.name,
        "key": key.masked,
        "agents": list(entry.agents),
        "state": entry.state,
        "createdAt": _moment(key.created_ns),
        "expiresAt": _moment(key.expires_ns),
        "revokedAt": _moment(key.revoked_ns),
        "lastUsedAt": _moment(key.used_ns),
    }


def _moment(ns: int | None) -> str | None:
    from tracedesk.query.text import iso

    return None if ns is None else iso(ns)
