"""The tail of the workspace's log as lines: one record a line, its trace-back folded out below.

Reads a bounded end of the file, whatever its size; what is not a record belongs to the one above.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tracedesk.tui.lines import Line, Piece, line
from tracedesk.tui.text import wrap

TAIL_BYTES = 256 << 10
"""Read of the end of the file: some thousand records."""

SHOWN = 3_000
"""Lines shown; older ones are in the file."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
"""Each shows what is as grave or graver."""

ROLES = {"DEBUG": "faint", "INFO": "dim", "WARNING": "warn", "ERROR": "bad", "CRITICAL": "bad"}

_RECORD = re.compile(
    r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+) (.*)"
)


class Record(msgspec.Struct):
    """One thing that was logged."""

    time: str
    level: str
    name: str
    told: list[str]
    """The message, then the lines of its trace-back."""


def read_tail(path: Path) -> bytes:
    """The end of a file, from the beginning of a line; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read(TAIL_BYTES)
    except OSError:
        return b""
    return tail if size <= TAIL_BYTES else tail.partition(b"\n")[2]


def records(tail: bytes) -> list[Record]:
    """The records of a tail; lines before the first one are let go."""
    found: list[Record] = []
    for text in tail.decode("utf-8", "replace").splitlines():
        match = _RECORD.match(text)
        if match:
            _, time, level, name, message = match.groups()
            found.append(Record(time, level, name, [message]))
        elif found:
            found[-1].told.append(text)
    return found


def at_least(found: Iterable[Record], level: str) -> Iterator[Record]:
    """Those as grave as ``level``."""
    order = [*LEVELS, "CRITICAL"]
    least = order.index(level)
    return (record for record in found if order.index(record.level) >= least)


def log_lines(found: Iterable[Record], width: int) -> list[Line]:
    """Records as lines of a width, the newest last."""
    lines: list[Line] = []
    for record in found:
        role = ROLES[record.level]
        head = f"{record.time} {record.level:<8} "
        name = record.name.removeprefix("tracedesk.") + "  "
        message, *more = record.told
        first, *rest = wrap(message, max(20, width - len(head) - len(name)))
        said = "bad" if role == "bad" else ""
        lines.append(
            line(Piece(head, "dim" if role == "dim" else role), Piece(name, "faint"),
                 Piece(first, said))
        )  # fmt: skip
        lines += [line(Piece("  " + text, said)) for text in rest]
        for text in more:
            lines += [line(Piece("    " + part, "dim")) for part in wrap(text, max(20, width - 4))]
    return lines[-SHOWN:]
