"""Trees of large traces, made from the span index, against trees of the rows themselves."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.model.trace import Kind, Status
from tracedesk.model.tree import SpanTree
from tracedesk.store import Incoming, Receipt, Store, schema
from tracedesk.store.sketch_packing import pack_sketch, unpack_sketch
from tracedesk.store.sketched import LOOKED_FOR, NO_TIME, HexIds, Sketch, SketchedSpans, TextIds
from tracedesk.store.sketching import body_order, make_sketch
from tracedesk.testing import make_span, make_tool, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]
Row = tuple[str, int, str | None, str, int, int | None, int | None, int]
"""Id, position, parent id, name, kind, start, end and status of a span."""

TRACE_ID = "00000000-0000-4000-8000-000000000001"

# -- random forests -----------------------------------------------------------------------

HEX = [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(1, 9)]
ODD = [
    "a",
    "B" * 16,
    "0123456789abcde",
    "é" * 16,
    "a,b",
    "-" * 16,
    "0" * 15 + " ",
    "\x1b[31m",
    "1 2",
]
TIMES = st.one_of(st.none(), st.integers(-3, 3), st.integers(-(2**63) + 1, 2**63 - 1))


@st.composite
def forests(draw: st.DrawFn, ids: Sequence[str]) -> list[Row]:
    """Index rows of one trace: any parents, so orphans and cycles too, positions with gaps."""
    own = draw(st.lists(st.sampled_from(ids), unique=True, max_size=len(ids)))
    positions = draw(st.lists(st.integers(0, 30), unique=True, min_size=len(ids), max_size=20))
    if draw(st.booleans()):
        positions = list(draw(st.permutations(range(len(own)))))
    return [
        (
            span_id,
            positions[at],
            draw(st.one_of(st.none(), st.sampled_from(ids))),
            draw(st.sampled_from(["call", "agent", "a\x00b", "", 'say "hi" \\', "ünï"])),
            draw(st.sampled_from(Kind)),
            draw(TIMES),
            draw(TIMES),
            draw(st.sampled_from(Status)),
        )
        for at, span_id in enumerate(own)
    ]


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    """A database in memory with one trace, of which each example replaces the spans."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with closing(connection):
        schema.migrate(connection, Path("memory"))
        connection.execute(
            "INSERT INTO trace (number, id, agent_id, format, routed_by, name, revision, sequence,"
            " span_count, error_count, received_ns, updated_ns)"
            " VALUES (1, ?, 'a', 'canonical', 'key', 'one', 1, 7, 1, 0, 5, 5)",
            (TRACE_ID,),
        )
        yield connection


def sketch_of(database: sqlite3.Connection, rows: list[Row], part: int) -> Sketch:
    database.execute("DELETE FROM span")
    database.executemany(
        "INSERT INTO span (trace, span_id, position, parent_id, name, kind, start_ns, end_ns,"
        " status) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    found = make_sketch(
        lambda statement, values: database.execute(statement, values).fetchall(),
        1, TRACE_ID, part,
    )  # fmt: skip
    assert found is not None
    return found


def told(sketch: Sketch) -> dict[str, Any]:
    """All of it in plain values."""
    spans = SketchedSpans(sketch)
    return {
        "tree": [list(sketch.parent), list(sketch.depth), list(sketch.subtree_end)],
        "orphans": sketch.orphans,
        "cycles": sketch.cycles,
        "spans": [
            (s.span_id, s.parent_id, s.name, s.kind, s.start_ns, s.end_ns, s.status) for s in spans
        ],
        "times": [
            (times.first, times.last, times.unsent) for times in (sketch.starts, sketch.ends)
        ],
    }


def expected(rows: list[Row]) -> dict[str, Any]:
    """The same, from a tree built of whole columns in body order."""
    rows = sorted(rows, key=lambda row: row[1])
    tree = SpanTree.build(
        [row[0] for row in rows], [row[2] for row in rows], [row[5] for row in rows]
    )
    drawn = [rows[at] for at in tree.order]
    times = []
    for column in (5, 6):
        sent = [time for row in rows if isinstance(time := row[column], int)]
        times.append(
            (min(sent, default=None), max(sent, default=None), len(sent) < len(rows))
        )  # fmt: skip
    return {
        "tree": [list(tree.parent), list(tree.depth), list(tree.subtree_end)],
        "orphans": tree.orphans,
        "cycles": tree.cycles,
        "spans": [
            (span_id, parent_id, name, kind, start, end, status)
            for span_id, _, parent_id, name, kind, start, end, status in drawn
        ],
        "times": times,
    }


@given(forests(HEX), st.integers(1, 9))
def test_a_sketch_of_hexadecimal_ids_is_the_tree_of_its_rows(
    database: sqlite3.Connection, rows: list[Row], part: int
):
    sketch = sketch_of(database, rows, part)
    assert told(sketch) == expected(rows)
    assert sketch.sequence == 7
    assert isinstance(sketch.ids, HexIds)
    kept = unpack_sketch(7, pack_sketch(sketch))
    assert kept is not None
    assert told(kept) == told(sketch)
    assert kept.kept


@given(forests(HEX[:4] + ODD), st.integers(1, 9))
def test_a_sketch_of_any_ids_is_the_tree_of_its_rows(
    database: sqlite3.Connection, rows: list[Row], part: int
):
    sketch = sketch_of(database, rows, part)
    assert told(sketch) == expected(rows)
    kept = unpack_sketch(7, pack_sketch(sketch))
    assert kept is not None
    assert told(kept) == told(sketch)


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_id_among_the_last_changes_how_all_are_read(database: sqlite3.Connection, odd: str):
    rows: list[Row] = [(HEX[at], at, None, "n", 0, at, at, 0) for at in range(6)]
    rows[5] = (HEX[5], 5, odd, "n", 0, 5, 5, 0)
    sketch = sketch_of(database, rows, 2)
    assert told(sketch) == expected(rows)
    assert sketch.orphans == {5: odd}


def test_more_names_than_a_byte_tells_apart(database: sqlite3.Connection):
    rows: list[Row] = [(f"{at:016x}", at, None, f"n{at}", 0, at, at, 0) for at in range(300)]
    sketch = sketch_of(database, rows, 128)
    kept = unpack_sketch(7, pack_sketch(sketch))
    assert kept is not None
    assert [span.name for span in SketchedSpans(kept)] == [f"n{at}" for at in range(300)]


# -- ids ----------------------------------------------------------------------------------


def test_ids_are_found_one_by_one_and_by_the_thousand():
    ids = HexIds(b"".join(bytes.fromhex(text) for text in HEX))
    for _ in range(LOOKED_FOR):
        assert [ids.get(text) for text in HEX] == list(range(8))
    for strange in ("", "zz", HEX[0].upper(), HEX[0] + "00", HEX[0][2:], " " + HEX[0], "é"):
        assert ids.get(strange) is None


def test_an_id_that_stands_across_two_others_is_none():
    ids = HexIds(bytes(range(32)))
    assert ids.get(bytes(range(4, 12)).hex()) is None
    assert ids.get(bytes(range(8, 16)).hex()) == 1


def test_ids_of_any_form_are_found():
    ids = TextIds(["a", "", HEX[0]])
    assert [ids.get(text) for text in ("a", "", HEX[0], "b")] == [0, 1, 2, None]


# -- in a store ---------------------------------------------------------------------------


def test_spans_of_a_sketch_tell_what_the_rows_tell(
    store: Store, incoming: Make, keep: Keep
) -> None:
    trace = make_trace(
        make_span("z", 'Agent "Ünï" \x1b[31m', start_ms=0, end_ms=9, kind=Kind.AGENT),
        make_tool("m", "book", "z", status=Status.ERROR),
        make_span("a", "untimed", "elsewhere", start_ms=None, end_ms=None),
    )
    (receipt,) = keep(incoming(trace))
    rows, sketch = store.spans(receipt.id), store.sketches.sketch(receipt.id)
    assert sketch is not None
    spans = SketchedSpans(sketch)
    assert [(s.span_id, s.parent_id, s.name, s.start_ns, s.end_ns) for s in spans] == [
        (r.span_id, r.parent_id, r.name, r.start_ns, r.end_ns) for r in rows
    ]
    assert sketch.starts.column[2] == NO_TIME
    assert [s.status for s in spans] == [Status.UNSET, Status.ERROR, Status.UNSET]
    assert [s.kind for s in spans] == [Kind.AGENT, Kind.TOOL, trace.spans[2].kind]
    assert [s.span_id for s in spans[1:]] == ["m", "a"]
    assert spans[-1].span_id == "a"
    assert spans[0].label == spans[0].name
    assert spans[1].attributes == {}
    with pytest.raises(IndexError):
        spans[3]


def test_a_trace_that_is_not_there_has_no_sketch(store: Store, incoming: Make, keep: Keep) -> None:
    assert store.sketches.sketch(TRACE_ID) is None
    keep(incoming())
    assert store.sketches.sketch(TRACE_ID) is None, "its number is that of another trace"


def test_a_trace_without_spans_has_a_blank_sketch(store: Store, incoming: Make, keep: Keep) -> None:
    (receipt,) = keep(incoming(make_trace()))
    sketch = store.sketches.sketch(receipt.id)
    assert sketch is not None
    assert list(SketchedSpans(sketch)) == []


@given(st.lists(st.integers(0, 20), unique=True))
def test_places_put_spans_into_body_order(positions: list[int]) -> None:
    from array import array

    places = body_order(array("q", positions))
    assert [positions[at] for at in places] == sorted(positions)


@pytest.mark.parametrize("times", [1, 5])
def test_a_trace_that_grows_while_it_is_read_is_read_again(
    store: Store, otlp: Make, keep: Keep, times: int
) -> None:
    """In parts at first; in one when it never stands still."""
    (receipt,) = keep(*[otlp(make_span(HEX[at], "n", start_ms=at)) for at in range(3)])[:1]
    grown = 0

    def query(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        nonlocal grown
        found = store.query(statement, values)
        if "json_group_array" in statement and grown < times:
            grown += 1
            keep(otlp(make_span(HEX[3 + grown % 5], "n", HEX[0], start_ms=9), body=b"%d" % grown))
        return found

    sketch = make_sketch(query, receipt.number, receipt.id, part=1)
    assert sketch is not None
    found = {span.span_id for span in SketchedSpans(sketch)}
    stored = {span.span_id for span in store.spans(receipt.id)}
    assert found == stored if times == 1 else found <= stored
    assert len(found) == len(sketch) >= 3
