"""JSON values as coloured lines, without recursion: a trace may nest as deep as it likes."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from tracedesk.tui.lines import Piece
from tracedesk.tui.text import middle, plain

MAX_OPENED = 2_000_000
"""Characters of text looked at as JSON on the screen's own thread: about 10 ms."""

STEP = "  "


def opened(value: Any) -> tuple[Any, bool]:
    """A text that holds a JSON object or array as that value, and whether it was a text."""
    if isinstance(value, str) and value[:64].lstrip()[:1] in ("{", "[") and len(value) < MAX_OPENED:
        try:
            return msgspec.json.decode(value), True
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            return value, False
    return value, False


def whole(value: Any) -> str:
    """The value as text to open or copy: a string as it is, the rest as indented JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return text_of_bytes(value)
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (RecursionError, ValueError, TypeError):
        return "\n".join(_texts(value))


def text_of_bytes(data: bytes) -> str:
    """Bytes as the text they are, else as a hex dump."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return hex_text(data)


def hex_text(data: bytes) -> str:
    """Eight bytes a line: offset, hex, printable ASCII."""
    lines = []
    for at in range(0, len(data), 8):
        chunk = data[at : at + 8]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in chunk)
        lines.append(f"{at:06x}  {chunk.hex(' '):<23}  {shown}")
    return "\n".join(lines)


def inline(value: Any, limit: int = 120) -> str:
    """The value on one line, cut to ``limit`` characters."""
    if isinstance(value, str):
        return middle(value, limit)
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError, TypeError):
        text = " ".join(part.strip() for part in islice(_texts(value), limit))
    return middle(text, limit)


def _texts(value: Any) -> Iterator[str]:
    for pieces in json_lines(value):
        yield "".join(piece.text for piece in pieces)


class _Opened:
    """An object or array whose children are being told."""

    __slots__ = ("children", "closing", "left")

    def __init__(self, value: dict[Any, Any] | list[Any], comma: str) -> None:
        self.children: Iterator[tuple[str | None, Any]]
        if isinstance(value, dict):
            self.children = ((str(key), item) for key, item in value.items())
        else:
            self.children = ((None, item) for item in value)
        self.left = len(value)
        self.closing = ("}" if isinstance(value, dict) else "]") + comma


def json_lines(value: Any) -> Iterator[list[Piece]]:
    """The lines of a JSON value, two cells of indent a level; what is not asked for is not
    looked at, so that the head of megabytes is quick."""
    above: list[_Opened] = []
    child: tuple[str | None, Any] | None = (None, value)
    while child is not None or above:
        if child is None:  # all children were told
            closing = above.pop().closing
            yield [Piece(STEP * min(len(above), 20)), Piece(closing, "dim")]
        else:
            key, item = child
            lead = [Piece(STEP * min(len(above), 20))]
            comma = "," if above and above[-1].left else ""
            if key is not None:
                lead += [Piece(f'"{plain(key)}"', "key"), Piece(": ", "dim")]
            if isinstance(item, dict | list) and item:
                yield [*lead, Piece("{" if isinstance(item, dict) else "[", "dim")]
                above.append(_Opened(item, comma))
            else:
                yield [*lead, scalar(item), Piece(comma, "dim")]
        child = None
        if above and above[-1].left:
            above[-1].left -= 1
            child = next(above[-1].children)


def scalar(value: Any) -> Piece:
    """One leaf in its role; types stay visible: ``"4"`` is not ``4``."""
    if isinstance(value, str):
        return Piece(f'"{plain(value[:2_000])}"', "string")
    if isinstance(value, bool) or value is None:
        return Piece({True: "true", False: "false", None: "null"}[value], "number")
    if isinstance(value, dict | list):
        return Piece("{}" if isinstance(value, dict) else "[]", "dim")
    return Piece(str(value)[:400], "number")
