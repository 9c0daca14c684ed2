"""What a reader folded, unfolded or asked more of on the pages of the detail pane.

Each fold has a key that stays the same while its page is made again; only what differs from the
page's own idea is remembered.
"""

MORE = "more "
"""Begins the keys of lines that ask for the next items of a long list."""


class Folds:
    """Folds of one open trace."""

    def __init__(self) -> None:
        self._turned: set[str] = set()
        self._pages: dict[str, int] = {}

    def open(self, key: str, default: bool) -> bool:
        """True when a fold is open; ``default`` is how the page would have it."""
        return default != (key in self._turned)

    def pages(self, key: str) -> int:
        """How many pages of a long list are shown, from 1."""
        return self._pages.get(key, 1)

    def toggle(self, key: str) -> None:
        """Turn a fold over, or show one page more."""
        if key.startswith(MORE):
            key = key.removeprefix(MORE)
            self._pages[key] = self.pages(key) + 1
        elif key in self._turned:
            self._turned.remove(key)
        else:
            self._turned.add(key)

    def clear(self) -> None:
        """Forget all, as for another trace."""
        self._turned.clear()
        self._pages.clear()
