"""Regular expressions written by users, always run under a time limit, or where none could be
reached.

The ``regex`` engine lets go of the interpreter lock while it searches and stops on time;
the standard one would freeze the screen on a catastrophic pattern.
"""

import re
import warnings
from typing import Final

import regex

FLAGS: Final = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "x": regex.VERBOSE}
"""Flag letters of the option ``flags``."""

_QUANTIFIERS = "*+?{"
_HARMLESS = re.compile(
    r"""(?: \\[dDwWsSbBnrt.^$*+?()\[\]{}|/\\-]   # a class of characters, or one as it stands
          | \[\^?[^\[\]\\]+\]                     # a set without anything odd in it
          | \((?:\?:|(?!\?))                       # groups that do not look around
          | \)(?![*+?{])                           # and are not repeated
          | \{[0-9]+(?:,[0-9]*)?\}
          | [^\\\[\](){}]
        )*""",
    re.VERBOSE | re.DOTALL,
)
"""Patterns whose every path through a text can be counted beforehand."""

_REPEATS = re.compile(r"[*+?{]")
_FEW_STEPS = 100_000
"""A search of no more steps than this is over long before any time limit."""

_LEAST_LIMIT_S = 0.05
"""Under shorter limits every search is watched."""

_PREFIX_CHARS = 120
"""Longer patterns are not searched for the place where they died: it would not be cheap."""


class PatternError(ValueError):
    """The pattern cannot be compiled; ``position`` is a character offset or None."""

    def __init__(self, message: str, position: int | None) -> None:
        super().__init__(message)
        self.position = position


class PatternTimeoutError(Exception):
    """The time limit passed before the search was decided."""


class Pattern:
    """A compiled user pattern. Equal text and flags behave equally."""

    __slots__ = ("_compiled", "_prefixes", "_said", "_short", "flags", "text")

    def __init__(self, text: str, flags: str = "") -> None:
        """Compile. Raises PatternError."""
        self.text = text
        self.flags = flags
        self._said = f"/{text}/{flags}"
        self._compiled = _compile(text, flags)
        self._short = _short(text, flags)
        """Texts up to this length are searched without a clock, which costs more than they do."""
        self._prefixes: list[tuple[str, regex.Pattern[str]]] | None = None

    def search(self, text: str, timeout_s: float) -> tuple[int, int] | None:
        """Start and end of the first match anywhere. Raises PatternTimeoutError."""
        try:
            match = self._compiled.search(text, timeout=self._limit(text, timeout_s))
        except TimeoutError:
            raise PatternTimeoutError(self._too_slow(timeout_s, len(text))) from None
        return None if match is None else match.span()

    def died_at(self, text: str, timeout_s: float) -> tuple[str, int] | None:
        """The longest leading part of the pattern that the text still matches, and where
        that match ends; None when not even its first piece does, or when it is not cheap."""
        if self._prefixes is None:
            self._prefixes = _prefixes(self.text, self.flags)
        found = None
        limit = self._limit(text, timeout_s)
        low, high = 0, len(self._prefixes)
        while low < high:
            middle = (low + high) // 2
            part, compiled = self._prefixes[middle]
            try:
                match = compiled.search(text, timeout=limit)
            except TimeoutError:
                return found
            if match is None:
                high = middle
            else:
                found = (part, match.end())
                low = middle + 1
        return found

    def _limit(self, text: str, timeout_s: float) -> float | None:
        """The limit to search a text under; None when it cannot be reached."""
        return None if len(text) <= self._short and timeout_s >= _LEAST_LIMIT_S else timeout_s

    def _too_slow(self, timeout_s: float, chars: int) -> str:
        limit = f"{timeout_s * 1000:g} ms on {chars:,} characters"
        return f"pattern {self._said} took longer than {limit}"

    def __str__(self) -> str:
        return self._said


def _compile(text: str, flags: str) -> "regex.Pattern[str]":
    bits = 0
    for letter in flags:
        bits |= FLAGS[letter]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return regex.compile(text, bits)
    except regex.error as error:
        position = getattr(error, "pos", None)
        raise PatternError(str(getattr(error, "msg", error)), position) from None
    except (ValueError, OverflowError, RecursionError) as error:
        raise PatternError(str(error) or "too complex", None) from None


def _short(text: str, flags: str) -> int:
    """The longest text that takes but a few steps to search, -1 when that cannot be told.

    Without a repeated group, a look around or a reference back, a search tries each start of
    the text, each length of each repeat and each side of each choice at most once together.
    """
    if "x" in flags or len(text) > _PREFIX_CHARS or _HARMLESS.fullmatch(text) is None:
        return -1
    repeats, choices = len(_REPEATS.findall(text)), text.count("|")
    chars = -1
    for more in (512, 256, 128, 64, 32, 16, 8, 4, 2, 1):
        tried = chars + more
        if (tried + 1) ** (repeats + 1) * 2**choices * (tried + len(text)) <= _FEW_STEPS:
            chars = tried
    return chars


def _prefixes(text: str, flags: str) -> "list[tuple[str, regex.Pattern[str]]]":
    """Leading parts of a plain concatenation, cut where nothing is open or quantified."""
    if len(text) > _PREFIX_CHARS or "x" in flags:
        return []
    parts: list[tuple[str, regex.Pattern[str]]] = []
    depth, in_class, position = 0, False, 0
    while position < len(text):
        letter = text[position]
        position += 2 if letter == "\\" else 1
        if in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "|" and depth == 0:
            return []
        if depth or in_class or text[position : position + 1] in tuple(_QUANTIFIERS):
            continue
        try:
            parts.append((text[:position], _compile(text[:position], flags)))
        except PatternError:
            continue
    return parts[:-1]
