"""A framed part of the screen, with a title and a note on its border.

Both change with every key and every trace that arrives; a change paints the border's line, not
what is inside.
"""

from typing import Self

from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region


class Pane(Vertical):
    """Set ``border_title`` and ``border_subtitle`` through ``entitle``."""

    _line: int | None = None
    """The line of the border that alone is to be painted, while its words are being set."""

    def entitle(self, place: str, words: Content) -> None:
        """Set ``border_title`` or ``border_subtitle``: what ``place`` names."""
        self._line = 0 if place == "border_title" else self.outer_size.height - 1
        try:
            setattr(self, place, words)
        finally:
            self._line = None

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """As of any widget; while words are being set, of their line only."""
        if self._line is not None:  # lines count from the content's corner
            across, down = self.content_offset
            regions = (Region(-across, self._line - down, self.outer_size.width, 1),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
