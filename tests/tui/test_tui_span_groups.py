"""Runs of identical siblings: what is one, what splits it, and that nothing hides in it."""

import pytest
from fake_desk import tree_of
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.model.trace import Kind, Status
from tracedesk.model.verdict import CaseVerdict, Evidence, Outcome, Verdict
from tracedesk.testing import make_span, make_trace
from tracedesk.tui.view_models.marks import Marks
from tracedesk.tui.view_models.span_line import TimeColumn, columns_for, span_line
from tracedesk.tui.view_models.span_tree import SpanRows


def rows_of(*spans):
    trace = make_trace(*spans)
    return SpanRows(tree_of(trace), trace.spans)


def siblings(count, name="get", first=0, **options):
    """Spans of a tenth of a second each, one after another below ``r``."""
    return [
        make_span(f"{name}{n}", name, "r", start_ms=100 * n, end_ms=100 * n + 50, **options)
        for n in range(first, first + count)
    ]


def root():
    return make_span("r", "root", start_ms=0, end_ms=10_000)


def shown(rows, width=78, marks=None):
    columns = columns_for(width, compact=True)
    return [
        "".join(
            p.text for p in span_line(rows, row, columns, marks or Marks(), TimeColumn.DURATION)
        ).rstrip()
        for row in rows.visible
    ]


def names(rows):
    return [rows.span(row).span_id for row in rows.visible]


def test_three_identical_siblings_are_one_row_and_two_are_two():
    assert names(rows_of(root(), *siblings(3))) == ["r", "get0"]
    assert names(rows_of(root(), *siblings(2))) == ["r", "get0", "get1"]


def test_the_row_counts_sums_and_tells_the_longest():
    slow = make_span("slow", "get", "r", start_ms=2_000, end_ms=4_100)
    rows = rows_of(root(), *siblings(13), slow)
    rows.time.window.toggle_idle()
    assert shown(rows)[1] == (
        "└▸▓ get ×14  max 2.1s                                 Σ2.8s ┃▓▓▓▓    ┃"
    )


@pytest.mark.parametrize(
    "odd",
    [
        make_span("x", "put", "r", start_ms=101, end_ms=102),
        make_span("x", "get", "r", start_ms=101, end_ms=102, kind=Kind.TOOL),
        make_span("x", "get", "r", start_ms=101, end_ms=102, status=Status.SKIPPED),
        make_span("x", "get", "r", start_ms=101, end_ms=102, status=Status.ERROR),
        make_span("x", "get", "r", start_ms=101),
        make_span("x", "get", "r", start_ms=101, end_ms=100),
    ],
)
def test_what_differs_fails_runs_or_runs_backwards_stands_alone(odd):
    rows = rows_of(root(), *siblings(5), odd)
    assert names(rows) == ["r", "get0", "get1", "x", "get2"]


def test_a_sibling_with_children_stands_alone():
    rows = rows_of(root(), *siblings(4), make_span("c", "inner", "get3", start_ms=301, end_ms=302))
    assert names(rows) == ["r", "get0", "get3", "c"]


@pytest.mark.parametrize("kind", [Kind.AGENT, Kind.MODEL])
def test_agents_and_model_calls_are_never_put_together(kind):
    assert len(rows_of(root(), *siblings(5, kind=kind))) == 6


def test_roots_are_never_put_together():
    assert len(rows_of(*(make_span(str(n), "same") for n in range(5)))) == 5


def test_a_run_without_times_says_how_many():
    rows = rows_of(make_span("r"), *(make_span(str(n), "same", "r") for n in range(5)))
    assert shown(rows)[1].split() == ["└▸▓", "same", "×5", "–", "┃", "┃"]


def test_opening_shows_every_member_and_which_it_is():
    rows = rows_of(root(), *siblings(3))
    assert rows.is_group(1)
    assert rows.toggle(1)
    assert names(rows) == ["r", "get0", "get1", "get2"]
    assert "get 2/3" in shown(rows)[2]


def test_folding_any_member_closes_the_run():
    rows = rows_of(root(), *siblings(3))
    rows.unfold(1)
    assert rows.can_fold(3)
    assert rows.fold(3)
    assert names(rows) == ["r", "get0"]
    assert rows.line_of(3) == 1
    assert not rows.can_fold(1)


def test_a_jump_opens_the_run_that_hides_its_row():
    rows = rows_of(root(), *siblings(4, kind=Kind.TOOL))
    assert rows.next_of("tool", 1, 1) == 2
    rows.reveal(2)
    assert rows.is_visible(2)


def test_a_jump_unfolds_folded_parents_and_the_run_below_them():
    rows = rows_of(root(), *siblings(4, kind=Kind.TOOL))
    rows.fold(0)
    rows.reveal(3)
    assert rows.is_visible(3)


def test_a_search_opens_the_run_of_its_hit_and_closes_it_again():
    rows = rows_of(root(), *siblings(4))
    rows.keep([3])
    assert names(rows) == ["r", "get2"]
    rows.clear_search()
    assert names(rows) == ["r", "get0"]


def verdict(outcome, *spans):
    evidence = tuple(Evidence(span, role="decided") for span in spans)
    return Verdict(
        outcome=outcome, reason="", target="t", assertion="a", evidence=evidence, score=1.0
    )


def marks_of(rows, *verdicts):
    case = CaseVerdict(
        case="c",
        name="c",
        file="f",
        line=1,
        score=0.0,
        outcome=Outcome.FAIL,
        verdicts=tuple(verdicts),
    )
    return Marks([case], rows.row_of)


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.MISSING, Outcome.ERROR])
def test_what_a_verdict_says_ill_of_stands_alone(outcome):
    rows = rows_of(root(), *siblings(9))
    marks = marks_of(rows, verdict(outcome, "get4"))
    assert rows.stand_alone(marks.standing_rows())
    assert names(rows) == ["r", "get0", "get4", "get5"]
    assert not rows.stand_alone(marks.standing_rows()), "nothing changed since"
    assert rows.stand_alone(())
    assert names(rows) == ["r", "get0"]


def test_too_little_beside_what_stands_alone_is_no_run():
    rows = rows_of(root(), *siblings(5))
    rows.stand_alone([3])
    assert len(rows) == 6


def test_an_open_run_stays_open_when_it_is_split():
    rows = rows_of(root(), *siblings(9))
    rows.unfold(1)
    rows.stand_alone([5])
    assert len(rows) == 10


def test_passes_inside_are_counted_on_the_row():
    rows = rows_of(root(), *siblings(4))
    marks = marks_of(rows, verdict(Outcome.PASS, "get1"), verdict(Outcome.PASS, "get2", "get3"))
    rows.stand_alone(marks.standing_rows())
    assert shown(rows, marks=marks)[1].endswith("✓2")


def test_a_trace_that_grew_keeps_its_open_runs_and_its_folds():
    old = rows_of(root(), *siblings(3), make_span("z", "last", "r"), make_span("y", parent="z"))
    old.unfold(1)
    old.fold(4)
    new = rows_of(root(), *siblings(4), make_span("z", "last", "r"), make_span("y", parent="z"))
    new.take_over(old)
    assert names(new) == ["r", "get0", "get1", "get2", "get3", "z"]


@st.composite
def families(draw):
    """Parents and names of up to 40 spans, few names, so that runs are frequent."""
    count = draw(st.integers(1, 40))
    parents = [None] + [draw(st.integers(0, min(i - 1, 4))) for i in range(1, count)]
    return [
        make_span(
            str(i), draw(st.sampled_from("ab")), None if p is None else str(p),
            start_ms=i, end_ms=i + draw(st.integers(-1, 3)),
            status=draw(st.sampled_from([Status.UNSET, Status.UNSET, Status.ERROR])),
            kind=draw(st.sampled_from([Kind.NODE, Kind.NODE, Kind.TOOL, Kind.MODEL])),
        )
        for i, p in enumerate(parents)
    ]  # fmt: skip


def naive_runs(rows):
    """The same by walking each parent's children."""
    runs = []

    def like(a, b):
        one, two = rows.span(a), rows.span(b)
        return (one.label, one.kind, one.status) == (two.label, two.kind, two.status)

    def fits(row):
        span = rows.span(row)
        return (
            not rows.has_children(row)
            and not span.failed
            and span.kind not in (Kind.AGENT, Kind.MODEL)
            and span.duration_ns is not None
        )

    for parent in range(len(rows.tree)):
        run = []
        for child in [*rows.tree.children(parent), None]:
            if child is not None and fits(child) and (not run or like(run[-1], child)):
                run.append(child)
                continue
            if len(run) >= 3:
                runs.append((run[0], run[-1] + 1))
            run = [child] if child is not None and fits(child) else []
    return sorted(runs)


@given(families())
def test_runs_are_those_of_the_naive_model(spans):
    rows = rows_of(*spans)
    assert list(zip(rows.groups.heads, rows.groups.ends, strict=True)) == naive_runs(rows)


def covered(rows):
    """Rows that are shown, or stand behind one that is."""
    found = []
    for row in rows.visible:
        found += range(row, rows.reach(row) if rows.folded[row] else row + 1)
    return found


@given(
    families(), st.lists(st.tuples(st.sampled_from("ttsckraA"), st.integers(0, 39)), max_size=20)
)
def test_every_row_is_shown_or_counted_whatever_is_folded(spans, steps):
    rows = rows_of(*spans)
    for step, number in steps:
        row = number % len(spans)
        if step == "t":
            rows.toggle(row)
        elif step == "s":
            rows.stand_alone([row])
        elif step == "c":
            rows.clear_search()
        elif step == "k":
            rows.keep([row])
        elif step == "a":
            rows.fold_all()
        elif step == "A":
            rows.unfold_all()
        else:
            rows.reveal(row)
            assert rows.is_visible(row)
        if not rows.searching:
            assert covered(rows) == list(range(len(spans)))
