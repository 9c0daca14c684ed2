"""Lines as data: text with the role it plays. Colours are the stylesheet's business.

View models produce lines, one painter turns them into strips, and every text passes
``text.plain`` on the way.
"""

from typing import Any, NamedTuple

import msgspec

from tracedesk.tui.text import cells

ROLES = (
    "dim", "faint", "heading", "accent", "strong", "ok", "bad", "warn", "key", "string",
    "number", "agent", "model", "tool", "retrieval", "skipped", "bar", "bar-error",
    "bar-faint", "bar-late", "match", "warm", "hot", "side-a", "side-b",
)  # fmt: skip
"""Every role; each is a component class ``line--<role>``. The blank role is plain text."""


class Piece(NamedTuple):
    """A run of text in one role."""

    text: str
    role: str = ""


class Value(msgspec.Struct, frozen=True, eq=False):
    """A value that can be opened in full and copied."""

    title: str
    content: Any
    path: str = ""
    """Where it stands: attribute name or JSON path."""

    def __eq__(self, other: object) -> bool:
        """Megabytes of JSON are compared by identity: equal ones are at worst painted again."""
        if not isinstance(other, Value) or (self.title, self.path) != (other.title, other.path):
            return False
        here, there = self.content, other.content
        return here is there or (isinstance(here, str) and here == there)

    def __hash__(self) -> int:
        return hash((self.title, self.path))

    @property
    def text(self) -> str:
        """The value in full: a string as it is, the rest as indented JSON, made when asked."""
        from tracedesk.tui.view_models.pages.json_lines import whole  # which makes lines itself

        return whole(self.content)

    @property
    def size(self) -> int:
        """Bytes that it takes as UTF-8 or as compact JSON; cheap, however large it is."""
        if isinstance(self.content, bytes):
            return len(self.content)
        if isinstance(self.content, str):
            if self.content.isascii():
                return len(self.content)
            return len(self.content.encode("utf-8", "replace"))
        try:
            return len(msgspec.json.encode(self.content))
        except (TypeError, ValueError, RecursionError, UnicodeEncodeError):
            return len(self.text)


class Line(msgspec.Struct, frozen=True):
    """One line on the screen, and what Enter does on it."""

    pieces: tuple[Piece, ...] = ()
    value: Value | None = None
    span: str | None = None
    """Id of the span that this line leads to."""
    revision: int = 0
    """Revision of the trace that this line leads to; 0 for none."""
    file: str = ""
    """Test-case file that this line comes from."""
    line: int = 0
    """Line in ``file``."""
    toggle: str = ""
    """What Enter folds or unfolds here, as ``Folds`` knows it."""
    folded: bool = False
    """True where ``toggle`` would unfold."""
    key: str = ""
    """What finds this line again: ``case:assertion`` on the first line of a verdict."""

    @property
    def leads(self) -> bool:
        """True when Enter does something on this line."""
        links = self.span or self.toggle or self.file or self.revision
        return bool(self.value is not None or links)

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
