"""What differs between two values and between two texts: by JSON path with types, and by words.

Lists are laid upon one another by equal elements, so that one inserted message is one difference
and not as many as follow it. Whatever is left out is counted.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from tracedesk.model.verdict import Difference
from tracedesk.query.expected import equality_hint
from tracedesk.query.paths import ROOT, step
from tracedesk.query.values import ABSENT, equality_key, json_equal, show_typed, type_of

MAX_DIFFERENCES = 200
"""Differences of one value that are listed."""

MAX_ELEMENTS = 500
"""Elements of two lists that are laid upon one another; longer ones are compared by place."""

MAX_WORDS = 1_500
"""Words between the equal ends of two texts that are compared; more than that differ as a whole."""

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Run(NamedTuple):
    """A piece of two texts: in both (``same``), only ``left``, or only ``right``."""

    side: str
    text: str


def value_differences(left: Any, right: Any, path: str = ROOT) -> tuple[list[Difference], int]:
    """The differing leaves, the left value as the expected one, and how many more there are."""
    found: list[Difference] = []
    more = 0
    for difference in _walk(left, right, path):
        if len(found) < MAX_DIFFERENCES:
            found.append(difference)
        else:
            more += 1
    return found, more


def _walk(left: Any, right: Any, path: str) -> Iterator[Difference]:
    """Recurses as deep as a value is nested, which parsing has limited to 200."""
    if json_equal(left, right):
        return
    if isinstance(left, dict) and isinstance(right, dict):
        for key in (*left, *(key for key in right if key not in left)):
            yield from _walk(left.get(key, ABSENT), right.get(key, ABSENT), path + step(str(key)))
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        for a, b in _laid_together(left, right):
            here = ABSENT if a is None else left[a]
            there = ABSENT if b is None else right[b]
            yield from _walk(here, there, f"{path}[{b if a is None else a}]")
    else:
        yield difference(left, right, path)


def difference(left: Any, right: Any, path: str) -> Difference:
    """One differing leaf."""
    hint = "" if left is ABSENT or right is ABSENT else equality_hint(left, right)
    return Difference(
        path,
        None if left is ABSENT else left,
        None if right is ABSENT else right,
        type_of(left),
        type_of(right),
        hint,
        show_typed(left),
    )


def _laid_together(
    left: Sequence[Any], right: Sequence[Any]
) -> Iterator[tuple[int | None, int | None]]:
    """Positions of elements that belong together; None where one side has none."""
    if len(left) == len(right) or len(left) + len(right) > MAX_ELEMENTS:
        shared = min(len(left), len(right))
        yield from ((at, at) for at in range(shared))
        yield from ((at, None) for at in range(shared, len(left)))
        yield from ((None, at) for at in range(shared, len(right)))
        return
    keys = [equality_key(value) for value in left], [equality_key(value) for value in right]
    matcher = SequenceMatcher(None, *keys, autojunk=False)
    for what, a, a_end, b, b_end in matcher.get_opcodes():
        if what == "equal":
            continue
        shared = min(a_end - a, b_end - b)
        yield from ((a + at, b + at) for at in range(shared))
        yield from ((at, None) for at in range(a + shared, a_end))
        yield from ((None, at) for at in range(b + shared, b_end))


def word_runs(left: str, right: str) -> list[Run]:
    """Two texts as runs of words that both have and that only one has, in order.

    The runs that are not ``right`` make up the left text, those that are not ``left`` the right.
    """
    here, there = _WORD.findall(left), _WORD.findall(right)
    first = 0
    while first < min(len(here), len(there)) and here[first] == there[first]:
        first += 1
    last = 0
    limit = min(len(here), len(there)) - first
    while last < limit and here[-1 - last] == there[-1 - last]:
        last += 1
    inner = here[first : len(here) - last], there[first : len(there) - last]
    runs = [Run("same", "".join(here[:first])), *_inner_runs(*inner)]
    runs.append(Run("same", "".join(here[len(here) - last :])))
    return [run for run in runs if run.text]


def _inner_runs(left: list[str], right: list[str]) -> Iterator[Run]:
    if max(len(left), len(right)) > MAX_WORDS:
        yield Run("left", "".join(left))
        yield Run("right", "".join(right))
        return
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for what, a, a_end, b, b_end in matcher.get_opcodes():
        if what == "equal":
            yield Run("same", "".join(left[a:a_end]))
        else:
            yield Run("left", "".join(left[a:a_end]))
            yield Run("right", "".join(right[b:b_end]))
