"""Where the user was: one small private file in the workspace, taken up at the next start.

It is a convenience: what is damaged, foreign or too large is let go with a line in the log, and
what cannot be written is only logged.
"""

import logging
import os
import tempfile
from pathlib import Path

import msgspec

from tracedesk.tui.view_models.fold_memory import TRACES, Folded

log = logging.getLogger(__name__)

VERSION = 1
MAX_BYTES = 128 << 10
"""More is not read, and nothing of ours is that long."""

MAX_TEXT = 2_000
"""Characters of a filter that are remembered; a longer one is not."""

MAX_HISTORY = 50
"""Command lines that are remembered, the latest."""

NAME = "session.json"


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of the workbench."""

    version: int = VERSION
    trace: str = ""
    number: int = 0
    """The open trace: its id, and the number by which the list finds its place."""
    span: str = ""
    pane: str = "list"
    tab: str = "reading"
    filter: str = ""
    time: str = ""
    """The time column of the tree."""
    theme: str = ""
    history: tuple[str, ...] = ()
    """The latest command lines."""
    folds: tuple[Folded, ...] = ()
    """What was folded in the traces looked at last."""


def read_session(path: Path) -> Session:
    """What was remembered; the beginning, when there is nothing or nothing to be made of it."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Session()
    except OSError as fault:
        log.warning("%s could not be read, so the workbench starts anew: %s", path, fault)
        return Session()
    try:
        if len(text) > MAX_BYTES:
            raise msgspec.DecodeError("it is too long")
        session = msgspec.json.decode(text, type=Session)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        log.warning("%s is damaged, so the workbench starts anew: %s", path, fault)
        return Session()
    if session.version != VERSION:
        log.info("%s is of another version, so the workbench starts anew", path)
        return Session()
    return session


def write_session(path: Path, session: Session) -> None:
    """Remember, in the place of what was; only its owner can read it."""
    bounded = msgspec.structs.replace(
        session,
        filter=session.filter if len(session.filter) <= MAX_TEXT else "",
        history=tuple(line for line in session.history if len(line) <= 200)[-MAX_HISTORY:],
        folds=session.folds[-TRACES:],
    )
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".session-")  # made with 0600
        with open(handle, "wb") as file:
            file.write(msgspec.json.encode(bounded))
        os.replace(name, path)
    except OSError as fault:
        log.warning("where the workbench was left could not be kept: %s", fault)
        if name:
            Path(name).unlink(missing_ok=True)
