"""The flat span tree against a naive one, and the shapes that break others."""

from hypothesis import given
from hypothesis import strategies as st

from tracedesk.model.tree import ROOT, SpanTree


def build(*spans: tuple[str, str | None], starts: list[int | None] | None = None) -> SpanTree:
    ids = [span_id for span_id, _ in spans]
    return SpanTree.build(ids, [parent for _, parent in spans], starts or [None] * len(ids))


def drawn(tree: SpanTree, ids: str) -> list[str]:
    return ["." * depth + ids[i] for i, depth in zip(tree.order, tree.depth, strict=True)]


def test_children_follow_their_parent_in_start_order():
    tree = build(("a", None), ("b", "a"), ("c", "a"), ("d", "b"), starts=[0, 9, 5, 9])
    assert drawn(tree, "abcd") == ["a", ".c", ".b", "..d"]


def test_an_untimed_sibling_leaves_the_body_order():
    tree = build(("a", None), ("b", "a"), ("c", "a"), starts=[0, 9, None])
    assert drawn(tree, "abc") == ["a", ".b", ".c"]


def test_a_child_may_arrive_before_its_parent():
    assert drawn(build(("b", "a"), ("a", None)), "ba") == ["a", ".b"]


def test_several_roots_and_an_orphan_are_all_kept():
    tree = build(("a", None), ("b", None), ("c", "gone"))
    assert drawn(tree, "abc") == ["a", "b", "c"]
    assert tree.orphans == {2: "gone"}


def test_a_cycle_is_cut_at_its_first_member_in_the_body():
    tree = build(("a", "c"), ("b", "a"), ("c", "b"), ("d", "c"))
    assert drawn(tree, "abcd") == ["a", ".b", "..c", "...d"]
    assert tree.cycles == {0: "c"}


def test_a_span_that_is_its_own_parent_is_a_cycle_of_one():
    tree = build(("a", "a"), ("b", "a"))
    assert drawn(tree, "ab") == ["a", ".b"]
    assert tree.cycles == {0: "a"}


def test_duplicate_ids_keep_both_rows_and_children_go_to_the_last():
    tree = build(("a", None), ("a", None), ("b", "a"))
    assert drawn(tree, "aAb") == ["a", "A", ".b"]


def test_a_chain_of_a_hundred_thousand_needs_no_recursion():
    ids = [str(i) for i in range(100_000)]
    tree = SpanTree.build(ids, [None, *ids[:-1]], [None] * len(ids))
    assert tree.depth[-1] == 99_999
    assert list(tree.ancestors(3)) == [2, 1, 0]


def test_counts_bubble_to_ancestors_but_not_across_roots():
    tree = build(("a", None), ("b", "a"), ("c", "b"), ("d", None))
    assert list(tree.bubble([0, 1, 2, 4])) == [3, 3, 2, 4]


def test_no_spans_is_an_empty_tree():
    assert len(build()) == 0


IDS = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(IDS, st.one_of(st.none(), IDS, st.just("?"))), max_size=12))
def test_any_parent_links_give_a_consistent_forest(spans: list[tuple[str, str | None]]):
    tree = build(*spans)
    assert sorted(tree.order) == list(range(len(spans))), "every span stands in exactly one row"
    for row in range(len(tree)):
        above = tree.parent[row]
        if above == ROOT:
            assert tree.depth[row] == 0
        else:
            assert above < row < tree.subtree_end[above]
            assert tree.depth[row] == tree.depth[above] + 1
            assert tree.subtree_end[row] <= tree.subtree_end[above]
            assert spans[tree.order[above]][0] == spans[tree.order[row]][1]
        inside = range(row + 1, tree.subtree_end[row])
        assert all(row in list(tree.ancestors(other)) for other in inside)
        assert [c for c in inside if tree.parent[c] == row] == list(tree.children(row))
    for row in (*tree.orphans, *tree.cycles):
        assert tree.parent[row] == ROOT


@given(st.lists(st.tuples(IDS, st.one_of(st.none(), IDS)), max_size=12), st.data())
def test_bubbling_equals_adding_up_each_subtree(
    spans: list[tuple[str, str | None]], data: st.DataObject
):
    tree = build(*spans)
    counts = data.draw(st.lists(st.integers(0, 9), min_size=len(spans), max_size=len(spans)))
    summed = [sum(counts[row : tree.subtree_end[row]]) for row in range(len(tree))]
    assert list(tree.bubble(counts)) == summed


def plainly_drawn(
    spans: list[tuple[str, str | None]], starts: list[int | None]
) -> list[tuple[int, int]]:
    """Depth and index of each row, by asking every span for its children."""
    last = {span_id: index for index, (span_id, _) in enumerate(spans)}
    parents = [last.get(parent) if parent is not None else None for _, parent in spans]
    for start in range(len(spans)):  # each cycle is cut at its first member
        path: list[int] = []
        at: int | None = start
        while at is not None and at not in path:
            path.append(at)
            at = parents[at]
        if at == start:
            parents[start] = None

    def below(above: int | None, depth: int) -> list[tuple[int, int]]:
        found = [index for index, parent in enumerate(parents) if parent == above]
        times = [starts[index] for index in found]
        if None not in times:
            found.sort(key=lambda index: (starts[index] or 0, index))
        return [row for index in found for row in [(depth, index), *below(index, depth + 1)]]

    return below(None, 0)


TIMES = st.one_of(st.none(), st.integers(-3, 3))


@given(
    st.lists(st.tuples(IDS, st.one_of(st.none(), IDS, st.just("?")), TIMES), max_size=12),
)
def test_rows_stand_where_asking_each_span_for_its_children_puts_them(
    drawn_from: list[tuple[str, str | None, int | None]],
):
    spans = [(span_id, parent) for span_id, parent, _ in drawn_from]
    starts = [start for _, _, start in drawn_from]
    tree = build(*spans, starts=starts)
    assert list(zip(tree.depth, tree.order, strict=True)) == plainly_drawn(spans, starts)
    assert tree.index_of == {span_id: index for index, (span_id, _) in enumerate(spans)}
