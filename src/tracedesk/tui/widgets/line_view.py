"""A list of lines of any length: only the lines on screen are ever built.

Strips are cached by what changes their pixels, and let go when their rows may look different;
moving the cursor repaints two lines. A subclass says what a row looks like and calls ``changed``
when the answer is another one.
"""

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.cache import FIFOCache
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.messages import CursorMoved, LineOpened
from tracedesk.tui.steady import Steady, report
from tracedesk.tui.text import fit, plain
from tracedesk.tui.widgets.roles import role_style

CACHED_STRIPS = 1_000
"""Several screens of the tallest terminal."""

PARTS = 8
"""A cell of the scrollbar is painted in eighths."""


class LineView(Steady, ScrollView, can_focus=True):
    """A scrolling list with one cursor line."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("lines")]

    cursor: reactive[int] = reactive(0, repaint=False, init=False)
    """The row of the cursor; rows count from 0 at the top."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.count = 0
        """Number of rows."""
        self.empty_note = ""
        """What a list without rows says of that."""
        # the other cache of Textual is a circle, of which nothing is freed when it is cleared
        self._strips: FIFOCache[tuple[int, int, bool], Strip] = FIFOCache(CACHED_STRIPS)
        self._styles: dict[tuple[str, bool], Style] = {}

    # -- for subclasses --------------------------------------------------------------

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        """The pieces of a row, at most ``width`` cells of them."""
        raise NotImplementedError

    def changed(self, count: int, cursor: int | None = None) -> None:
        """Rows may look different, and there are ``count`` of them now."""
        self._strips.clear()
        self.count = count
        self._resize_virtually(Size(self.size.width, count))
        wanted = self.cursor if cursor is None else cursor
        self.cursor = max(0, min(wanted, count - 1))
        self.refresh()

    def _resize_virtually(self, size: Size) -> None:
        """Have another number of lines. Setting ``virtual_size`` lays the whole screen out anew,
        and paints the scrollbar; in a long list that grows, neither would change anything."""
        old, seen = self.virtual_size, self.scrollable_content_region.height
        if size.height == old.height:
            return
        if size.width == old.width and min(size.height, old.height) > seen > 0:
            self.set_reactive(Widget.virtual_size, size)
            thumb = self.vertical_scrollbar
            if abs(size.height - thumb.window_virtual_size) * seen * PARTS >= size.height:
                thumb.window_virtual_size = size.height
            self.scroll_y = self.validate_scroll_y(self.scroll_y)
        else:
            self.virtual_size = size

    def repaint(self) -> None:
        """Rows may look different; their number and the cursor are the same."""
        self._strips.clear()
        self.refresh()

    # -- painting --------------------------------------------------------------------

    @property
    def row_width(self) -> int:
        """Cells that a row may fill."""
        return self.scrollable_content_region.width

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        width = self.row_width
        at_cursor = row == self.cursor and row < self.count
        if row >= self.count:
            if y == 0 and not self.count:
                return self._note(width)
            return Strip.blank(width, self._style("", False))
        key = (row, width, at_cursor)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._strip(row, width, at_cursor)
        return strip

    def _note(self, width: int) -> Strip:
        note = Segment(fit(self.empty_note, width), self._style("dim", False))
        return Strip([note]).extend_cell_length(width, self._style("", False))

    def _strip(self, row: int, width: int, at_cursor: bool) -> Strip:
        pieces = self._pieces(row, width)
        strip = Strip(Segment(plain(text), self._style(role, at_cursor)) for text, role in pieces)
        blank = self._style("", at_cursor)
        if strip.cell_length <= width:
            return strip.extend_cell_length(width, blank)
        return Strip.join([strip.crop(0, width - 1), Strip([Segment("…", blank)], 1)])

    def _pieces(self, row: int, width: int) -> Iterable[Piece]:
        """What to paint; a row that cannot be painted says so in its place."""
        try:
            return self.paint(row, width)
        except Exception as error:
            report(self, error, f"painting row {row + 1} of {self.id}")
            return [Piece(f" this line could not be drawn: {error}", "warn")]

    def _style(self, role: str, at_cursor: bool) -> Style:
        style = self._styles.get((role, at_cursor))
        if style is None:
            style = self.rich_style + role_style(self, role)
            if at_cursor:
                style += self.get_component_rich_style("line--cursor", partial=True)
            self._styles[role, at_cursor] = style
        return style

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    # -- the cursor ------------------------------------------------------------------

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh_line(old)
        self.refresh_line(new)
        self.show_row(new)
        self.post_message(CursorMoved(self, new))

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.count - 1))

    def show_row(self, row: int) -> None:
        """Scroll as little as needed to have the row on screen."""
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        if height <= 0:
            return
        if row < top:
            self.scroll_at_once(row)
        elif row >= top + height:
            self.scroll_at_once(row - height + 1)

    def scroll_at_once(self, y: int) -> None:
        """Scroll before the next frame, not after it: one painting, and ``window`` holds now."""
        self.scroll_to(y=y, animate=False, immediate=True)

    def on_resize(self, event: events.Resize) -> None:
        if self.virtual_size.width != event.size.width:
            self.virtual_size = Size(event.size.width, self.count)
        self.show_row(self.cursor)

    def action_cursor_down(self) -> None:
        self.cursor += 1

    def action_cursor_up(self) -> None:
        self.cursor -= 1

    def action_cursor_first(self) -> None:
        self.cursor = 0

    def action_cursor_last(self) -> None:
        self.cursor = self.count - 1

    def action_half_page(self, direction: int) -> None:
        self.cursor += direction * max(1, self.scrollable_content_region.height // 2)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        row = offset.y + self.scroll_offset.y
        if row >= self.count:
            return
        self.cursor = row
        if event.chain == 2:
            self.post_message(LineOpened(self, row))
        else:
            self.clicked(row, offset.x)

    def clicked(self, row: int, x: int) -> None:
        """A single click on a row, ``x`` cells from its left; nothing more by default."""
