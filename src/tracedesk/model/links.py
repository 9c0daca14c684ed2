"""How spans hang together by index: parents, roots, and where parent cycles are cut.

Linear and without recursion; used wherever a whole ``SpanTree`` would be too much.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from operator import ge

from tracedesk.model.trace import Span

NO_PARENT = -1


def parents_of(spans: Sequence[Span]) -> tuple[list[int], list[int]]:
    """For each span the index of its parent, ``NO_PARENT`` for roots, orphans and the first
    member of each parent cycle; and those first members, in body order."""
    index_of = {span.span_id: index for index, span in enumerate(spans)}
    find = index_of.get
    parents = [
        NO_PARENT if span.parent_id is None else find(span.parent_id, NO_PARENT) for span in spans
    ]
    cut: list[int] = []
    if any(map(ge, parents, count())):
        cut = cycle_heads(parents)
        for head in cut:
            parents[head] = NO_PARENT
    return parents, cut


def cycle_heads(parents: Sequence[int]) -> list[int]:
    """For each cycle in a parent array, its member that comes first. Linear."""
    heads = []
    state = bytearray(len(parents))  # 0 unseen, 1 on the current path, 2 done
    for start in range(len(parents)):
        path = []
        at = start
        while at != NO_PARENT and not state[at]:
            state[at] = 1
            path.append(at)
            at = parents[at]
        if at != NO_PARENT and state[at] == 1:
            heads.append(min(path[path.index(at) :]))
        for seen in path:
            state[seen] = 2
    return sorted(heads)


def indexes(values: Sequence[object], wanted: object) -> Iterator[int]:
    """Where a value stands in a column, for one that stands in few places."""
    at = -1
    with suppress(ValueError):
        while True:
            yield (at := values.index(wanted, at + 1))
