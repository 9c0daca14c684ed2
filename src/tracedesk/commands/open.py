"""``tracedesk [WORKSPACE]``: the workbench."""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import (
    endpoint_options,
    fail,
    find,
    log_to,
    open_desk,
    verbose_option,
)

if TYPE_CHECKING:
    from tracedesk.desk import Desk

_ENDS = {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}

LEFT_AFTER_S = 3.0
"""After a closed terminal or a polite kill: how long the screen may take to end."""


@click.command("open")
@click.argument(
    "workspace",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    envvar="TRACEDESK_WORKSPACE",
)
@endpoint_options
@click.option("--fresh", is_flag=True, help="Do not go back to where the workbench was left.")
@verbose_option
def command(
    workspace: Path,
    host: str | None,
    port: int | None,
    require_key: bool | None,
    strict_canonical: bool | None,
    route_by_workflow: bool | None,
    fresh: bool,
    verbose: bool,
) -> None:
    """The workbench over WORKSPACE (default: the current folder): screen and endpoint."""
    from tracedesk.desk import Options

    if not workspace.is_dir():
        fail(_not_a_folder(str(workspace)))
    desk = open_desk(
        find(workspace), Options(host, port, require_key, strict_canonical, route_by_workflow)
    )
    log_to(desk.workspace.log, verbose)
    try:
        run_app(desk, fresh=fresh)
    finally:
        desk.stop()


def run_app(desk: "Desk", *, fresh: bool = False, tour: bool = False) -> None:
    """Run the screen until the user quits; the desk starts once the first frame is out.

    It begins where it was left, unless ``fresh``; with ``tour``, the tour begins by itself for
    who has not seen it.
    """
    from tracedesk.tui.app import TracedeskApp
    from tracedesk.tui.screens.tour import marker_path, wanted
    from tracedesk.tui.session import NAME

    leaving = threading.Timer(LEFT_AFTER_S, _leave, [desk])
    leaving.daemon = True
    before: dict[signal.Signals, Any] = {}

    def after_first_frame() -> None:
        # a closed terminal or a polite kill ends the app as quitting does, so all is tidied up
        loop = asyncio.get_running_loop()

        def end(*_: object) -> None:
            loop.call_soon_threadsafe(app.exit)
            if not leaving.ident:
                leaving.start()

        # not by the loop, which may be waiting for a terminal that takes nothing any more
        before.update({number: signal.signal(number, end) for number in _ENDS})
        desk.start()

    marker = marker_path() if tour else None
    if marker is not None and not wanted(os.environ, sys.stdout.isatty(), marker):
        marker = None
    app = TracedeskApp(
        desk,
        after_first_frame=after_first_frame,
        session_file=desk.workspace.private / NAME,
        fresh=fresh,
        tour_marker=marker,
    )
    try:
        app.run()
    finally:
        leaving.cancel()
        for number, handler in before.items():  # what they called has ended
            signal.signal(number, handler)


def _leave(desk: "Desk") -> None:
    """End a process whose screen does not end, since nobody takes what it paints."""
    desk.stop()
    os._exit(1)


def _not_a_folder(word: str) -> str:
    from tracedesk.query.names import nearest

    context = click.get_current_context().find_root()
    assert isinstance(context.command, click.Group)
    meant = nearest(word, context.command.list_commands(context))
    return f"no command and no folder {word!r}" + (f"; did you mean {meant!r}?" if meant else "")
