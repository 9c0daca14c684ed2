"""Could these bytes hold a name that the rules look for? A glance that costs a tenth of a walk.

It may be wrong in one way only: what it lets pass holds no such name, however it is written.
So it looks at the letters and digits alone, and leaves out the letters of JSON's escapes
(``\\n`` in the middle of a name is noise, as the rules read names); names that are written in
escapes of ASCII are left to the walk.
"""

import re
import string
from collections.abc import Callable, Iterable
from typing import Final

from tracedesk.formats.redaction.rules import EXACT, SUFFIXES, TOKENS, VENDORS
from tracedesk.formats.redaction.settings import WILDCARD, RedactionSettings

_LEFT_OUT = b"bfnrt"
_KEPT = bytes(set((string.ascii_lowercase + string.digits).encode()) - set(_LEFT_OUT))
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_NOISE = bytes(set(range(256)) - set(_KEPT + bytes(_KEPT).upper()))
_ASCII_ESCAPE = re.compile(rb"\\u00[0-7]")
_ESCAPE = re.compile(rb"\\u[0-9a-fA-F]{4}")
_ESCAPES_AT_MOST = 1_000
"""With more of them in it, walking through a body costs no more than looking at it."""
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_\-]+")


def _letters(text: bytes) -> bytes:
    return text.translate(_LOWER, _NOISE)


def _stems(words: Iterable[str]) -> tuple[bytes, ...]:
    """The letters of the words, without those that contain another."""
    found = {_letters(word.encode()) for word in words}
    return tuple(sorted(word for word in found if not any(o in word for o in found if o != word)))


_SECRETS: Final = _stems([*EXACT, *SUFFIXES, *TOKENS])
_VENDORS: Final = _stems(VENDORS)
_KEY: Final = _letters(b"key")


def glance(settings: RedactionSettings) -> Callable[[bytes], bool]:
    """A function that is False only for bytes in which these rules can find nothing."""
    segments = [path.split(".") for path in settings.paths]
    words = [next((s for s in reversed(path) if s != WILDCARD), "") for path in segments]
    if not all(_PLAIN_SEGMENT.fullmatch(word) for word in words):
        return lambda body: True
    needed = tuple(word.encode() for word in words)
    automatic = settings.automatic

    def worth_a_walk(body: bytes) -> bool:
        if b"\\u" in body:
            if body.count(b"\\u") > _ESCAPES_AT_MOST or _ASCII_ESCAPE.search(body):
                return True
            body = _ESCAPE.sub(b"", body)
        if any(word in body for word in needed):
            return True
        if not automatic:
            return False
        letters = _letters(body)
        return any(stem in letters for stem in _SECRETS) or (
            _KEY in letters and any(vendor in letters for vendor in _VENDORS)
        )

    return worth_a_walk
