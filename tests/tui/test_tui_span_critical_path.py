"""The critical path: which spans decided when a trace was done."""

from fake_desk import tree_of
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.testing import make_span, make_trace
from tracedesk.tui.view_models.span_tree import SpanRows


def path_of(*spans, row=0):
    """Ids on the path of the tree around a row; the milliseconds at work and in all."""
    trace = make_trace(*spans)
    rows = SpanRows(tree_of(trace), trace.spans)
    found = rows.time.find_path(row)
    if found is None:
        return None
    ids = [rows.span(row).span_id for row in found.rows]
    return ids, found.working_ns / 1e6, found.length_ns / 1e6


def span(name, start, end, parent="r"):
    return make_span(name, parent=parent, start_ms=start, end_ms=end)


ROOT = make_span("r", start_ms=0, end_ms=100)


def test_of_two_at_once_the_one_that_finished_last_is_on_it():
    assert path_of(ROOT, span("short", 0, 40), span("long", 0, 90)) == (["r", "long"], 90, 100)


def test_what_ran_one_after_another_is_on_it_one_after_another():
    assert path_of(ROOT, span("a", 0, 30), span("b", 35, 90), span("beside", 40, 60)) == (
        ["r", "a", "b"], 85, 100,
    )  # fmt: skip


def test_it_goes_down_to_the_leaves():
    found = path_of(
        ROOT, span("a", 0, 90), span("deep", 10, 80, "a"), span("deeper", 20, 30, "deep")
    )
    assert found == (["r", "a", "deep", "deeper"], 10, 100)


def test_a_child_that_outlives_its_parent_ends_with_it():
    assert path_of(ROOT, span("late", 50, 500)) == (["r", "late"], 50, 100)


def test_a_child_that_begins_before_its_parent_begins_with_it():
    assert path_of(ROOT, span("early", -50, 60)) == (["r", "early"], 60, 100)


def test_a_running_or_untimed_child_is_never_on_it():
    assert path_of(ROOT, span("running", 50, None), make_span("untimed", parent="r")) == (
        ["r"], 0, 100,
    )  # fmt: skip


def test_it_is_that_of_the_tree_around_the_row():
    other = make_span("other", start_ms=0, end_ms=10)
    assert path_of(ROOT, other, span("in", 2, 5, "other"), row=2) == (["other", "in"], 3, 10)


def test_a_root_without_a_duration_has_none():
    assert path_of(make_span("r")) is None
    assert path_of(make_span("r", start_ms=5, end_ms=5)) is None
    assert path_of(make_span("r", start_ms=5, end_ms=3)) is None
    assert path_of(make_span("r", start_ms=5)) is None


def test_a_chain_as_deep_as_it_gets_is_followed_without_recursion():
    spans = [make_span("0", start_ms=0, end_ms=100_000)]
    spans += [
        make_span(str(i), parent=str(i - 1), start_ms=i, end_ms=100_000) for i in range(1, 10_000)
    ]
    ids, working, _ = path_of(*spans)
    assert len(ids) == 10_000
    assert working == 100_000 - 9_999


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(-20, 120), st.none() | st.integers(-20, 120)),
        max_size=25,
    )
)
def test_the_path_is_in_one_span_at_a_time(drawn):
    """What is at work is never longer than the root, whatever the times are."""
    spans = [ROOT]
    for number, (above, start, end) in enumerate(drawn):
        parent = spans[above % len(spans)].span_id
        spans.append(make_span(f"s{number}", parent=parent, start_ms=start, end_ms=end))
    ids, working, length = path_of(*spans)
    assert ids[0] == "r"
    assert len(set(ids)) == len(ids)
    assert 0 <= working <= length == 100
