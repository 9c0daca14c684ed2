"""The text of a file of test cases, being edited: YAML highlighted, faults underlined.

What it gives back is what it was given, character for character, but for what was typed; a
text that it could not keep so is not taken.
"""

import re
from collections.abc import Mapping
from typing import Any

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from tracedesk.tui.steady import Steady
from tracedesk.tui.themes import DARK, LIGHT, THEMES

MAX_CHARS = 250_000
"""Characters of the longest text that is edited here: beyond it every key would be felt."""

MAX_LINES = 3_000
"""Lines of the longest text: the text area counts them for each line that it paints, so that a
key takes some 15 ms a thousand."""

HIGHLIGHTED_CHARS = 100_000
"""Characters of the longest text that is highlighted."""

_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_WORD_END = re.compile(r"[\s,:{}\[\]]|$")

_TOKENS = {
    "property": "accent", "string": "td-string", "number": "td-tool", "float": "td-tool",
    "boolean": "td-tool", "constant.builtin": "td-tool", "comment": "td-dim",
    "yaml.field": "accent", "json.label": "accent", "punctuation.bracket": "td-dim",
    "punctuation.delimiter": "td-dim", "punctuation.special": "td-dim", "type": "td-model",
    "label": "td-agent",
}  # fmt: skip
"""Colour of our theme for each token of the highlighter."""


def text_theme(name: str) -> TextAreaTheme:
    """The colours of tokens in one of our themes."""
    theme = next(theme for theme in THEMES if theme.name == name)
    colours: Mapping[str, Any] = {**theme.variables, "accent": theme.accent}
    styles = {token: Style(color=str(colours[role])) for token, role in _TOKENS.items()}
    return TextAreaTheme(name=theme.name, syntax_styles=styles)


def too_large(text: str) -> bool:
    """Whether a text is one for another editor."""
    return len(text) > MAX_CHARS or text.count("\n") > MAX_LINES


def indent_below(line: str) -> str:
    """The blanks that the line below one begins with: as deep, deeper below a key without a
    value, and below the first key of an item beside that key."""
    text = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if text.startswith("- ") and ":" in text and "{" not in text.split(":")[0]:
        indent += "  "
    return indent + "  " if text.endswith((":", "{", "[")) else indent


class CaseText(Steady, TextArea):
    """The text area; while words are offered, arrows and Tab are theirs."""

    class Refused(Message):
        """Something was not taken in, and why."""

        def __init__(self, problem: str) -> None:
            super().__init__()
            self.problem = problem

    class OfferKey(Message):
        """A key for the words on offer: ``up``, ``down`` or ``tab``."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, json: bool) -> None:
        super().__init__(
            id="case-text", show_line_numbers=True, soft_wrap=False, tab_behavior="indent"
        )
        self._json = json
        self.indent_width = 2
        self.offering = False
        """True while words are on offer."""
        self.typed = False
        """The last key typed or deleted a letter, so that words may be offered."""
        self._faults: dict[int, tuple[int, bool]] = {}

    def begin(self, text: str) -> bool:
        """Take a text; False when it could not be given back as it is."""
        for name in (theme.name for theme in THEMES):
            self.register_theme(text_theme(name))
        dark = self.app.current_theme.dark
        like = DARK.name if dark else LIGHT.name
        self.theme = next((t.name for t in THEMES if t.name == self.app.theme), like)
        self.language = self._language(text)
        self.load_text(text)
        return self.text == text

    def _language(self, text: str) -> str | None:
        from textual._tree_sitter import TREE_SITTER

        if not TREE_SITTER or len(text) > HIGHLIGHTED_CHARS:
            return None
        return "json" if self._json else "yaml"

    def show_faults(self, faults: Mapping[int, tuple[int, bool]]) -> None:
        """Underline faults: line → column, both from 0, and whether it is only a warning."""
        if faults != self._faults:
            self._faults = dict(faults)
            self._line_cache.clear()
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """A line as it is shown: nothing in it acts upon the terminal."""
        line = Text(_ACTING.sub("�", self.document.get_line(line_index)), end="", no_wrap=True)
        fault = self._faults.get(line_index)
        if fault is not None:
            column, warning = fault
            found = _WORD_END.search(line.plain, min(column + 1, len(line.plain)))
            end = found.start() if found else len(line.plain)
            theme = self.app.current_theme
            colour = theme.warning if warning else theme.error
            line.stylize(
                Style(color=colour, underline=True, bold=True), column, max(end, column + 1)
            )
        return line

    def move_to(self, line: int, column: int = 0) -> None:
        """Put the cursor on a line, from 0, in the middle of what is seen."""
        line = max(0, min(line, self.document.line_count - 1))
        self.move_cursor((line, min(column, len(self.document.get_line(line)))), center=True)

    async def _on_key(self, event: events.Key) -> None:
        self.typed = event.is_printable
        if self.offering and event.key == "tab":
            event.stop()
            event.prevent_default()
            self.post_message(self.OfferKey("tab"))
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            row, column = self.selection.end
            above = self.document.get_line(row)[:column]
            self.replace(
                "\n" + indent_below(above), *self.selection, maintain_selection_offset=False
            )

    async def _on_paste(self, event: events.Paste) -> None:
        if too_large(self.text + event.text):
            event.stop()
            event.prevent_default()
            self.post_message(self.Refused(
                f"{len(event.text):,} characters are too many to be edited here, so nothing was"
                " pasted; use E, your own editor"
            ))  # fmt: skip

    def action_delete_left(self) -> None:
        self.typed = self.offering
        super().action_delete_left()

    def action_cursor_up(self, select: bool = False) -> None:
        if self.offering and not select:
            self.post_message(self.OfferKey("up"))
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        if self.offering and not select:
            self.post_message(self.OfferKey("down"))
        else:
            super().action_cursor_down(select)
