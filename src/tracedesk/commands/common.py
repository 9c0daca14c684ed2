"""What commands share: their options, opening a workspace, and how they fail.

A command that cannot do its work says so in one line and exits with 2; no traceback
reaches a person.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
import msgspec

if TYPE_CHECKING:
    from tracedesk.desk import Desk, Options
    from tracedesk.store.rows import TraceRow
    from tracedesk.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

workspace_option = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    envvar="TRACEDESK_WORKSPACE",
    help="The folder to work in; the nearest one upwards with a tracedesk.toml or .tracedesk/.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")

verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    envvar="TRACEDESK_VERBOSE",
    help="Log more to the workspace's log.",
)


def endpoint_options(command: F) -> F:
    """What can be said of the endpoint: address, keys, and what it takes from whom."""
    for option in (
        policy_options,
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            envvar="TRACEDESK_PORT",
            help="Where to listen; 4318, or the next free one, unless given. 0: any free port.",
        ),
        click.option(
            "--host",
            envvar="TRACEDESK_HOST",
            help="The address to bind; any but loopback demands keys.",
        ),
    ):
        command = option(command)
    return command


def policy_options(command: F) -> F:
    """Who may send to the endpoint, and what it takes."""
    for option in (
        click.option(
            "--route-by-workflow",
            is_flag=True,
            default=None,
            envvar="TRACEDESK_ROUTE_BY_WORKFLOW",
            help="Let metadata.workflowId route spans bodies too.",
        ),
        click.option(
            "--strict-canonical",
            is_flag=True,
            default=None,
            envvar="TRACEDESK_STRICT_CANONICAL",
            help="Refuse what the hosted product refuses: data bodies, odd fields, protobuf.",
        ),
        click.option(
            "--require-key",
            is_flag=True,
            default=None,
            envvar="TRACEDESK_REQUIRE_KEY",
            help="Demand an API key on loopback too.",
        ),
    ):
        command = option(command)
    return command


def fail(message: str) -> NoReturn:
    """Say what went wrong on stderr and exit with 2."""
    for line in message.splitlines():
        click.echo(f"tracedesk: {line}", err=True)
    sys.exit(2)


def find(start: Path) -> "Workspace":
    """The workspace around ``start``; exits with 2 when its configuration is broken."""
    from tracedesk.workspace import ConfigError, find_workspace

    if not start.is_dir():
        fail(f"{start}: no such folder")
    try:
        return find_workspace(start)
    except ConfigError as fault:
        fail(str(fault))


def open_desk(workspace: "Workspace", options: "Options") -> "Desk":
    """A desk, not yet started; exits with 2 when its database cannot be opened."""
    from tracedesk.desk import Desk
    from tracedesk.store.database import StoreError

    try:
        if workspace.encrypt:
            _announce_encryption(workspace)
        return Desk(workspace, options)
    except StoreError as fault:
        fail(str(fault))
    except OSError as fault:
        fail(f"{workspace.private}: {fault.strerror}")


def _announce_encryption(workspace: "Workspace") -> None:
    """Say what takes a while: a plain database becomes an encrypted one as it is opened."""
    from tracedesk.store.connections import file_kind

    if workspace.database.exists() and file_kind(workspace.database) == "plain":
        size = workspace.database.stat().st_size >> 20
        click.echo(f"tracedesk: encrypting {workspace.database} ({size} MB)", err=True)


def reading_desk(start: Path) -> "Desk":
    """A desk for commands that only read: nothing listens, nothing is watched."""
    from tracedesk.desk import Options

    return open_desk(find(start), Options(listen=False))


def the_one(desk: "Desk", text: str) -> "TraceRow":
    """The stored trace that ``text`` means; exits with 2 when that is none or several."""
    rows = desk.store.rows(limit=1) if text == "last" else desk.store.find(text)
    if not rows:
        fail(f"no stored trace {text!r}; tracedesk list shows what there is")
    if len(rows) > 1:
        some = ", ".join(row.id[:13] for row in rows[:5])
        fail(f"{text!r} fits {len(rows)} traces: {some}; give more of the id")
    return rows[0]


def once_quiet(desk: "Desk", row: "TraceRow") -> "TraceRow":
    """The trace once its verdicts can be told. One of which a part came just now may still grow
    (ingestion spec 9): it is waited for as long as quiet takes, and no longer."""
    wait_s = desk.quiet_in_s(row) if desk.files else 0.0
    if not wait_s:
        return row
    threading.Event().wait(wait_s)
    return desk.store.row(row.id) or row


class Group(click.Group):
    """A command of commands, such as ``tracedesk keys``; a misspelt one is told the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            from tracedesk.query.names import nearest

            meant = nearest(args[0], self.commands)
            known = f"did you mean {meant!r}?" if meant else f"there are {', '.join(self.commands)}"
            fail(f"{ctx.command_path} {args[0]}: no such command; {known}")
        return super().resolve_command(ctx, args)


def inherited(ctx: click.Context, name: str) -> Any:
    """An option of a command of commands that may stand before or behind the inner one."""
    from click.core import ParameterSource

    given = ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, None)
    above = ctx.parent.params.get(name) if ctx.parent is not None else None
    return ctx.params[name] if given or above is None else above


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as what stands in them, under their names."""
    from tracedesk.query.text import plain

    lines = [columns, *([plain(cell) for cell in row] for row in rows)]
    widths = [max(cells) for cells in zip(*([len(c) for c in line] for line in lines), strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def print_json(document: Any) -> None:
    """One JSON document and a newline on stdout, nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def log_to(path: Path, verbose: bool) -> None:
    """Send what is logged to the workspace's log, private to its owner."""
    import logging

    path.touch(mode=0o600, exist_ok=True)
    logging.basicConfig(
        filename=path,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
