"""The filter language of the traces list, of ``when:`` and of the command line.

A filter is terms joined by "and": ``status:failed -tool:create_booking dur>2s env=production
"text anywhere"``. Whatever cannot be understood is an error with its position, never a filter
that silently finds nothing.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tracedesk.model.trace import Format
from tracedesk.model.verdict import Outcome
from tracedesk.query.names import fold, nearest

TEXT: Final = "text"
METADATA: Final = "metadata"

PENDING: Final = "pending"
"""The verdict of a trace that is not evaluated yet."""


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


class Key(msgspec.Struct, frozen=True):
    """What a key of the language compares, and how."""

    kind: str
    """``choice``, ``name``, ``tool``, ``id``, ``number``, ``duration`` or ``time``."""
    help: str
    choices: tuple[str, ...] = ()


KEYS: Final[Mapping[str, Key]] = {
    "status": Key("choice", "completed, failed or partial", ("completed", "failed", "partial")),
    "agent": Key("name", "name or id of the agent"),
    "tool": Key("tool", "name of a tool that was called"),
    "span": Key("name", "name of any span"),
    "name": Key("name", "name of the trace"),
    "dur": Key("duration", "duration, such as dur>2s"),
    "tokens": Key("number", "tokens of the whole trace, such as tokens>4000"),
    "spans": Key("number", "number of spans"),
    "errors": Key("number", "number of failed spans"),
    "verdict": Key("choice", "outcome of the test cases", (*map(str, Outcome), PENDING)),
    "format": Key("choice", "wire format", tuple(map(str, Format))),
    "id": Key("id", "beginning of the trace's id, of its OTLP trace id or external id"),
    "external": Key("name", "external id"),
    "warning": Key("name", "code of a warning"),
    "since": Key("time", "received within (1h, 2d) or from a date on"),
    "before": Key("time", "received longer ago (1h, 2d) or before a date"),
}
"""Every key; any other name followed by ``=`` is a metadata key."""

ALIASES: Final[Mapping[str, str]] = {
    "duration": "dur",
    "node": "span",
    "token": "tokens",
    "error": "errors",
    "outcome": "verdict",
    "externalId": "external",
    "warnings": "warning",
}

METADATA_ALIASES: Final[Mapping[str, str]] = {"env": "environment"}
"""A short metadata key, and the long one that is tried after it."""

Facts = Mapping[str, Any]
"""What ``Filter.matches`` looks at. A value may be a function of no arguments, called only
when a term needs it; a missing key or None means "not known", which no term matches.

``status``, ``format``, ``verdict``, ``id`` (text or a list), ``agent``, ``tool``, ``span``,
``name``, ``external``, ``warning`` (text or a list of texts), ``dur`` (milliseconds), ``tokens``,
``spans``, ``errors`` (numbers), ``received_ns``, ``metadata`` (mapping), ``text`` (texts)."""


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One condition. Its values are alternatives; ``negated`` turns the answer around."""

    key: str
    """A key of ``KEYS``, ``text`` or ``metadata``."""
    operator: str
    """``:`` (contains, or equals for choices), ``=``, ``>``, ``<``, ``>=`` or ``<=``."""
    values: tuple[Any, ...]
    """Texts; numbers for ``number``, milliseconds for ``duration``, ``Moment`` for ``time``."""
    negated: bool = False
    path: str = ""
    """The metadata key, dots leading into objects."""
    position: int = 0
    source: str = ""
    """The term as it was written, for the filter's crumb."""

    @property
    def kind(self) -> str:
        """The kind of the key, or ``text`` or ``metadata``."""
        return KEYS[self.key].kind if self.key in KEYS else self.key

    def matches(self, facts: Facts, now_ns: int) -> bool:
        """True when the condition holds, negation included."""
        return self._holds(facts, now_ns) != self.negated

    def _holds(self, facts: Facts, now_ns: int) -> bool:
        fact = facts.get("received_ns" if self.kind == "time" else self.key)
        if callable(fact):
            fact = fact()
        if fact is None:
            return False
        return any(_TESTS[self.kind](self, value, fact, now_ns) for value in self.values)


class Moment(msgspec.Struct, frozen=True):
    """A time: so many nanoseconds ago, or at an instant since the epoch."""

    ago_ns: int | None = None
    at_ns: int = 0

    def ns(self, now_ns: int) -> int:
        """Nanoseconds since the epoch."""
        return self.at_ns if self.ago_ns is None else now_ns - self.ago_ns


class Filter(msgspec.Struct, frozen=True):
    """A parsed filter; no terms match everything."""

    terms: tuple[Term, ...] = ()
    source: str = ""

    def matches(self, facts: Facts, now_ns: int | None = None) -> bool:
        """True when every term holds. ``now_ns`` is the clock of ``since:1h``."""
        now = time.time_ns() if now_ns is None else now_ns
        return all(term.matches(facts, now) for term in self.terms)


# -- parsing ---------------------------------------------------------------------------

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


# -- matching --------------------------------------------------------------------------


def texts_of(fact: Any) -> Iterable[str]:
    """A fact that is one text or several, as several."""
    return (fact,) if isinstance(fact, str) else fact


def name_fits(wanted: str, name: str, operator: str, *, tool: bool = False) -> bool:
    """Does a name contain (``:``) or equal (``=``) the wanted one, both folded?"""
    wanted, name = fold(wanted, tool), fold(name, tool)
    return wanted == name if operator == "=" else wanted in name


def compare(operator: str, actual: float, wanted: float) -> bool:
    """``actual operator wanted``; ``:`` is equality."""
    match operator:
        case ">":
            return actual > wanted
        case "<":
            return actual < wanted
        case ">=":
            return actual >= wanted
        case "<=":
            return actual <= wanted
        case _:
            return actual == wanted


def metadata_fits(metadata: Mapping[str, Any], path: str, wanted: str) -> bool:
    """Is the metadata value at ``path`` (a literal key, else dots into objects) the wanted
    text? Other values compare by their JSON text, so ``retries=3`` and ``beta=true`` work."""
    found = _at(metadata, path)
    if found is None and path in METADATA_ALIASES:
        found = _at(metadata, METADATA_ALIASES[path])
    if isinstance(found, list):
        return any(_plain(item) == fold(wanted) for item in found)
    return found is not None and _plain(found) == fold(wanted)


def _at(value: Any, path: str) -> Any:
    if isinstance(value, Mapping) and path in value:
        return value[path]
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _plain(value: Any) -> str:
    return fold(value) if isinstance(value, str) else msgspec.json.encode(value).decode()


def _test_choice(term: Term, value: str, fact: Any, now_ns: int) -> bool:
    if term.key == "format":
        return any(str(found).startswith(value) for found in texts_of(fact))
    return any(str(found) == value for found in texts_of(fact))


def _test_name(term: Term, value: str, fact: Any, now_ns: int) -> bool:
    tool = term.kind == "tool"
    return any(name_fits(value, name, term.operator, tool=tool) for name in texts_of(fact))


def _test_id(term: Term, value: str, fact: Any, now_ns: int) -> bool:
    return any(fold(found).startswith(fold(value)) for found in texts_of(fact))


_TESTS: Final[Mapping[str, Callable[[Term, Any, Any, int], bool]]] = {
    "choice": _test_choice,
    "name": _test_name,
    "tool": _test_name,
    "id": _test_id,
    TEXT: _test_name,
    METADATA: lambda term, value, fact, now_ns: metadata_fits(fact, term.path, value),
    "number": lambda term, value, fact, now_ns: compare(term.operator, fact, value),
    "duration": lambda term, value, fact, now_ns: compare(term.operator, fact, value),
    "time": lambda term, value, fact, now_ns: (fact >= value.ns(now_ns)) == (term.key == "since"),
}
