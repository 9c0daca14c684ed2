"""The filter language of the traces list, of ``when:`` and of the command line.

A filter is terms joined by "and": ``status:failed -tool:create_booking dur>2s env=production
"text anywhere"``. Whatever cannot be understood is an error with its position, never a filter
that silently finds nothing.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tracedesk.query.filter_terms import ALIASES, KEYS, METADATA, TEXT, Filter, Moment, Term
from tracedesk.query.names import fold, nearest

__all__ = ["Filter", "FilterError", "Moment", "parse_filter"]


class FilterError(Exception):
    """A filter that cannot be understood. ``position`` and ``length`` mark the fault, counted
    in characters from 0; ``suggestion`` is the known word that was probably meant."""

    def __init__(
        self, message: str, position: int, length: int = 1, suggestion: str | None = None
    ) -> None:
        if suggestion is not None:
            message = f"{message}; did you mean {suggestion!r}?"
        super().__init__(f"{message} (at character {position + 1})")
        self.message = message
        self.position = position
        self.length = length
        self.suggestion = suggestion


_KEY = re.compile(r"([A-Za-z_][\w.\-]*)(>=|<=|!=|:|=|>|<)")
_ORDERINGS = frozenset({">", "<", ">=", "<="})
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WORD = re.compile(r'[^\s",]+')
_BARE = re.compile(r"\S+")
_SPACE = re.compile(r"\s*")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zµ]*)", re.IGNORECASE)

_MILLISECONDS: Final = {
    "us": 1e-3,
    "µs": 1e-3,
    "": 1.0,
    "ms": 1.0,
    "s": 1e3,
    "m": 60e3,
    "min": 60e3,
    "h": 3600e3,
    "d": 86_400e3,
    "w": 604_800e3,
}
_MULTIPLES: Final = {"": 1, "k": 1_000, "m": 1_000_000}


def parse_filter(text: str) -> Filter:
    """Parse a filter. Raises FilterError; a blank text is a filter without terms."""
    terms = []
    at = _skip_space(text, 0)
    while at < len(text):
        term, at = _parse_term(text, at)
        terms.append(term)
        at = _skip_space(text, at)
    return Filter(tuple(terms), text.strip())


def _skip_space(text: str, at: int) -> int:
    return at + len(_SPACE.match(text, at)[0])  # type: ignore[index]


def _parse_term(text: str, start: int) -> tuple[Term, int]:
    negated = text[start] == "-" and start + 1 < len(text) and not text[start + 1].isspace()
    at = start + negated
    match = None if text[at] == '"' else _KEY.match(text, at)
    if match is None:
        value, end = _parse_text(text, at)
        return _term(TEXT, ":", (value,), negated, text, start, end), end
    written, operator = match[1], match[2]
    raw, end = _parse_values(text, match.end(), written + operator)
    if operator == "!=":
        negated, operator = not negated, "="
    key, path = _resolve_key(written, operator, at)
    kind = METADATA if key == METADATA else KEYS[key].kind
    if operator in _ORDERINGS and kind not in ("number", "duration"):
        raise FilterError(f"{written} cannot be compared with {operator}", at, len(written) + 1)
    values = tuple(_READERS[kind](key, value, place) for value, place in raw)
    return _term(key, operator, values, negated, text, start, end, path), end


def _term(
    key: str,
    operator: str,
    values: tuple[Any, ...],
    negated: bool,
    text: str,
    start: int,
    end: int,
    path: str = "",
) -> Term:
    return Term(
        key=key,
        operator=operator,
        values=values,
        negated=negated,
        path=path,
        position=start,
        source=text[start:end],
    )


def _parse_text(text: str, at: int) -> tuple[str, int]:
    if text[at] == '"':
        return _parse_quoted(text, at)
    match = _BARE.match(text, at)
    assert match is not None, "the term begins with a character that is no space"
    return match[0], match.end()


def _parse_quoted(text: str, at: int) -> tuple[str, int]:
    match = _QUOTED.match(text, at)
    if match is None:
        raise FilterError("the quotation mark is never closed", at, len(text) - at)
    return re.sub(r"\\(.)", r"\1", match[1]), match.end()


def _parse_values(text: str, at: int, before: str) -> tuple[list[tuple[str, int]], int]:
    """The alternatives ``a,"b c"`` with their positions, and where they end."""
    values = []
    while True:
        if at < len(text) and text[at] == '"':
            value, end = _parse_quoted(text, at)
        elif match := _WORD.match(text, at):
            value, end = match[0], match.end()
        else:
            raise FilterError(f"{before} needs a value", at)
        values.append((value, at))
        if end < len(text) and text[end] == ",":
            at = end + 1
            continue
        return values, end


def _resolve_key(written: str, operator: str, at: int) -> tuple[str, str]:
    """The key and, for metadata, the path that ``written`` means."""
    known = ALIASES.get(written, written)
    if known in KEYS:
        return known, ""
    if known.lower() in KEYS:
        return known.lower(), ""
    if written.startswith(f"{METADATA}."):
        return METADATA, written.removeprefix(f"{METADATA}.")
    meant = nearest(written, (*KEYS, *ALIASES))
    if operator == "=" and meant is None:
        return METADATA, written
    message = f"unknown key {written!r}"
    if meant is None:
        message += f"; known are {', '.join(KEYS)}, and metadata keys as in env=production"
    elif operator == "=":
        message += f" (a metadata key of that name is written {METADATA}.{written}=…)"
    raise FilterError(message, at, len(written), meant)


def _read_choice(key: str, value: str, at: int) -> str:
    choices = KEYS[key].choices
    folded = fold(value)
    if folded in choices:
        return folded
    if key == "format" and any(choice.startswith(folded) for choice in choices):
        return folded
    meant = nearest(value, choices)
    message = f"{key} is never {value!r}"
    if meant is None:
        message += f"; it is one of {', '.join(choices)}"
    raise FilterError(message, at, len(value), meant)


def _read_text(key: str, value: str, at: int) -> str:
    return value


def _read_number(key: str, value: str, at: int) -> float:
    match = _AMOUNT.fullmatch(value)
    factor = _MULTIPLES.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise FilterError(f"{key} needs a number, such as 4000 or 4k", at, len(value))
    return float(match[1]) * factor


def _read_duration(key: str, value: str, at: int) -> float:
    match = _AMOUNT.fullmatch(value)
    factor = _MILLISECONDS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise FilterError(f"{key} needs a duration, such as 500ms or 2s", at, len(value))
    return float(match[1]) * factor


def _read_time(key: str, value: str, at: int) -> Moment:
    match = _AMOUNT.fullmatch(value)
    factor = _MILLISECONDS.get(match[2].lower()) if match and match[2] else None
    if match and factor is not None:
        return Moment(ago_ns=round(float(match[1]) * factor * 1e6))
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise FilterError(
            f"{key} needs an age such as 1h or 2d, or a date such as 2026-06-01", at, len(value)
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return Moment(at_ns=round(found.timestamp() * 1e6) * 1_000)


_READERS: Final[Mapping[str, Callable[[str, str, int], Any]]] = {
    "choice": _read_choice,
    "name": _read_text,
    "tool": _read_text,
    "id": _read_text,
    METADATA: _read_text,
    "number": _read_number,
    "duration": _read_duration,
    "time": _read_time,
}
