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
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (RecursionError, ValueError, TypeError):
        return "\n".join(_texts(value))


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


def json_lines(value: Any) -> Iterator[list[Piece]]:
    """The lines of a JSON value, lazily, two cells of indent a level."""
    # Still to come, last first: key, value, depth, what follows it, is it a closing bracket.
    todo: list[tuple[str | None, Any, int, str, bool]] = [(None, value, 0, "", False)]
    while todo:
        key, item, depth, comma, closing = todo.pop()
        lead = [Piece(STEP * min(depth, 20))]
        if closing:
            yield [*lead, Piece(item + comma, "dim")]
            continue
        if key is not None:
            lead += [Piece(f'"{plain(key)}"', "key"), Piece(": ", "dim")]
        if not isinstance(item, dict | list) or not item:
            yield [*lead, scalar(item), Piece(comma, "dim")]
            continue
        brackets = "{}" if isinstance(item, dict) else "[]"
        yield [*lead, Piece(brackets[0], "dim")]
        todo.append((None, brackets[1], depth, comma, True))
        children: list[tuple[str | None, Any]] = (
            [(str(k), v) for k, v in item.items()]
            if isinstance(item, dict)
            else [(None, v) for v in item]
        )
        last = len(children) - 1
        todo += [
            (k, v, depth + 1, "," if at < last else "", False)
            for at, (k, v) in reversed(list(enumerate(children)))
        ]


def scalar(value: Any) -> Piece:
    """One leaf in its role; types stay visible: ``"4"`` is not ``4``."""
    if isinstance(value, str):
        return Piece(f'"{plain(value[:2_000])}"', "string")
    if isinstance(value, bool) or value is None:
        return Piece({True: "true", False: "false", None: "null"}[value], "number")
    if isinstance(value, dict | list):
        return Piece("{}" if isinstance(value, dict) else "[]", "dim")
    return Piece(str(value)[:400], "number")
