"""Which entry of one sequence belongs to which of another, in the order of both.

Nothing here knows what the entries are: they come as keys, the strictest kind first, and a score
of two entries for what no key decides. Equal ends are taken off, keys that occur once on either
side divide what is left, and small rests are solved exactly; so the time is nearly linear, and
the same input always gives the same answer.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

Keys = Sequence[Sequence[Hashable | None]]
"""Per kind of key, strictest first, the key of each entry; None for one that has no such key."""

Score = Callable[[int, int], float]
"""How much is gained by pairing two entries; 0 when they must not be."""

Pair = tuple[int, int]

CELLS = 10_000
"""Largest rest that is solved exactly, in pairs of entries: ten milliseconds."""

ALL_CELLS = 400_000
"""Pairs of entries that are scored in all; rests beyond that are paired by name alone."""

DEPTH = 40
"""How often a rest is divided by unique keys before it is paired by name alone."""


def align(left: Keys, right: Keys, score: Score) -> list[Pair]:
    """Positions that belong together, ascending on both sides."""
    pairs: list[Pair] = []
    left_size, right_size = len(left[0]), len(right[0])
    rests = [(0, left_size, 0, right_size, 0)]
    cells_left = ALL_CELLS
    while rests:
        a, a_end, b, b_end, depth = rests.pop()
        a, a_end, b, b_end = _equal_ends(left[0], right[0], (a, a_end, b, b_end), pairs)
        if a == a_end or b == b_end:
            continue
        cells = (a_end - a) * (b_end - b)
        if cells <= min(CELLS, cells_left):
            cells_left -= cells
            pairs += _best(a, a_end, b, b_end, score)
            continue
        anchors = _anchors(left, right, (a, a_end, b, b_end), depth)
        pairs += anchors
        for here, there in anchors:
            rests.append((a, here, b, there, depth + 1))
            a, b = here + 1, there + 1
        if anchors:
            rests.append((a, a_end, b, b_end, depth + 1))
    pairs.sort()
    return pairs


Span = tuple[int, int, int, int]


def _equal_ends(
    left: Sequence[Hashable], right: Sequence[Hashable], span: Span, pairs: list[Pair]
) -> Span:
    """Pair what is equal at both ends; what is left between."""
    a, a_end, b, b_end = span
    while a < a_end and b < b_end and left[a] == right[b]:
        pairs.append((a, b))
        a, b = a + 1, b + 1
    while a < a_end and b < b_end and left[a_end - 1] == right[b_end - 1]:
        a_end, b_end = a_end - 1, b_end - 1
        pairs.append((a_end, b_end))
    return a, a_end, b, b_end


def _anchors(left: Keys, right: Keys, span: Span, depth: int) -> list[Pair]:
    """Pairs that divide a rest: by the strictest keys that occur once, else by the name and how
    often it came before."""
    if depth < DEPTH:
        for here, there in zip(left, right, strict=True):
            found = _unique(here, there, span)
            if found:
                return found
    return _by_occurrence(left[-1], right[-1], span)


def _unique(left: Sequence[Hashable], right: Sequence[Hashable], span: Span) -> list[Pair]:
    a, a_end, b, b_end = span
    once_left, once_right = Counter(left[a:a_end]), Counter(right[b:b_end])
    at = {right[j]: j for j in range(b, b_end) if once_right[right[j]] == 1}
    found = [
        (i, at[key])
        for i in range(a, a_end)
        if (key := left[i]) is not None and once_left[key] == 1 and key in at
    ]
    return ascending(found)


def _by_occurrence(left: Sequence[Hashable], right: Sequence[Hashable], span: Span) -> list[Pair]:
    a, a_end, b, b_end = span
    count: Counter[Hashable] = Counter()
    at: dict[tuple[Hashable, int], int] = {}
    for j in range(b, b_end):
        at[right[j], count[right[j]]] = j
        count[right[j]] += 1
    count.clear()
    found = []
    for i in range(a, a_end):
        there = at.get((left[i], count[left[i]]))
        count[left[i]] += 1
        if there is not None:
            found.append((i, there))
    return ascending(found)


def ascending(pairs: Sequence[Pair]) -> list[Pair]:
    """The longest run of pairs, ascending on the left already, that ascends on the right too."""
    ends: list[int] = []  # smallest right end of a run by its length, less one
    last: list[int] = []  # position in pairs of that end
    before: list[int] = []
    for place, (_, there) in enumerate(pairs):
        at = bisect_left(ends, there)
        before.append(last[at - 1] if at else -1)
        if at == len(ends):
            ends.append(there)
            last.append(place)
        else:
            ends[at], last[at] = there, place
    found: list[Pair] = []
    place = last[-1] if last else -1
    while place >= 0:
        found.append(pairs[place])
        place = before[place]
    found.reverse()
    return found


def _best(a: int, a_end: int, b: int, b_end: int, score: Score) -> list[Pair]:
    """The pairs with the highest sum of scores; of several such, those that come first."""
    height, width = a_end - a, b_end - b
    scores = [[score(a + i, b + j) for j in range(width)] for i in range(height)]
    gained = [[0.0] * (width + 1) for _ in range(height + 1)]  # by what is still to come
    for i in range(height - 1, -1, -1):
        row, below, own = gained[i], gained[i + 1], scores[i]
        for j in range(width - 1, -1, -1):
            best = below[j] if below[j] >= row[j + 1] else row[j + 1]
            if own[j] and own[j] + below[j + 1] > best:
                best = own[j] + below[j + 1]
            row[j] = best
    found: list[Pair] = []
    i = j = 0
    while i < height and j < width:
        paired = scores[i][j] and scores[i][j] + gained[i + 1][j + 1]
        if paired and paired >= gained[i][j]:
            found.append((a + i, b + j))
            i, j = i + 1, j + 1
        elif gained[i + 1][j] >= gained[i][j + 1]:
            i += 1
        else:
            j += 1
    return found
