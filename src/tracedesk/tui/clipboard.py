"""How a text reaches the clipboard: by a program of this machine, else through the terminal
(OSC 52, over SSH too). Where neither can work, the caller keeps it in a private file.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

PROGRAMS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
)
"""What puts a text on the clipboard of this machine, by the variable that says it can."""

MACOS = ("pbcopy",)

TERMINAL_BYTES = 74_000
"""More than this many terminals drop in silence: 100,000 characters of base64, less the frame."""

WAIT_S = 5.0
"""How long such a program may take."""


def program(environment: Mapping[str, str], which: Callable[[str], str | None]) -> tuple[str, ...]:
    """The command that takes a text on its input; empty when there is none, or when this is a
    session over SSH, whose clipboard is elsewhere."""
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return ()
    if which(MACOS[0]):
        return MACOS
    fitting = (c for variable, c in PROGRAMS if environment.get(variable) and which(c[0]))
    return next(fitting, ())


def terminal_problem(environment: Mapping[str, str], size: int) -> str:
    """Why the terminal may not take so many bytes; blank when it is likely to."""
    terminal = environment.get("TERM", "")
    if terminal in ("", "dumb", "linux", "vt100", "vt220"):
        return f"this terminal ({terminal or 'unnamed'}) has no clipboard"
    if environment.get("TERM_PROGRAM") == "Apple_Terminal":
        return "Terminal.app has no clipboard for programs"
    if size > TERMINAL_BYTES:
        return "it is more than most terminals put on the clipboard"
    return ""


def copied_by_program(text: str, environment: Mapping[str, str]) -> bool:
    """Try a program of this machine; True when it took the text."""
    command = program(environment, shutil.which)
    if not command:
        return False
    try:
        done = subprocess.run(
            command,
            input=text.encode("utf-8", "replace"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def keep_in_file(text: str, folder: Path) -> Path:
    """Write a text where only this user reads it, in the place of the last one; returns where.
    Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".copied-")
    try:
        with open(handle, "wb") as file:  # made with 0600
            file.write(text.encode("utf-8", "replace"))
        path = folder / "copied.txt"
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return path
