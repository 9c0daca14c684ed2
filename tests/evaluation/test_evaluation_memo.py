"""What is kept of traces in memory stays within its bounds, whatever comes."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from tracedesk.evaluation.memo import Entries, Entry, Newest, code_of
from tracedesk.store.values import new_id


def kept(newest: "Newest[str]") -> list[str]:
    return [key for key in "abcdefgh" if newest.get(key) is not None]


def fill(newest: "Newest[str]", keys: str, weight: int = 1) -> None:
    for key in keys:
        newest.put(key, ord(key), key, weight)


def test_the_newest_are_kept_whichever_way_one_walks() -> None:
    up: Newest[str] = Newest(3)
    down: Newest[str] = Newest(3)
    fill(up, "abcdef")
    fill(down, "fedcba")
    assert kept(up) == kept(down) == ["d", "e", "f"]


def test_older_ones_that_are_preferred_are_kept_within_the_same_bound() -> None:
    newest: Newest[str] = Newest(3)
    newest.prefer("ab")
    fill(newest, "abcdef")
    assert kept(newest) == ["a", "b", "f"]
    newest.prefer("abcd")
    fill(newest, "cd")
    assert kept(newest) == ["a", "b", "c"]


def test_a_value_heavier_than_all_together_takes_no_room_of_others() -> None:
    newest: Newest[str] = Newest(3)
    fill(newest, "abc")
    fill(newest, "g", weight=4)
    assert kept(newest) == ["a", "b", "c"]


def test_a_heavy_value_is_kept_beside_the_others_as_long_as_it_is_held() -> None:
    newest: Newest[str] = Newest(3)
    newest.prefer("g", held="g")
    fill(newest, "abc")
    fill(newest, "gh", weight=4)
    assert kept(newest) == ["a", "b", "c", "g"]
    newest.prefer("gh", held="h")
    assert kept(newest) == ["a", "b", "c"]
    fill(newest, "h", weight=4)
    newest.drop("h")
    assert kept(newest) == ["a", "b", "c"]


@given(st.text("abcdefgh"), st.integers(0, 4), st.frozensets(st.sampled_from("abcdefgh")))
def test_what_is_not_wanted_would_not_be_kept(
    keys: str, limit: int, preferred: frozenset[str]
) -> None:
    newest: Newest[str] = Newest(limit)
    newest.prefer(preferred)
    for key in keys:
        wanted = newest.wants(key, ord(key))
        fill(newest, key)
        assert wanted or newest.get(key) is None


def test_what_is_older_than_all_is_not_wanted_once_there_is_no_room() -> None:
    newest: Newest[str] = Newest(3)
    fill(newest, "fed")
    assert not newest.wants("c", ord("c"))
    assert newest.wants("g", ord("g"))
    assert newest.wants("d", ord("d")), "a newer revision of one that is kept"
    assert not Newest[str](0).wants("a", 1)


def test_a_trace_that_keeps_changing_is_remembered_once() -> None:
    newest: Newest[str] = Newest(3)
    fill(newest, "a" * 1_000)
    fill(newest, "b")
    assert kept(newest) == ["a", "b"]
    assert len(newest._oldest) == 2  # or memory would grow with every change


def test_entries_are_found_by_the_ids_of_their_traces() -> None:
    entries = Entries()
    trace_id = new_id(7)
    entry = Entry(code_of(trace_id), "agent", revision=1, ready_ns=0, read_revision=0)
    entries.add(entry)
    assert (entry.id, entry.number) == (trace_id, 7)
    assert entries.get(trace_id) is entries[trace_id] is entry
    assert trace_id in entries
    assert list(entries.values()) == [entry]
    for other in (new_id(7), new_id(8), "", "7", trace_id[:-1], "x" * 36):
        assert other not in entries
    entries.discard(entry)
    assert entries.get(trace_id) is None
    assert not len(entries)


def test_a_stored_trace_is_remembered_in_two_hundred_bytes() -> None:
    ids = [new_id(number) for number in range(1, 20_001)]
    tracemalloc.start()
    try:
        entries = Entries()
        for trace_id in ids:
            entries.add(Entry(code_of(trace_id), "agent", 1, ready_ns=0, read_revision=1))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(ids) < 210
