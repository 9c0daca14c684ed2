"""``tracedesk serve``: endpoint and evaluation without a screen."""

import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tracedesk.commands.common import (
    endpoint_options,
    fail,
    find,
    log_to,
    open_desk,
    verbose_option,
    workspace_option,
)

if TYPE_CHECKING:
    from tracedesk.desk import Desk
    from tracedesk.listening import EndpointState


ACTIVITY_S = 0.5
"""How often it is looked whether there is something to tell, such as n8n being out of reach."""


@click.command("serve")
@workspace_option
@endpoint_options
@click.option("--json-log", is_flag=True, help="One JSON object a line on stdout.")
@verbose_option
def command(
    workspace: Path,
    host: str | None,
    port: int | None,
    require_key: bool | None,
    strict_canonical: bool | None,
    route_by_workflow: bool | None,
    json_log: bool,
    verbose: bool,
) -> None:
    """Receive and evaluate traces without a screen; a workbench on the same folder attaches."""
    from tracedesk.desk import Options

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    desk = open_desk(
        find(workspace), Options(host, port, require_key, strict_canonical, route_by_workflow)
    )
    log_to(desk.workspace.log, verbose)
    try:
        desk.start()
        desk.ready.wait()
        state = desk.endpoint
        if state.state != "listening":
            fail(_why_not(state))
        grpc = state.grpc and f"grpc://{state.grpc}"
        _say(json_log, "listening", url=state.url, grpc=grpc, message=state.message)
        if desk.keys_demanded and not _any_key(desk):
            told = "no key works yet; tracedesk keys create NAME makes one"
            _say(json_log, "warning", message=told)
        told = ""
        while not stop.wait(ACTIVITY_S):
            if desk.activity != told:
                told = desk.activity
                _say(json_log, "activity" if told else "well again", message=told)
    finally:
        desk.stop()
        counts = desk.counts()
        if desk.endpoint.state == "listening":  # else it is said why nothing was ever received
            if json_log:
                _say(json_log, "stopped", **msgspec.structs.asdict(counts))
            else:
                _say(json_log, f"stopped; {counts.words()}")


def _why_not(state: "EndpointState") -> str:
    """Why this command does not listen, and what to do."""
    if state.state != "attached":
        return state.message
    where = f" and listens at {state.url}" if state.url else ""
    owner = state.message.removeprefix("attached: ")
    return f"{owner} of this workspace{where}; send there, or end it first"


def _any_key(desk: "Desk") -> bool:
    from tracedesk.store.keys import list_keys

    return any(key.usable(time.time_ns()) for key in list_keys(desk.store))


def _say(json_log: bool, event: str, **fields: str | int | None) -> None:
    if json_log:
        told = {name: value for name, value in fields.items() if value not in (None, "")}
        line = msgspec.json.encode({"event": event, **told})
        sys.stdout.write(line.decode() + "\n")
    else:
        words = [event, *(str(v) for v in fields.values() if v)]
        sys.stdout.write("tracedesk: " + " ".join(words) + "\n")
    sys.stdout.flush()
