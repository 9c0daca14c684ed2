"""The style of each role, kept once a screen: a component class costs at every restyling.

Twenty roles on nine widgets were a quarter of a second of the start; on the screen alone
they are not felt.
"""

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tracedesk.tui.lines import ROLES, Piece
from tracedesk.tui.text import plain


class RoleScreen(Screen[None]):
    """A screen whose widgets paint pieces."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line--{role}" for role in ROLES}


def role_style(widget: Widget, role: str) -> Style:
    """What a role adds to a widget's own style; nothing for the blank role."""
    if not role:
        return Style.null()
    return widget.screen.get_component_rich_style(f"line--{role}", partial=True)


def strip_of(widget: Widget, pieces: Iterable[Piece]) -> Strip:
    """Pieces as a widget paints them, each in the style of its role."""
    own = widget.rich_style
    return Strip(Segment(plain(text), own + role_style(widget, role)) for text, role in pieces)
