"""``tracedesk import``: traces from files into the workspace."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import fail, find, json_option, print_json, workspace_option

if TYPE_CHECKING:
    from tracedesk.commands.importing import Outcome
    from tracedesk.formats.saved import SavedFault, SavedRequest
    from tracedesk.model.agent import Agent
    from tracedesk.workspace import Workspace

PROGRESS_EVERY_S = 0.1


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@workspace_option
@click.option("--agent", help="Store everything under this agent (id or name).")
@json_option
def command(paths: tuple[Path, ...], workspace: Path, agent: str | None, as_json: bool) -> None:
    """Store the traces in PATHS: files or folders of JSON, JSON lines or OTLP protobuf, each
    also as .gz or .zst; bodies as they would be posted, saved requests with their headers, or
    what Jaeger, Zipkin, Langfuse, Phoenix, n8n, Flowise and the OpenTelemetry collector export.
    """
    place = find(workspace)
    outcome = _import(place, paths, _agent(place, agent) if agent else None)
    if as_json:
        print_json(_document(outcome))
    else:
        click.echo(_summary(outcome))
    sys.exit(2 if outcome.faults else 0)


def _agent(workspace: "Workspace", name: str) -> "Agent":
    found = workspace.agent(name)
    if found is None:
        fail(f"no agent {name!r} here; there is {', '.join(a.name for a in workspace.agents)}")
    return found


def _import(workspace: "Workspace", paths: Sequence[Path], agent: "Agent | None") -> "Outcome":
    import asyncio

    from tracedesk.commands.importing import PATIENCE_S, Importer, StoreUnavailableError
    from tracedesk.endpoint.settings import EndpointSettings
    from tracedesk.formats.redaction.settings import Redaction
    from tracedesk.store.errors import StoreError

    config = workspace.endpoint
    settings = EndpointSettings(
        strict_canonical=config.strict_canonical,
        max_body_bytes=config.max_body_mib << 20,
        redaction=Redaction(workspace.redaction),
        patience_s=PATIENCE_S,
    )
    try:
        workspace.prepare()
        with workspace.open_store() as store:
            importer = Importer(store, workspace.agents, agent, settings, _reporter())
            return asyncio.run(importer.run(_read(paths, settings.max_body_bytes)))
    except (StoreError, StoreUnavailableError) as fault:
        fail(str(fault))
    except OSError as fault:
        fail(f"{workspace.private}: {fault.strerror}")


def _read(paths: Sequence[Path], max_body: int) -> "Iterator[SavedRequest | SavedFault]":
    from tracedesk.formats.saved import saved_requests

    return chain.from_iterable(saved_requests(path, max_body=max_body) for path in paths)


def _reporter() -> "Callable[[Outcome], None]":
    """Faults go to stderr as they are met; how far it is, only where a person looks on."""
    progress = sys.stderr.isatty()
    clear = "\r\x1b[K" if progress else ""
    told, last = 0, time.monotonic()

    def report(outcome: "Outcome") -> None:
        nonlocal told, last
        if len(outcome.faults) > told:
            for fault in outcome.faults[told:]:
                click.echo(f"{clear}tracedesk: {fault}", err=True)
            told = len(outcome.faults)
        now = time.monotonic()
        if progress and now - last >= PROGRESS_EVERY_S:
            last = now
            click.echo(f"{clear}{outcome.requests:,} requests stored", nl=False, err=True)

    if progress:
        click.get_current_context().call_on_close(lambda: click.echo(clear, nl=False, err=True))
    return report


def _summary(outcome: "Outcome") -> str:
    from tracedesk.query.text import counted

    latest = _latest(outcome)
    text = f"{counted(len(latest), 'trace')} stored from {counted(outcome.requests, 'request')}"
    known = sum(not entry["created"] for entry in latest)
    if known:
        text += f", {known:,} of them known before"
    if outcome.faults:
        text += f"; {counted(len(outcome.faults), 'fault')}, named above"
    return text


def _latest(outcome: "Outcome") -> list[dict[str, Any]]:
    """One entry a trace, in the order of first storing, with its last revision."""
    entries: dict[str, dict[str, Any]] = {}
    for stored in outcome.stored:
        receipt = stored.receipt
        entry = entries.setdefault(
            receipt.id,
            {
                "id": receipt.id,
                "externalId": receipt.external_id,
                "file": stored.source,
                "line": stored.line,
                "created": receipt.created,
            },
        )
        entry["revision"] = receipt.revision
    return list(entries.values())


def _document(outcome: "Outcome") -> dict[str, Any]:
    traces = _latest(outcome)
    return {
        "summary": {
            "requests": outcome.requests,
            "traces": len(traces),
            "created": sum(entry["created"] for entry in traces),
            "faults": len(outcome.faults),
        },
        "traces": traces,
        "faults": [
            {"file": fault.source, "line": fault.line, "message": fault.message}
            for fault in outcome.faults
        ],
    }
