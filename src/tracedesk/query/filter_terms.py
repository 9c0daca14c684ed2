"""What a filter consists of, and when a trace fits it.

Every key of the language and how it compares is said here, once; the store says the same in SQL.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from tracedesk.model.mark import Mark
from tracedesk.model.trace import Format
from tracedesk.model.verdict import Outcome
from tracedesk.query.names import fold

TEXT: Final = "text"
METADATA: Final = "metadata"

PENDING: Final = "pending"
"""The verdict of a trace that is not evaluated yet."""


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
    "mark": Key("choice", "known good, known bad, or none", tuple(map(str, Mark))),
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

``status``, ``format``, ``verdict``, ``mark``, ``id`` (text or a list), ``agent``, ``tool``,
``span``, ``name``, ``external``, ``warning`` (text or a list of texts), ``dur`` (milliseconds),
``tokens``, ``spans``, ``errors`` (numbers), ``received_ns``, ``metadata`` (mapping), ``text``
(texts)."""


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
