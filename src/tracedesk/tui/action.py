"""What one action is, and how its keys are written."""

import msgspec


class Action(msgspec.Struct, frozen=True):
    """One thing a user can do."""

    name: str
    """Textual action with its arguments, such as ``jump('error', 1)``."""
    keys: tuple[str, ...]
    """Keys that do it; two keys in a row are written with a blank: ``] e``."""
    label: str
    """One or two words, for footer and palette."""
    help: str
    """One sentence, for the help page."""
    pane: str = ""
    """The pane that must have the focus; blank for everywhere."""
    footer: bool = False
    """Shown in the footer of its pane."""
    palette: bool = True
    """Offered in the command palette."""

    @property
    def shown_keys(self) -> str:
        """The keys as a person reads them: ``]e``, ``Ctrl-d``."""
        return " ".join(key_name(key) for key in self.keys) or key_name("ctrl+p")


_KEY_NAMES = {
    "enter": "Enter", "escape": "Esc", "space": "Space", "tab": "Tab", "shift+tab": "Shift-Tab",
    "up": "↑", "down": "↓", "left": "←", "right": "→", "pageup": "PgUp", "pagedown": "PgDn",
    "f1": "F1", "f3": "F3", "f4": "F4", "home": "Home", "end": "End",
    "delete": "Del", "full_stop": ".", "comma": ",",
    "shift+left": "Shift-←", "shift+right": "Shift-→", "shift+k": "Shift-k",
}  # fmt: skip


def key_name(key: str) -> str:
    """A key as a person reads it."""
    if " " in key:
        return "".join(key_name(part) for part in key.split(" "))
    if key.startswith("ctrl+"):
        return "Ctrl-" + key_name(key[5:])
    return _KEY_NAMES.get(key, key)
