"""What may follow in a filter that is being typed: its keys, and the values that are loaded.

Pure: the words come from the screen, the grammar from ``query.filter_terms``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tracedesk.query.filter_terms import KEYS
from tracedesk.query.names import fold

SHOWN = 6
"""Candidates listed at a time."""

MAX_WORDS = 2_000
"""Words remembered of one key."""

MAX_CHARS = 80
"""Longer values are not offered."""

_TERM = re.compile(r'-?(?:([A-Za-z_][\w.\-]*)(>=|<=|!=|:|=|>|<))?("(?:[^"\\]|\\.)*|[^\s"]*)$')

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "number": ("0", "1", "1k", "4k"),
    "duration": ("500ms", "2s", "10s", "1m"),
    "time": ("15m", "1h", "1d", "7d"),
}
"""Values offered where every value is possible, by kind of key."""


class Candidate(msgspec.Struct, frozen=True):
    """One word that may stand here."""

    text: str
    """What is put in the place of what was typed of it."""
    note: str = ""


class Completion(msgspec.Struct, frozen=True):
    """What may stand in the place ``[start, end)`` of a text."""

    start: int
    end: int
    candidates: tuple[Candidate, ...] = ()

    def accepted(self, text: str, which: int = 0) -> str:
        """The text with a candidate in its place."""
        return text[: self.start] + self.candidates[which].text + text[self.end :]


class Words:
    """Values by key, of what was loaded so far; the latest first."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, None]] = {}

    def note(self, key: str, values: Iterable[object]) -> None:
        """Remember values of a key."""
        known = self._known.setdefault(key, {})
        for value in values:
            if isinstance(value, str) and 0 < len(value) <= MAX_CHARS and len(known) < MAX_WORDS:
                known.setdefault(value)

    def of(self, key: str) -> Sequence[str]:
        """What is known of a key, in the order met."""
        return tuple(self._known.get(key, ()))

    @property
    def metadata(self) -> Sequence[str]:
        """Metadata keys that were met."""
        return self.of("metadata")


def complete(text: str, cursor: int, words: Words) -> Completion:
    """What may stand at the cursor; nothing where the cursor stands inside a word."""
    if cursor < len(text) and not text[cursor].isspace():
        return Completion(cursor, cursor)
    match = _TERM.search(text, 0, cursor)
    if match is None or (match.start() and not text[match.start() - 1].isspace()):
        return Completion(cursor, cursor)
    key, begun = match[1], match[3]
    if key is None:
        return _keys(match.start(3), cursor, begun, words)
    begun, start = _last_value(begun, match.start(3))
    return Completion(start, cursor, tuple(_values(key, begun, words))[:SHOWN])


def _keys(start: int, end: int, begun: str, words: Words) -> Completion:
    if not begun or begun.startswith('"'):
        return Completion(start, end)
    found = [Candidate(f"{key}{_sign(known.kind)}", known.help) for key, known in KEYS.items()]
    found += [Candidate(f"{key}=", "metadata of a trace") for key in words.metadata]
    wanted = fold(begun)
    return Completion(
        start, end, tuple(c for c in found if fold(c.text).startswith(wanted))[:SHOWN]
    )


def _sign(kind: str) -> str:
    return ">" if kind in ("number", "duration") else ":"


def _last_value(begun: str, start: int) -> tuple[str, int]:
    """The value after the last comma, and where it starts: ``tool:a,b`` asks for more."""
    if begun.startswith('"'):
        return begun, start
    at = begun.rfind(",") + 1
    return begun[at:], start + at


def _values(key: str, begun: str, words: Words) -> Iterable[Candidate]:
    known = KEYS.get(key)
    wanted = fold(begun.removeprefix('"'))
    if known is not None and known.choices:
        offered: Sequence[str] = tuple(known.choices)
    elif known is not None and known.kind in EXAMPLES:
        offered = EXAMPLES[known.kind]
    else:
        offered = words.of(key if known is not None else f"metadata {key}")
    begins = [value for value in offered if fold(value).startswith(wanted)]
    inside = [value for value in offered if wanted in fold(value) and value not in begins]
    for value in (*begins, *inside):
        if (written := quoted(value)) != begun:
            yield Candidate(written)


def quoted(value: str) -> str:
    """A value as the filter language writes it."""
    if re.fullmatch(r'[^\s",]+', value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
