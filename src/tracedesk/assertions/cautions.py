"""Cautions about the values that were compared, whatever kind of assertion compared them.

A value that the sender blanked out, or that is an expression nobody resolved, is compared as
it is; a reader has to know that it says little (assertion spec 2, 6.1).
"""

from collections.abc import Iterable
from typing import Any, Final

from tracedesk.model.reading import Usage
from tracedesk.model.verdict import Caution
from tracedesk.query.expected import REDACTED

_REDACTED: Final = Caution("redacted", "the sender replaced the value with [REDACTED]")
_UNRESOLVED: Final = Caution(
    "unresolved_expression", "the value is an n8n expression that was not resolved"
)


_MARKS: Final = ("[", "=")
"""What such values begin with; no other value is looked at."""


def about_values(values: Iterable[Any]) -> tuple[Caution, ...]:
    """What is to be known of the compared values."""
    redacted = unresolved = False
    for value in values:
        if isinstance(value, str) and value[:1] in _MARKS:
            redacted = redacted or value == REDACTED
            unresolved = unresolved or (value[0] == "=" and "{{" in value)
    if not redacted and not unresolved:
        return ()
    return (_REDACTED,) * redacted + (_UNRESOLVED,) * unresolved


def joined(cautions: tuple[Caution, ...], more: tuple[Caution, ...]) -> tuple[Caution, ...]:
    """Both, none of them told twice."""
    codes = {caution.code for caution in cautions}
    return cautions + tuple(caution for caution in more if caution.code not in codes)


def about_usage(usage: Usage) -> tuple[Caution, ...]:
    """What is to be known of tokens that were summed."""
    found: tuple[Caution, ...] = ()
    if usage.partial:
        found = (Caution("partial_usage", "some model spans report no usage"),)
    if usage.nested:
        message = "a summed span lies inside another one, so tokens may count twice"
        found += (Caution("nested_usage", message),)
    return found
