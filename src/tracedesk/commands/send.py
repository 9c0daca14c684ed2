"""``tracedesk send``: a stored trace, or a file, to any endpoint as it was kept."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import (
    fail,
    find,
    json_option,
    print_json,
    reading_desk,
    the_one,
    workspace_option,
)

if TYPE_CHECKING:
    from tracedesk.formats.saved import SavedFault
    from tracedesk.sending.deliver import Answer
    from tracedesk.sending.outgoing import Outgoing


@click.command("send")
@click.argument("what", metavar="TRACE|FILE")
@click.option("--to", metavar="URL", help="The endpoint; the one of this workspace unless given.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Also send this.")
@click.option(
    "--key",
    metavar="KEY",
    envvar="TRACEDESK_API_KEY",
    help="The API key; better in the variable TRACEDESK_API_KEY, which no process list shows.",
)
@click.option("--new-id", is_flag=True, help="Make a new trace there instead of the same again.")
@workspace_option
@json_option
def command(
    what: str,
    to: str | None,
    headers: tuple[str, ...],
    key: str | None,
    new_id: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Send TRACE (an id or its beginning, an external id, 'last') or FILE once more.

    Every kept request goes out in order, its body byte for byte, packed if it was, with its
    content type and x-request-id. Keys are never stored with a trace: give one if the
    endpoint asks for it. Exits with 2 unless everything was accepted.
    """
    named = dict(_header(text) for text in headers)
    address = to or _own_endpoint(workspace)
    is_file = Path(what).exists()
    found = _of_file(Path(what)) if is_file else iter(_of_trace(workspace, what))
    answers, faults = _send_all(found, address, named, key, new_id=new_id, told=not as_json)
    ok = bool(answers) and not faults and all(answer.accepted for answer in answers)
    if as_json:
        print_json(_document(address, answers, faults, ok=ok))
    sys.exit(0 if ok else 2)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        fail(f"--header {text!r}: write it as 'Name: value'")
    return name.strip(), value.strip()


def _own_endpoint(workspace: Path) -> str:
    from tracedesk.owner import announced_url

    url = announced_url(find(workspace))
    if url is None:
        fail("no desk listens for this workspace; start tracedesk serve, or name an endpoint: --to")
    return url


def _of_trace(workspace: Path, text: str) -> "list[Outgoing]":
    from tracedesk.formats.errors import FormatError
    from tracedesk.sending.new_id import trace_ids_of
    from tracedesk.sending.outgoing import of_stored
    from tracedesk.store.database import StoreError

    desk = reading_desk(workspace)
    try:
        requests = of_stored(desk.store.requests(the_one(desk, text).id))
        traces = {trace_id for request in requests for trace_id in trace_ids_of(request)}
        if len(traces) > 1:
            told = f"its requests hold {len(traces)} traces; all of them are sent"
            click.echo(f"tracedesk: {told}", err=True)
        return requests
    except (StoreError, FormatError) as fault:
        fail(str(fault))
    finally:
        desk.stop()


def _of_file(path: Path) -> "Iterator[Outgoing | SavedFault]":
    from tracedesk.formats.saved import SavedFault, saved_requests
    from tracedesk.sending.outgoing import of_saved

    for item in saved_requests(path):
        yield item if isinstance(item, SavedFault) else of_saved(item)


def _send_all(
    found: "Iterator[Outgoing | SavedFault]",
    to: str,
    headers: dict[str, str],
    key: str | None,
    *,
    new_id: bool,
    told: bool,
) -> "tuple[list[Answer], list[str]]":
    """Send what can be sent, telling of each; answers and what went wrong before an answer."""
    from tracedesk.formats.errors import FormatError
    from tracedesk.formats.saved import SavedFault
    from tracedesk.sending.deliver import Sender
    from tracedesk.sending.deliver import told as lines_of
    from tracedesk.sending.new_id import NewIds
    from tracedesk.sending.outgoing import UnreachableError

    answers: list[Answer] = []
    faults: list[str] = []
    new_ids = NewIds() if new_id else None
    try:
        with Sender(to, headers, key) as sender:
            for item in found:
                if isinstance(item, SavedFault):
                    faults.append(str(item))
                    continue
                try:
                    request = new_ids.of(item) if new_ids else item
                except FormatError as fault:
                    faults.append(f"{item.label}: {fault}")
                    continue
                answers.append(sender.send(request))
                if told:
                    click.echo("\n".join(lines_of(answers[-1])))
    except UnreachableError as fault:
        faults.append(str(fault))
    for text in faults:
        click.echo(f"tracedesk: {text}", err=True)
    return answers, faults


def _document(to: str, answers: "list[Answer]", faults: list[str], *, ok: bool) -> dict[str, Any]:
    return {
        "to": to,
        "ok": ok,
        "replies": [
            {
                "request": answer.label,
                "url": answer.url,
                "status": answer.status,
                "accepted": answer.accepted,
                "code": answer.code,
                "message": answer.message,
                "id": answer.id,
                "platformId": answer.agent_id,
                "rejected": answer.rejected,
                "details": list(answer.details),
                "warnings": list(answer.warnings),
            }
            for answer in answers
        ],
        "faults": faults,
    }
