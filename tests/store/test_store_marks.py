"""A mark stays with its trace through everything but deletion, and changes nothing else."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tracedesk.model.mark import Mark
from tracedesk.store import Incoming, Receipt, Store, schema
from tracedesk.store.marks import NOTE_CHARS, set_mark
from tracedesk.store.removal import delete_traces

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]


def marks(store: Store) -> list[tuple[str | None, str | None]]:
    return [(row.mark, row.mark_note) for row in store.rows()]


def test_a_mark_is_kept_with_its_note_and_taken_away_again(
    store: Store, incoming: Make, keep: Keep
):
    keep(incoming())
    before = store.rows()[0]
    assert set_mark(store, 1, Mark.BAD, "books twice")
    assert marks(store) == [("bad", "books twice")]
    assert store.rows()[0].sequence == before.sequence, "nothing is evaluated anew for a mark"
    assert set_mark(store, 1, Mark.GOOD)
    assert marks(store) == [("good", None)]
    assert set_mark(store, 1, Mark.NONE, "not kept without a mark")
    assert marks(store) == [(None, None)]


def test_a_mark_survives_replacement_and_goes_with_the_trace(
    store: Store, incoming: Make, keep: Keep
):
    keep(incoming(external_id="chat-1", mode="replace"))
    set_mark(store, 1, Mark.GOOD, "as it should be")
    keep(incoming(external_id="chat-1", mode="replace"))
    assert store.rows()[0].revision == 2
    assert marks(store) == [("good", "as it should be")]
    store.writer.run(lambda connection: delete_traces(connection, [1])).result()
    keep(incoming(external_id="chat-1", mode="replace"))
    assert marks(store) == [(None, None)]


def test_a_part_that_joins_leaves_the_mark(store: Store, otlp: Make, keep: Keep):
    keep(otlp())
    set_mark(store, 1, Mark.BAD)
    keep(otlp())
    assert marks(store) == [("bad", None)]


def test_only_a_stored_trace_is_marked(store: Store):
    assert not set_mark(store, 7, Mark.GOOD)


@pytest.mark.parametrize("note", ["x" * (NOTE_CHARS + 1), "caf\u00e9 \ud800 \x00"])
def test_any_note_can_be_kept(store: Store, incoming: Make, keep: Keep, note: str):
    keep(incoming())
    set_mark(store, 1, Mark.GOOD, note)
    kept = store.rows()[0].mark_note
    assert kept is not None
    assert len(kept) <= NOTE_CHARS
    assert kept.startswith(note[:4])


def test_an_older_database_has_no_marks_until_somebody_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "traces.db"
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "VERSION", 5)
        schema.migrate(connection, path)
    connection.execute(
        "INSERT INTO trace (number, id, agent_id, format, routed_by, name, revision, sequence,"
        " span_count, error_count, received_ns, updated_ns)"
        " VALUES (1, '00000000-0000-4000-a000-000000000001', 'a', 'canonical', 'key', 'one', 1,"
        " 1, 0, 0, 5, 5)"
    )
    connection.close()
    with Store.open(path) as store:
        assert marks(store) == [(None, None)]
        set_mark(store, 1, Mark.GOOD)
        assert marks(store) == [("good", None)]
