"""Names of nodes, spans and tools: folding, the four ways to match, the nearest known name.

Labels compare trimmed and case-folded; on tools, runs of spaces, underscores and hyphens
are equal on both sides (assertion spec 3).
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from unicodedata import normalize

from tracedesk.query.patterns import Pattern

NAME_MATCHES: Final = ("substring", "exact", "glob", "regex")

NO: Final = 0
PARTLY: Final = 1
FULLY: Final = 2

_SEPARATORS = re.compile(r"[\s_\-]+")
_CACHED = 1 << 14
_CACHED_CHARS = 200
"""Longer names are folded each time: a trace may have names of any length, and thousands of long
ones would be kept after it is gone."""


def fold(name: str, tool: bool = False) -> str:
    """The form in which names compare; ``é`` is one letter however it was typed (NFC)."""
    return _known_fold(name, tool) if len(name) <= _CACHED_CHARS else _fold(name, tool)


def _fold(name: str, tool: bool) -> str:
    folded = name.strip().casefold()
    if not folded.isascii():
        folded = normalize("NFC", normalize("NFC", name.strip()).casefold())
    return _SEPARATORS.sub(" ", folded) if tool else folded


_known_fold = lru_cache(maxsize=_CACHED)(_fold)


def glob_matches(pattern: str, text: str) -> bool:
    """Whole-text match of a pattern with ``*`` and ``?``, in time linear in practice."""
    p = t = 0
    star, resume = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, resume = p, t
            p += 1
        elif p < len(pattern) and (pattern[p] == "?" or pattern[p] == text[t]):
            p += 1
            t += 1
        elif star >= 0:
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return pattern[p:].strip("*") == ""


class NameTest:
    """One expected name, ready to be held against labels and aliases.

    ``mode`` is one of ``NAME_MATCHES``; ``pattern`` is the compiled name under ``regex``.
    """

    __slots__ = ("as_node", "as_tool", "key", "mode", "name", "pattern", "plainly")

    def __init__(self, name: str, mode: str = "substring", pattern: Pattern | None = None) -> None:
        self.name = name
        self.mode = mode
        self.pattern = pattern
        self.as_node = fold(name)
        self.as_tool = fold(name, tool=True)
        self.plainly = mode in ("substring", "exact")
        """No name fits that does not contain the folded one."""
        self.key = (name, mode, pattern.flags if pattern is not None else "")
        """Equal keys give equal answers: what results are remembered under."""

    def test(self, names: Iterable[str], tool: bool, timeout_s: float) -> int:
        """FULLY when some name equals it, PARTLY when some name matches, else NO.

        Only ``substring`` and ``exact`` know FULLY. Raises PatternTimeoutError under ``regex``.
        """
        mode = self.mode
        if mode == "regex":
            assert self.pattern is not None
            search = self.pattern.search
            return PARTLY if any(search(name, timeout_s) for name in names) else NO
        wanted = self.as_tool if tool else self.as_node
        if mode == "glob":
            return PARTLY if any(glob_matches(wanted, fold(name, tool)) for name in names) else NO
        labels = tuple(names)
        return self.test_folded(labels, [fold(name, tool) for name in labels], tool, timeout_s)

    def test_folded(
        self, names: Sequence[str], folded: Sequence[str], tool: bool, timeout_s: float
    ) -> int:
        """As ``test``, for names whose folded forms are known already."""
        if not self.plainly:
            return self.test(names, tool, timeout_s)
        wanted = self.as_tool if tool else self.as_node
        if wanted in folded:
            return FULLY
        if self.mode == "substring":
            for name in folded:
                if wanted in name:
                    return PARTLY
        return NO

    def __str__(self) -> str:
        return self.name if self.mode == "substring" else f"{self.name} ({self.mode})"


@lru_cache(maxsize=_CACHED)
def edit_distance(left: str, right: str, limit: int = 1 << 30) -> int:
    """Insertions, deletions, replacements and swaps of neighbours; above ``limit``: limit + 1."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before = before, row
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


def tolerance(name: str) -> int:
    """How many edits still make a *did you mean*: two, one under five letters."""
    return 1 if len(name) < 5 else 2


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant, compared folded; the first of equally near ones."""
    wanted = fold(name)
    best, limit = None, tolerance(wanted)
    for candidate in candidates:
        distance = edit_distance(wanted, fold(candidate), limit)
        if distance <= limit:
            best, limit = candidate, distance - 1
            if limit < 0:
                break
    return best
