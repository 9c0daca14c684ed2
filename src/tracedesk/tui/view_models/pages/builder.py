"""A page of lines of one width: headings, labelled values with their source, long texts.

A long value is cut to a head that says how much there is; the whole of it rides along as
a ``Value`` that Enter opens and ``y`` copies.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import cells, fit, plain, wrap
from tracedesk.tui.view_models.pages.json_lines import json_lines, opened

LabelOf = Callable[[str], str]
"""Names a span by its id."""

HEAD_LINES = 12
"""Lines of a value shown in place."""

HEAD_CHARS = 4_000
"""Characters of a value looked at for its head: wrapping a megabyte would be felt."""


class Page:
    """Lines of ``width`` cells, added from the top down."""

    def __init__(self, width: int) -> None:
        self.width = max(width, 10)
        self.lines: list[Line] = []

    def add(self, *pieces: Piece | str, **fields: Any) -> None:
        """One line, not wrapped; what does not fit is cut."""
        made = tuple(piece if isinstance(piece, Piece) else Piece(piece) for piece in pieces)
        if sum(cells(piece.text) for piece in made) > self.width:
            made = tuple(self._cut(made, self.width))
        self.lines.append(Line(made, **fields))

    def blank(self) -> None:
        """An empty line, unless there is one already."""
        if self.lines and self.lines[-1].pieces:
            self.lines.append(Line())

    def heading(self, title: str, source: str = "") -> None:
        """A heading, and where its value came from."""
        self.blank()
        title = fit(title, self.width)
        room = self.width - cells(title) - 2
        beside = "  " + fit(source, room) if source and room > 0 else ""
        self.add(Piece(title, "heading"), Piece(beside, "faint"))

    def prose(self, text: str, role: str = "", indent: int = 2, **fields: Any) -> None:
        """Text of ours, wrapped, all of it."""
        for folded in wrap(text, self.width - indent):
            self.add(Piece(" " * indent), Piece(folded, role), **fields)

    def text(
        self,
        text: str,
        title: str,
        *,
        path: str = "",
        indent: int = 2,
        role: str = "",
        lines: int = HEAD_LINES,
    ) -> None:
        """A text from the trace: its head, and its size when that is not all."""
        value = Value(title, text, path)
        if not text:
            self.add(Piece(" " * indent), Piece("(empty)", "faint"), value=value)
            return
        head = list(wrap(text[:HEAD_CHARS], self.width - indent))
        for folded in head[:lines]:
            self.add(Piece(" " * indent), Piece(folded, role), value=value)
        if len(head) > lines or len(text) > HEAD_CHARS:
            self._more(value, indent)

    def json(self, data: Any, title: str, *, path: str = "", indent: int = 2) -> None:
        """A JSON value laid out; a text that is itself JSON is opened as such."""
        data, was_text = opened(data)
        if isinstance(data, str):
            self.text(data, title, path=path, indent=indent, role="string")
            return
        value = Value(title, data, path)
        shown = 0
        for line in json_lines(data):
            if shown == HEAD_LINES:
                self._more(value, indent)
                break
            self._json_line(line, indent, value)
            shown += 1
        if was_text and shown > 1:
            self.add(
                Piece(" " * indent),
                Piece(fit("sent as text", self.width - indent), "faint"),
                value=value,
            )

    def _json_line(self, pieces: Iterable[Piece], indent: int, value: Value) -> None:
        self.add(Piece(" " * indent), *self._cut(pieces, self.width - indent), value=value)

    @staticmethod
    def _cut(pieces: Iterable[Piece], room: int) -> Iterator[Piece]:
        for piece in pieces:
            text = fit(piece.text, room)
            room -= cells(text)
            yield Piece(text, piece.role)

    def _more(self, value: Value, indent: int) -> None:
        note = fit(f"… {figures.size(value.size)} in all, Enter opens it", self.width - indent)
        self.add(Piece(" " * indent), Piece(note, "accent"), value=value)

    def field(
        self, label: str, text: str, source: str = "", *, role: str = "", **fields: Any
    ) -> None:
        """Label, short value and its source on one line, the source below when it is too long."""
        lead = f"{label:<8} "
        room = self.width - cells(lead)
        text = fit(text, room)
        pieces = [Piece(lead, "dim"), Piece(text, role)]
        room -= cells(text) + 2
        source = plain(source)
        if source and cells(source) <= room:
            pieces.append(Piece("  " + source, "faint"))
        self.add(*pieces, **fields)
        if source and cells(source) > room:
            self.prose(source, "faint", indent=len(lead))
