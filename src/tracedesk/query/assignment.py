"""Maximum bipartite matching: who can be paired with whom, all at once, never greedily."""

from collections.abc import Sequence

UNPAIRED = -1


def pair(edges: Sequence[Sequence[int]], right_count: int) -> list[int]:
    """The partner of each left vertex in a largest pairing, ``UNPAIRED`` without one.

    ``edges[i]`` lists the right vertices that left vertex ``i`` may take, best first; the
    result is the same on every run. O(vertices × edges), iterative.
    """
    partner = [UNPAIRED] * len(edges)
    owner = [UNPAIRED] * right_count
    for start in range(len(edges)):
        came_from: dict[int, int] = {}
        free = _reach_free(start, edges, owner, came_from)
        while free != UNPAIRED:
            left = came_from[free]
            taken, partner[left], owner[free] = partner[left], free, left
            free = taken
    return partner


def _reach_free(
    start: int, edges: Sequence[Sequence[int]], owner: list[int], came_from: dict[int, int]
) -> int:
    """Breadth-first search along alternating edges; the first free right vertex, if any."""
    queue = [start]
    for left in queue:
        for right in edges[left]:
            if right in came_from:
                continue
            came_from[right] = left
            if owner[right] == UNPAIRED:
                return right
            queue.append(owner[right])
    return UNPAIRED
