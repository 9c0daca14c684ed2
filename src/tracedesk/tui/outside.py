"""A value handed to the user's own pager or editor: a private file that is gone afterwards.

The pager is given a text cleaned of everything a terminal acts upon; the editor the text itself.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from textual.app import App, SuspendNotSupported

from tracedesk.tui.editor import editor_command
from tracedesk.tui.text import plain

PAGERS = ("less", "more")
"""What is tried when ``$PAGER`` is not set."""


def pager_command(environment: Mapping[str, str], file: str) -> list[str] | None:
    """The command that shows a file page by page; None when there is none."""
    asked = shlex.split(environment.get("PAGER", ""))
    if asked:
        return [*asked, file]
    found = next((found for name in PAGERS if (found := shutil.which(name))), None)
    return None if found is None else [found, file]


def cleaned(text: str) -> str:
    """Every line made harmless, its tabs four blanks."""
    return "\n".join(plain(line.replace("\t", " " * 4)) for line in text.split("\n")) + "\n"


@contextmanager
def private_file(text: str, suffix: str) -> Iterator[Path]:
    """A file that only this user can read, removed with its folder in the end."""
    folder = Path(tempfile.mkdtemp(prefix="tracedesk-"))
    try:
        path = folder / f"value{suffix}"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show_outside(app: App[object], text: str, *, editor: bool, suffix: str = ".txt") -> str:
    """Put the app aside and show a text in ``$PAGER`` or ``$EDITOR``; returns what went wrong,
    blank when nothing did. What the editor changes is thrown away."""
    environment = dict(os.environ)
    with private_file(text if editor else cleaned(text), suffix) as path:
        command = (
            editor_command(environment, str(path), 1)
            if editor
            else pager_command(environment, str(path))
        )
        if command is None:
            name = "EDITOR" if editor else "PAGER"
            return f"Set ${name} to the program you like, then press the key again."
        try:
            with app.suspend():
                subprocess.run(command, check=False)
        except OSError as error:
            return f"{command[0]} could not be started: {error.strerror}"
        except SuspendNotSupported:
            return "this terminal cannot be put aside; copy the value instead"
    return ""
