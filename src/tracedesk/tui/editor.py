"""How ``$EDITOR`` is asked to open a file at a line."""

import os
import shlex

LINE_FLAGS = {
    "code": ("--goto", "{file}:{line}"), "codium": ("--goto", "{file}:{line}"),
    "subl": ("{file}:{line}",), "hx": ("{file}:{line}",), "zed": ("{file}:{line}",),
}  # fmt: skip
"""How editors take a line; every other one is given ``+line file``, as vi began it."""


def editor_command(
    environment: "os._Environ[str] | dict[str, str]", file: str, line: int
) -> list[str] | None:
    """The command that opens a file at a line; None when no editor is named."""
    editor = environment.get("VISUAL") or environment.get("EDITOR")
    if not editor:
        return None
    words = shlex.split(editor)
    name = os.path.basename(words[0])
    flags = LINE_FLAGS.get(name, ("+{line}", "{file}"))
    return [*words, *(flag.format(file=file, line=max(1, line)) for flag in flags)]
