"""Objects that were meant as matcher objects and are not: never compared as literals.

``{macher: regex, value: x}`` read as a literal would let MUST_NOT_CALL pass on every trace.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from tracedesk.query.names import nearest

_WORD: Final = "matcher"
_BESIDE: Final = ("value", "expression")


def meant_as_matcher(
    obj: Mapping[str, Any],
    names: Collection[str],
    options: Collection[str],
    *,
    in_map: bool = False,
) -> str | None:
    """The key that was probably meant as ``matcher``, None when there is none.

    ``names`` are the known matchers, ``options`` the keys that matcher objects have.
    ``in_map``: the object maps free names to expected values, so that any key may be a name;
    it is then taken for a matcher only when nothing in it speaks against that.
    """
    for key, value in obj.items():
        if not isinstance(value, str) or nearest(key, (_WORD,)) is None:
            continue
        others = obj.keys() - {key}
        beside = any(word in others for word in _BESIDE)
        a_name = value in names and others <= {*options, _WORD}
        if in_map and a_name and (key == _WORD or others):
            return key
        if not in_map and (beside or a_name):
            return key
    return None
