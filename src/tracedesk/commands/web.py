"""``tracedesk web``: the workbench in a browser.

Each tab is a process that runs the same app over the same workspace and attaches to the desk that
owns its endpoint: another one that is at work already, else one of this command's own. So closing
a tab ends nothing but that tab.
"""

import contextlib
import errno
import logging
import socket
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracedesk.commands.common import fail, find, log_to, open_desk, policy_options, verbose_option
from tracedesk.owner import NOBODY, Heir, Owner, is_alive, owner_of

if TYPE_CHECKING:
    from tracedesk.desk import Desk, Options
    from tracedesk.listening import EndpointState
    from tracedesk.workspace import Workspace

log = logging.getLogger(__name__)

INSTALL = "the workbench in a browser needs textual-serve: pip install 'tracedesk[web]'"
USUAL_PORT = 8000
PORTS_TRIED = 100


@click.command("web")
@click.argument(
    "workspace",
    metavar="[FOLDER]",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    envvar="TRACEDESK_WORKSPACE",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Of the page; 8000, or the next free.")
@click.option("--host", default="127.0.0.1", help="The address to serve the page on.")
@click.option(
    "--endpoint-port",
    type=click.IntRange(0, 65535),
    envvar="TRACEDESK_PORT",
    help="Where to receive traces, if no other desk does; 4318, or the next free one.",
)
@click.option("--endpoint-host", envvar="TRACEDESK_HOST", help="The address to receive traces on.")
@policy_options
@verbose_option
def command(
    workspace: Path,
    port: int | None,
    host: str,
    endpoint_port: int | None,
    endpoint_host: str | None,
    require_key: bool | None,
    strict_canonical: bool | None,
    route_by_workflow: bool | None,
    verbose: bool,
) -> None:
    """The workbench over FOLDER (default: the current one) in a browser on this machine.

    Each tab is a session of its own over the same traces. The address that is printed carries a
    token; nobody gets in without it.
    """
    if find_spec("textual_serve") is None:
        fail(INSTALL)
    from tracedesk.desk import Options

    if not workspace.is_dir():
        fail(f"{workspace}: no such folder")
    found = find(workspace)
    options = Options(
        endpoint_host, endpoint_port, require_key, strict_canonical, route_by_workflow
    )
    with contextlib.closing(_listen(host, port)) as listening:
        endpoint = Endpoint(found, options)
        try:
            _say(endpoint.begin())
            log_to(found.log, verbose)
            _serve(found, endpoint, listening, host)
        finally:
            endpoint.stop()
    _say("stopped; no session is left")


class Endpoint:
    """Sees to it that there is a desk that owns the workspace's endpoint, so that no session of
    a browser comes to own it, and ends it with its tab."""

    def __init__(self, workspace: "Workspace", options: "Options") -> None:
        self._workspace = workspace
        self._options = options
        self._desk: Desk | None = None
        self._last: Owner | None = None
        """The other desk that owned it when it was looked at last."""
        self._heir = Heir(workspace, self._succeed)
        self._one_at_a_time = threading.Lock()

    def begin(self) -> str:
        """Who owns it now, in words; exits with 2 when nobody can."""
        if self._owned():
            self._heir.start()
            owner = self._last or NOBODY
            receiving = f"receives traces at {owner.url}" if owner.url else "owns the endpoint"
            return f"attached to {owner.name}, which {receiving}"
        state = self._take(open_desk(self._workspace, self._options))
        if state.state == "failed":
            fail(f"the endpoint: {state.message}")
        return "; ".join(
            part for part in (f"receiving traces at {state.url}", state.message) if part
        )

    def see_to_it(self) -> None:
        """Before each session, and when the desk that owned it ended."""
        from tracedesk.desk import Desk
        from tracedesk.store.errors import StoreError

        with self._one_at_a_time:
            if self._owned():
                return
            options = self._options.after(self._last or NOBODY)
            try:
                state = self._take(Desk(self._workspace, options))
            except (StoreError, OSError) as fault:  # the session will say so on its screen
                log.warning("web: the endpoint could not be taken over: %s", fault)
            else:
                log.info("web: the endpoint was taken over: %s %s", state.url, state.message)

    def _succeed(self) -> bool:
        """The other desk ended; False when yet another one took over, perhaps that of a tab."""
        self.see_to_it()
        return self._desk is not None or not self._owned()

    def stop(self) -> None:
        """Stop the desk, if it is ours; whatever was accepted is committed before this returns."""
        self._heir.stop()
        with self._one_at_a_time:
            if self._desk is not None:
                self._desk.stop()

    def _owned(self) -> bool:
        if self._desk is not None:
            return True
        owner = owner_of(self._workspace)
        if owner is None or not is_alive(self._workspace, owner):
            return False
        self._last = owner
        return True

    def _take(self, desk: "Desk") -> "EndpointState":
        desk.start()
        desk.ready.wait()
        if desk.owns_endpoint:
            self._desk = desk
        else:  # another desk was quicker
            desk.stop()
        return desk.endpoint


def _serve(workspace: "Workspace", endpoint: Endpoint, listening: socket.socket, host: str) -> None:
    import asyncio

    from tracedesk.commands.web_app import Pages, serve
    from tracedesk.commands.web_guard import Guard

    guard = Guard(host)
    # isolated from the folder it is started in: a file there must not pass for a module
    words = [sys.executable, "-P", "-m", "tracedesk", "open", str(workspace.root)]
    pages = Pages(guard, words, f"{workspace.root.name} · tracedesk", endpoint.see_to_it)
    address = f"http://{_shown(host)}:{listening.getsockname()[1]}/?token={guard.token}"
    if not guard.loopback:
        _say(
            f"{host} is reached by other machines, and nothing on the way is encrypted;"
            " ssh -L to a page on 127.0.0.1 is"
        )

    def begun() -> None:
        _say(f"open {address}")
        _say("Ctrl-C ends it")

    asyncio.run(serve(pages.application(), listening, begun))


def _listen(host: str, port: int | None) -> socket.socket:
    """A socket on the port asked for, or on the usual or the next free one; exits with 2."""
    wanted = range(USUAL_PORT, USUAL_PORT + PORTS_TRIED) if port is None else (port,)
    listening = next((found for number in wanted if (found := _bound(host, number))), None)
    if listening is None:
        taken = f"port {port} is" if port is not None else f"the ports from {USUAL_PORT} on are"
        fail(f"{taken} taken by another program; --port takes another one, 0 any that is free")
    number = listening.getsockname()[1]
    if port is None and number != USUAL_PORT:
        _say(f"port {USUAL_PORT} is taken by another program; the page is on {number}")
    return listening


def _bound(host: str, port: int) -> socket.socket | None:
    """None where another program listens; exits with 2 where nobody could."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as fault:
        fail(f"{host} cannot be listened on: {fault.strerror}")
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError as fault:
        listening.close()
        if fault.errno != errno.EADDRINUSE:
            fail(f"{host}, port {port}, cannot be listened on: {fault.strerror}")
        return None
    return listening


def _shown(host: str) -> str:
    """The host as a browser on this machine is told it."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{name}]" if ":" in name else name


def _say(message: str) -> None:
    sys.stdout.write(f"tracedesk: {message}\n")
    sys.stdout.flush()
