"""Themes as data. One accent; red, green and amber keep their one meaning each.

Red is a span's own error or a failed verdict, green a pass, amber missing or stale. Two traces
that are compared are violet and cyan, which say which of the two and nothing of how it fared.
"""

from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="tracedesk-dark",
    dark=True,
    primary="#7aa2f7",
    secondary="#7aa2f7",
    accent="#7aa2f7",
    foreground="#c8ccd4",
    background="#16181d",
    surface="#16181d",
    panel="#1f2229",
    success="#87c38a",
    warning="#e0af68",
    error="#f7768e",
    variables={
        "td-dim": "#8b919e",
        "td-faint": "#5a606c",
        "td-border": "#3a3f4a",
        "td-bar": "#5577b5",
        "td-bar-faint": "#343a46",
        "td-cursor": "#2b3550",
        "td-cursor-blurred": "#22252d",
        "td-agent": "#c0a8f0",
        "td-model": "#7dcfff",
        "td-tool": "#d4b483",
        "td-retrieval": "#94c9b8",
        "td-string": "#b5c7a3",
        "td-match": "#3d59a1",
        "td-side-a": "#c99bff",
        "td-side-b": "#5cc8e8",
        "input-selection-background": "#3d59a1",
        "block-cursor-background": "#2b3550",
        "block-cursor-foreground": "#c8ccd4",
        "scrollbar": "#3a3f4a",
        "scrollbar-hover": "#5a606c",
        "scrollbar-active": "#7aa2f7",
        "scrollbar-background": "#16181d",
        "scrollbar-background-hover": "#16181d",
        "scrollbar-background-active": "#16181d",
    },
)

LIGHT = Theme(
    name="tracedesk-light",
    dark=False,
    primary="#2b5fb8",
    secondary="#2b5fb8",
    accent="#2b5fb8",
    foreground="#2a2e37",
    background="#fbfbfa",
    surface="#fbfbfa",
    panel="#f0f0ee",
    success="#2f7d3b",
    warning="#9a6200",
    error="#c02c48",
    variables={
        "td-dim": "#636976",
        "td-faint": "#9aa0ab",
        "td-border": "#c9ccd2",
        "td-bar": "#7d9fd8",
        "td-bar-faint": "#dadde3",
        "td-cursor": "#d7e3f8",
        "td-cursor-blurred": "#ebedf0",
        "td-agent": "#6d43b5",
        "td-model": "#0b6f94",
        "td-tool": "#8a5a12",
        "td-retrieval": "#1f6f5c",
        "td-string": "#4a6b2c",
        "td-match": "#bcd2f7",
        "td-side-a": "#7a35c2",
        "td-side-b": "#006c8c",
        "input-selection-background": "#bcd2f7",
        "block-cursor-background": "#d7e3f8",
        "block-cursor-foreground": "#2a2e37",
        "scrollbar": "#c9ccd2",
        "scrollbar-hover": "#9aa0ab",
        "scrollbar-active": "#2b5fb8",
        "scrollbar-background": "#fbfbfa",
        "scrollbar-background-hover": "#fbfbfa",
        "scrollbar-background-active": "#fbfbfa",
    },
)

CONTRAST = Theme(
    name="tracedesk-contrast",
    dark=True,
    primary="#99d0ff",
    secondary="#99d0ff",
    accent="#99d0ff",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#101010",
    success="#5dff7a",
    warning="#ffd24a",
    error="#ffb3b3",
    variables={
        "td-dim": "#e0e0e0",
        "td-faint": "#c8c8c8",
        "td-border": "#b0b0b0",
        "td-bar": "#4da6ff",
        "td-bar-faint": "#6a6a6a",
        "td-cursor": "#002b57",
        "td-cursor-blurred": "#202020",
        "td-agent": "#e0c4ff",
        "td-model": "#7ae8ff",
        "td-tool": "#ffcf8a",
        "td-retrieval": "#9df0d0",
        "td-string": "#c8f0a0",
        "td-match": "#123000",
        "td-side-a": "#e4bfff",
        "td-side-b": "#6fe6ff",
        "input-selection-background": "#002b57",
        "block-cursor-background": "#002b57",
        "block-cursor-foreground": "#ffffff",
        "scrollbar": "#b0b0b0",
        "scrollbar-hover": "#ffffff",
        "scrollbar-active": "#99d0ff",
        "scrollbar-background": "#000000",
        "scrollbar-background-hover": "#000000",
        "scrollbar-background-active": "#000000",
    },
)
"""Every text and state at 7:1 or more on every ground that it stands on."""

THEMES = (DARK, LIGHT, CONTRAST)
"""Ours, in the order in which a key walks them."""

_MIXED = (
    ("td-dim", "foreground", 0.75), ("td-faint", "foreground", 0.55),
    ("td-border", "foreground", 0.25), ("td-bar", "primary", 0.75),
    ("td-bar-faint", "foreground", 0.15), ("td-cursor", "primary", 0.3),
    ("td-cursor-blurred", "foreground", 0.1), ("td-agent", "secondary", 1.0),
    ("td-model", "accent", 1.0), ("td-tool", "warning", 1.0), ("td-retrieval", "success", 1.0),
    ("td-string", "success", 0.9), ("td-match", "primary", 0.45),
)  # fmt: skip
"""Our variables in a theme that is not ours: of which of its colours over its background, and how
much of it."""

_SIDES = ("td-side-a", "td-side-b")
"""What tells two traces apart, in any theme the same: its own accents may be its red or green."""

_ANSI = {
    "td-dim": "ansi_default", "td-faint": "ansi_bright_black", "td-border": "ansi_bright_black",
    "td-bar": "ansi_blue", "td-bar-faint": "ansi_bright_black", "td-cursor": "ansi_blue",
    "td-cursor-blurred": "ansi_bright_black", "td-agent": "ansi_magenta",
    "td-model": "ansi_cyan", "td-tool": "ansi_yellow", "td-retrieval": "ansi_green",
    "td-string": "ansi_green", "td-match": "ansi_blue", "td-side-a": "ansi_magenta",
    "td-side-b": "ansi_cyan",
}  # fmt: skip
"""The same where the terminal decides what its sixteen colours look like."""


def derived(theme: Theme) -> dict[str, str]:
    """Our variables for a theme that does not know them."""
    colours = theme.to_color_system().generate()
    if theme.ansi:
        return _ANSI
    ground = Color.parse(colours["background"])
    ours = DARK if theme.dark else LIGHT
    return {
        **{name: ours.variables[name] for name in _SIDES},
        **{
            name: ground.blend(Color.parse(colours[source]), share).hex
            for name, source, share in _MIXED
        },
    }
