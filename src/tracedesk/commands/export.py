"""``tracedesk export``: stored traces out again, to files or to stdout."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click
import msgspec

from tracedesk.commands.common import fail, once_quiet, reading_desk, the_one, workspace_option

if TYPE_CHECKING:
    from tracedesk.desk import Desk
    from tracedesk.store.rows import TraceRow

FORMATS = ("canonical", "otlp", "raw", "md")
SUFFIXES = {"canonical": ".json", "otlp": ".json", "md": ".md"}
RULE = b"\n---\n\n"
"""Between the pages of several traces."""

Files = list[tuple[Path, bytes]]


@click.command("export")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="canonical",
    show_default=True,
    help="canonical: the body to post; otlp: OTLP JSON; raw: the bytes received; md: a digest.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="-",
    help="Where to write: a file, a folder (a file a trace), or - for stdout.",
)
@click.option("--force", is_flag=True, help="Write over files that exist.")
@click.option(
    "--tokens",
    type=click.IntRange(200),
    help="About how long a digest may be, 4000 unless given; md only.",
)
@workspace_option
def command(
    traces: tuple[str, ...],
    format_: str,
    output: str,
    force: bool,
    tokens: int | None,
    workspace: Path,
) -> None:
    """Write each TRACE (an id or its beginning, an external id, 'last') in a format.

    Several traces come one a line (canonical, otlp), as saved requests one a line (raw), or
    one page after the other (md). Raw bodies of one request are its very bytes; of several,
    saved requests one a line, or the parts as files when FILE is a folder. Files are written
    for their owner's eyes only.
    """
    from tracedesk.store.database import StoreError

    if tokens is not None and format_ != "md":
        fail("--tokens is for --format md")
    desk = reading_desk(workspace)
    try:
        rows = list({row.id: row for row in (the_one(desk, text) for text in traces)}.values())
        if format_ == "md":
            desk.read_cases()
            rows = [once_quiet(desk, row) for row in rows]
        folder = output.endswith("/") or Path(output).is_dir()
        if folder:
            _write(_files(desk, rows, format_, tokens, Path(output)), force)
        else:
            _put(_whole(desk, rows, format_, tokens), output, force)
    except StoreError as fault:
        fail(str(fault))
    finally:
        desk.stop()


def _files(
    desk: "Desk", rows: "Sequence[TraceRow]", format_: str, tokens: int | None, folder: Path
) -> Files:
    """One file a trace; of raw bodies one file a part."""
    if format_ == "raw":
        from tracedesk.sending.raw import raw_parts

        return [
            (folder / (name if len(rows) == 1 else f"{row.id[:8]}-{name}"), body)
            for row in rows
            for name, body in raw_parts(_requests(desk, row))
        ]
    write = _writer(desk, format_, tokens, pretty=True)
    return [(folder / f"{row.id[:8]}{SUFFIXES[format_]}", write(row)) for row in rows]


def _whole(desk: "Desk", rows: "Sequence[TraceRow]", format_: str, tokens: int | None) -> bytes:
    """All traces as one stream of bytes."""
    if format_ == "raw":
        from tracedesk.sending.raw import raw_lines

        requests = [request for row in rows for request in _requests(desk, row)]
        return requests[0].body if len(requests) == 1 else raw_lines(requests)
    write = _writer(desk, format_, tokens, pretty=len(rows) == 1)
    return (RULE if format_ == "md" else b"").join(map(write, rows))


def _requests(desk: "Desk", row: "TraceRow") -> list[Any]:
    from tracedesk.sending.outgoing import of_stored

    return of_stored(desk.store.requests(row.id))


def _writer(
    desk: "Desk", format_: str, tokens: int | None, *, pretty: bool
) -> "Callable[[TraceRow], bytes]":
    def write(row: "TraceRow") -> bytes:
        if format_ == "md":
            return desk.digest(row, tokens).encode()
        body = msgspec.json.encode(_body(desk, row, format_))
        return (msgspec.json.format(body, indent=2) if pretty else body) + b"\n"

    return write


def _body(desk: "Desk", row: "TraceRow", format_: str) -> dict[str, Any]:
    from tracedesk.formats.write.canonical import canonical_body
    from tracedesk.formats.write.otlp import otlp_body

    opened = desk.load(row.id)
    assert opened is not None, "the row was just read from the store"
    if format_ == "canonical":
        return canonical_body(opened.trace, opened.reading)
    agent = desk.workspace.agent(row.agent_id)
    service = (agent and agent.otlp_service_name) or desk.agent_name(row.agent_id)
    return otlp_body(opened.trace, opened.reading, trace_id=row.id, service=service)


def _put(content: bytes, output: str, force: bool) -> None:
    if output != "-":
        _write([(Path(output), content)], force)
        return
    if sys.stdout.isatty() and not _is_text(content):
        fail("the body is binary; name a file to write it to: -o FILE")
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _is_text(content: bytes) -> bool:
    """Nothing in it that a terminal would act upon."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return "\x1b" not in text and "\0" not in text


def _write(files: Files, force: bool) -> None:
    """Write all of the files or, when one of them exists, none."""
    existing = [path for path, _ in files if path.exists()]
    if existing and not force:
        fail(f"{existing[0]} exists; --force writes over it")
    try:
        for path, content in files:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_one(path, content)
            click.echo(f"{path}", err=True)
    except OSError as fault:
        fail(f"{fault.filename or path}: {fault.strerror}")


def _write_one(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by its owner only."""
    fresh = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
