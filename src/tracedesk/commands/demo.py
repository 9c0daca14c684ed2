"""``tracedesk demo``: the workbench over a throw-away workspace, filled by really posting.

The samples go through the desk's own endpoint over loopback, so what the demo shows is
what any client would get.
"""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from tracedesk.commands.common import endpoint_options, find, log_to, open_desk
from tracedesk.commands.open import run_app

if TYPE_CHECKING:
    from tracedesk.desk import Desk
    from tracedesk.formats.saved import SavedRequest

SEND_TIMEOUT_S = 30


@click.command("demo")
@endpoint_options
def command(
    host: str | None,
    port: int | None,
    require_key: bool | None,
    strict_canonical: bool | None,
    route_by_workflow: bool | None,
) -> None:
    """The workbench over sample traces and their test cases; gone when you quit."""
    from tracedesk.desk import Options

    root = Path(tempfile.mkdtemp(prefix="tracedesk-demo-"))
    try:
        lay_out(root)
        desk = open_desk(
            find(root), Options(host, port, require_key, strict_canonical, route_by_workflow)
        )
        log_to(desk.workspace.log, verbose=False)
        try:
            threading.Thread(target=fill, args=(desk,), name="demo-fill", daemon=True).start()
            run_app(desk, tour=True)
        finally:
            desk.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def samples_folder() -> Path:
    """Where the sample traces lie: in the installed package, or at the top of the sources."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "sample_traces"
    return installed if installed.is_dir() else package.parents[1] / "sample_traces"


def lay_out(root: Path) -> None:
    """Give a fresh workspace its own copies of the sample test cases, free to be edited."""
    shutil.copytree(samples_folder() / "testcases", root / "testcases")


def fill(desk: "Desk") -> None:
    """Send every sample to the desk's endpoint, telling the header how far it is."""
    from tracedesk.endpoint.keys import create_key

    desk.ready.wait()
    url = desk.endpoint.url
    if url is None:
        desk.say(f"samples not sent: {desk.endpoint.message}")
        return
    requests = list(sample_requests())
    try:
        send(
            url,
            requests,
            lambda done: desk.say(f"sending samples {done} of {len(requests)}"),
            key=create_key(desk.store, "demo")[1] if desk.keys_demanded else None,
        )
    except (OSError, HTTPException) as fault:
        desk.say(f"samples not sent: {fault}")
        return
    desk.say("")


def sample_requests() -> "Iterator[SavedRequest]":
    """The requests of all samples, in the order of their files."""
    from tracedesk.formats.saved import SavedFault, saved_requests

    for path in sorted(samples_folder().iterdir()):
        if path.is_file() and path.suffix in (".json", ".jsonl", ".gz", ".pb"):
            for item in saved_requests(path):
                if not isinstance(item, SavedFault):
                    yield item


def send(
    url: str,
    requests: "Iterable[SavedRequest]",
    progress: Callable[[int], None],
    key: str | None = None,
) -> list[int]:
    """POST saved requests to an endpoint, in order, with a key if one is needed. The HTTP status
    of each.

    Raises OSError or HTTPException when the endpoint cannot be reached.
    """
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=SEND_TIMEOUT_S)
    headers = {} if key is None else {"x-api-key": key}
    statuses = []
    try:
        for done, request in enumerate(requests, 1):
            connection.request("POST", request.path, request.body, {**request.headers, **headers})
            reply = connection.getresponse()
            reply.read()
            statuses.append(reply.status)
            progress(done)
    finally:
        connection.close()
    return statuses
