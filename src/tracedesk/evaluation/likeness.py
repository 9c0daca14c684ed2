"""What traces are compared by: equal keys say that two had the same input, or behaved alike.

Pure. The keys belong to the history of executions: other keys would make old ones unlike.
"""

import hashlib
import json
from typing import Any

import msgspec

from tracedesk.model.reading import Reading


class Likeness(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The keys of one trace."""

    input: str
    """Equal for inputs that are equal once trimmed, folded and their white space collapsed;
    blank without an input (assertion spec 10.3)."""
    behaviour: str
    """Equal for equal sequences of calls, by label, with equally normalised responses."""


def likeness(reading: Reading) -> Likeness:
    """The keys of a trace. Takes about as long as a verdict."""
    text = _normal(reading.input.text)
    calls = [call.label for call in reading.calls]
    return Likeness(digest(text) if text else "", digest([calls, _normal(reading.response.text)]))


def _normal(text: str | None) -> str | None:
    return None if text is None else " ".join(text.casefold().split())


def digest(value: Any) -> str:
    """Equal for values that are equal as JSON text."""
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=12).hexdigest()
