"""Lines as data: text with the role it plays. Colours are the stylesheet's business.

View models produce lines, one painter turns them into strips, and every text passes
``text.plain`` on the way.
"""

from typing import NamedTuple

import msgspec

from tracedesk.tui.text import cells

ROLES = (
    "dim", "faint", "heading", "accent", "strong", "ok", "bad", "warn", "key", "string",
    "number", "agent", "model", "tool", "retrieval", "skipped", "bar", "bar-error",
    "bar-faint", "match",
)  # fmt: skip
"""Every role; each is a component class ``line--<role>``. The blank role is plain text."""


class Piece(NamedTuple):
    """A run of text in one role."""

    text: str
    role: str = ""


class Value(msgspec.Struct, frozen=True):
    """A value that can be opened in full and copied."""

    title: str
    text: str
    path: str = ""
    """Where it stands: attribute name or JSON path."""


class Line(msgspec.Struct, frozen=True):
    """One line on the screen, and what Enter does on it."""

    pieces: tuple[Piece, ...] = ()
    value: Value | None = None
    span: str | None = None
    """Id of the span that this line leads to."""
    file: str = ""
    """Test-case file that this line comes from."""
    line: int = 0
    """Line in ``file``."""
    key: str = ""
    """What finds this line again: ``case:assertion`` on the first line of a verdict."""

    @property
    def text(self) -> str:
        """The line without its roles."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def width(self) -> int:
        return sum(cells(piece.text) for piece in self.pieces)


def line(*pieces: Piece | str, **fields: object) -> Line:
    """A line of pieces; a bare text has the blank role."""
    made = tuple(piece if isinstance(piece, Piece) else Piece(piece) for piece in pieces)
    return msgspec.structs.replace(Line(made), **fields) if fields else Line(made)
