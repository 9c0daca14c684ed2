"""Which values are secret, judged by the names they are kept under (ingestion spec 18).

A step down into an object is one cached look-up, whatever the rules are: where in the
configured paths a value stands is a tuple of small numbers.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from tracedesk.formats.redaction.settings import WILDCARD, RedactionSettings

States: TypeAlias = tuple[int, ...]
"""Which configured paths are partly matched, and how far; ``ROOT`` in the beginning."""

ROOT: Final[States] = ()

EXACT = frozenset(
    (
        *("authorization", "cookie", "setcookie", "password", "passwd", "secret"),
        *("apikey", "aikey", "secretkey", "xapikey", "privatekey"),
        *("accesstoken", "refreshtoken", "clientsecret"),
    )
)
SUFFIXES = (
    "authorization",
    "cookie",
    "password",
    "passwd",
    "apikey",
    "secret",
    "accesstoken",
    "refreshtoken",
    "clientsecret",
    "privatekey",
)
VENDORS = (
    *("openai", "anthropic", "azureopenai", "bedrock", "cohere"),
    *("gemini", "google", "llm", "mistral"),
)
"""With one of these in it, a name that ends in ``key`` is the name of a secret."""
TOKENS = frozenset(
    f"{prefix}token" for prefix in ("access", "auth", "bearer", "csrf", "id", "refresh", "session")
)
"""Tokens that open doors; counts of tokens are none of them."""

NEVER = frozenset({"workflowId", "workflowName", "timestamp"})
"""Keys whose value no rule replaces."""

TRANSPARENT = frozenset(
    f"{word}{joint}"
    for word in ("string", "int", "double", "bool", "bytes")
    for joint in ("Value", "_value")
)
"""Wrappings of an OTLP value; a path does not name them."""
LISTED = frozenset({"arrayValue", "kvlistValue", "array_value", "kvlist_value"})
"""Wrappings whose content lies one level deeper, under ``values``."""

_NOISE = re.compile(r"[^a-z0-9]+")
_LISTED: Final = -1
"""A state: the next key is the ``values`` of a wrapping."""
_NAMES_KEPT = 8_192


@lru_cache(_NAMES_KEPT)
def secret_name(name: str) -> bool:
    """Is a value of this name a secret by the automatic rule? Of a name with dots, such as an
    attribute's, the last segment counts like the whole."""
    return _secret(name) or ("." in name and _secret(name.rpartition(".")[2]))


def _secret(name: str) -> bool:
    bare = _NOISE.sub("", name.lower())
    return (
        bare in EXACT
        or bare in TOKENS
        or bare.endswith(SUFFIXES)
        or (bare.endswith("key") and any(vendor in bare for vendor in VENDORS))
    )


class Rules:
    """The automatic rule and the configured paths, made ready. Immutable, for any thread."""

    def __init__(self, settings: RedactionSettings) -> None:
        self._automatic = settings.automatic
        self._next: list[dict[str, int]] = [{}]
        """For each place in the tree of paths: segment → place. Place 0 is its root."""
        self._ends: set[int] = set()
        for path in settings.paths:
            self._add(path.split("."))
        self.step = lru_cache(_NAMES_KEPT)(self._step)
        """``step(states, key)``: where that leads, and whether the value under it is secret."""

    def _add(self, segments: list[str]) -> None:
        at = 0
        for segment in segments:
            if segment not in self._next[at]:
                self._next[at][segment] = len(self._next)
                self._next.append({})
            at = self._next[at][segment]
        self._ends.add(at)

    def _step(self, states: States, key: str) -> tuple[States, bool]:
        if states and states[-1] == _LISTED and key == "values":
            return states[:-1], False
        if key in TRANSPARENT:
            return states, False
        if key in LISTED:
            return (*states, _LISTED), False
        if key in NEVER:
            return self._descend(states, key)[0], False
        below, hit = self._descend(states, key)
        if "." in key:
            along = states
            for segment in key.split("."):
                along, ended = self._descend(along, segment)
                hit = hit or ended
            below = tuple({*below, *along})
        return below, hit or (self._automatic and secret_name(key))

    def _descend(self, states: Iterable[int], segment: str) -> tuple[States, bool]:
        found = {
            place
            for state in (0, *states)
            if state != _LISTED
            for name in (segment, WILDCARD)
            if (place := self._next[state].get(name)) is not None
        }
        return tuple(sorted(found)), not self._ends.isdisjoint(found)
