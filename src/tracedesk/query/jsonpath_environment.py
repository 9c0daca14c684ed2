"""python-jsonpath as it is used here: strict RFC 9535, its patterns under a time limit.

A filter may hold a pattern (``search`` and ``match``), which is a user's like any other.
"""

from functools import cache
from typing import Any, Final

from jsonpath import JSONPathEnvironment
from jsonpath.function_extensions import match, search

from tracedesk.model.jsontext import MAX_DEPTH
from tracedesk.query.patterns import PatternTimeoutError

PATTERN_S: Final = 0.25
"""Time limit, in seconds, of one search of a filter's pattern."""


class _Search(search.Search):
    def __call__(self, value: object, pattern: object) -> bool:
        return _found(self, "search", value, pattern)


class _Match(match.Match):
    def __call__(self, value: object, pattern: object) -> bool:
        return _found(self, "fullmatch", value, pattern)


def _found(function: Any, how: str, value: object, pattern: object) -> bool:
    if not isinstance(value, str) or not isinstance(pattern, str):
        return False
    compiled = function.check_cache(pattern)
    if compiled is None:
        return False
    try:
        return getattr(compiled, how)(value, timeout=PATTERN_S) is not None
    except TimeoutError:
        words = f"pattern {pattern!r} took longer than {PATTERN_S * 1000:g} ms"
        raise PatternTimeoutError(f"{words} on {len(value)} characters") from None


@cache
def environment() -> JSONPathEnvironment:
    """The one environment that all paths are compiled in."""
    found = JSONPathEnvironment(strict=True)
    found.max_recursion_depth = MAX_DEPTH + 1
    found.function_extensions["search"] = _Search(thread_safe=True)
    found.function_extensions["match"] = _Match(thread_safe=True)
    return found
