"""Pairing: always as many as brute force finds."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from tracedesk.query.assignment import UNPAIRED, pair

SIZE = 4


@given(st.lists(st.sets(st.integers(0, SIZE - 1)), max_size=SIZE))
def test_pairs_as_many_as_brute_force(wanted: list[set[int]]) -> None:
    partner = pair([sorted(edges) for edges in wanted], SIZE)

    best = max(
        sum(right in edges for edges, right in zip(wanted, order, strict=False))
        for order in permutations(range(SIZE))
    )
    taken = [right for right in partner if right != UNPAIRED]
    assert len(taken) == len(set(taken)) == best
    assert all(
        right in edges for edges, right in zip(wanted, partner, strict=True) if right != UNPAIRED
    )


def test_a_long_chain_of_swaps_does_not_recurse() -> None:
    count = 3000
    edges = [[i, i + 1] for i in range(count)] + [[0]]
    assert UNPAIRED not in pair(edges, count + 1)
