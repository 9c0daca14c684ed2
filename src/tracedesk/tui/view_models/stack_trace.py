"""A stack trace as text, taken apart into what was raised and runs of frames.

Python, JavaScript, Java, .NET, Go and Ruby write one frame in one or two lines; whatever is
not known as a frame stays a line of its own, so that nothing of a trace is ever lost.
"""

import re
from collections.abc import Iterator

import msgspec

FRAME = re.compile(
    r"""\s*(?:
        File\ "[^"]*",\ line\ \d+ |         # Python
        at\ \S.* |                          # Java, JavaScript, .NET
        from\ \S+:\d+:in\  |                # Ruby, below the first
        \S+:\d+:in\ [`'] |                  # Ruby
        \S+\(.*\)(?=\n\t\S+\.go:\d+) |    # Go, its place on the next line
        \#\d+\s                             # PHP
    )""",
    re.VERBOSE,
)

LIBRARY = re.compile(
    r"site-packages|dist-packages|node_modules|/lib/python\d|<frozen |node:internal|internal/"
    r"|\bjava\.|\bjdk\.|\bsun\.|System\.|/gems/|/usr/lib|/go/pkg/mod/|runtime/"
)
"""What the places of frames hold that are not of the agent's own code."""

ENDS, LONG_RUN = 2, 5
"""Frames kept at both ends of a run that is longer than ``LONG_RUN``."""

MAX_LINES = 5_000
"""Lines of one stack trace that are taken apart."""


class Frame(msgspec.Struct, frozen=True):
    """One frame, in the lines it was written."""

    lines: tuple[str, ...]

    @property
    def library(self) -> bool:
        """True for code that the agent's author did not write."""
        return LIBRARY.search(self.lines[0]) is not None


Part = str | tuple[Frame, ...]
"""A line that is no frame, or a run of frames."""


def parts_of(text: str) -> Iterator[Part]:
    """Lines and runs of frames of a stack trace, in order."""
    run: list[Frame] = []
    lines = text.split("\n", MAX_LINES)
    for at, line in enumerate(lines):
        line = line.rstrip("\r")
        ahead = f"{line}\n{lines[at + 1]}" if at + 1 < len(lines) else line
        if FRAME.match(ahead if line.endswith(")") else line):
            run.append(Frame((line,)))
        elif run and line[:1] in (" ", "\t") and line.strip():
            run[-1] = Frame((*run[-1].lines, line))  # its source line, or its place
        else:
            if run:
                yield tuple(run)
                run = []
            if line.strip():
                yield line
    if run:
        yield tuple(run)


def folded(run: tuple[Frame, ...]) -> tuple[int, int]:
    """First and end of the frames of a run that stand folded: those between its two ends,
    where the agent began and where it broke."""
    if len(run) <= LONG_RUN:
        return 0, 0
    return ENDS, len(run) - ENDS
