"""Packed readings, and the supply of traces that uses them: equal to reading anew, bounded."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracedesk.evaluation import supply as module
from tracedesk.evaluation.likeness import likeness
from tracedesk.evaluation.memo import Entry, code_of
from tracedesk.evaluation.readings import Readings
from tracedesk.evaluation.supply import Supply
from tracedesk.formats.detect import read_body
from tracedesk.formats.errors import FormatError
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.model.trace import Trace
from tracedesk.reading import ReadingSettings, read
from tracedesk.store.database import Store
from tracedesk.store.incoming import Incoming

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text("utf-8"))
SETTINGS = ReadingSettings()


def example_traces() -> Iterator[Any]:
    for example in EXAMPLES:
        found = example.get("request", {})
        requests = found if isinstance(found, list) else [found]
        for number, request in enumerate(requests):
            body = json.dumps(request.get("body") or {}).encode()
            try:
                envelope = read_body(body)
                traces = (
                    [envelope.trace()]
                    if envelope.shape != "otlp"
                    else [trace for r in envelope.resources() for trace in r.traces]
                )
            except FormatError:
                continue
            for trace in traces:
                yield pytest.param(trace, id=f"{example['id']}-{number}")


@pytest.mark.parametrize("trace", example_traces())
def test_a_reading_comes_back_as_it_was(trace: Trace) -> None:
    readings = Readings()
    reading = read(trace)
    readings.put("t", 1, 1, reading, likeness(reading))

    found = readings.get("t", 1, trace, SETTINGS)

    assert found is not None, "every example can be packed"
    assert found == (read(trace), likeness(reading))
    assert found[0].views == reading.views
    assert readings.get("t", 2, trace, SETTINGS) is None
    readings.drop("t")
    assert readings.get("t", 1, trace, SETTINGS) is None


def canonical(name: str, **arguments: Any) -> bytes:
    attributes = {"gen_ai.tool.name": name, "gen_ai.tool.call.arguments": arguments}
    return json.dumps(
        {"spans": [{"span_id": "s", "name": name, "attributes": attributes}]}
    ).encode()


def test_what_cannot_be_packed_is_read_again() -> None:
    trace = read_body(canonical("book", number=2**70)).trace()
    readings = Readings()
    reading = read(trace)
    readings.put("t", 1, 1, reading, likeness(reading))
    assert readings.get("t", 1, trace, SETTINGS) is None


def test_old_readings_make_room_for_new_ones() -> None:
    trace = read_body(canonical("book", text="x" * 50)).trace()
    reading, readings = read(trace), Readings(limit_bytes=2_000)
    for number in range(20):
        readings.put(str(number), number, 1, reading, likeness(reading))
    kept = [n for n in range(20) if readings.get(str(n), 1, trace, SETTINGS) is not None]
    assert kept == list(range(20 - len(kept), 20))
    assert 0 < len(kept) < 10


# -- the supply ------------------------------------------------------------------------


class Stocked:
    """A store with traces, the supply over it, and what it had to read."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = Store.open(path)
        self.supply = Supply(self.store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
        self.reads = 0
        monkeypatch.setattr(module, "read", self._read)

    def _read(self, trace: Trace, settings: ReadingSettings) -> Any:
        self.reads += 1
        return read(trace, settings)

    def entry(self, name: str, **fields: Any) -> Entry:
        body = canonical(name)
        incoming = Incoming(
            trace=read_body(body).trace(),
            agent_id=LOCAL_AGENT.id,
            routed_by="test",
            body=body,
            received_ns=time.time_ns(),
            **fields,
        )
        (receipt,) = self.store.writer.submit([incoming]).result()
        return Entry(
            code=code_of(receipt.id),
            agent_id=LOCAL_AGENT.id,
            revision=receipt.revision,
            ready_ns=0,
            read_revision=0,
        )

    def label(self, entry: Entry, *following: Entry) -> str | None:
        loaded = self.supply.take(entry, lambda limit: following[:limit])
        return None if loaded is None else loaded.reading.calls[0].label


@pytest.fixture
def stocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stocked]:
    stocked = Stocked(tmp_path / "t.db", monkeypatch)
    yield stocked
    stocked.store.close()


def test_a_trace_that_is_no_longer_decoded_is_not_read_again(
    stocked: Stocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    stocked.supply = Supply(stocked.store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
    entry = stocked.entry("book")
    assert [stocked.label(entry) for _ in range(3)] == ["book"] * 3
    assert stocked.reads == 1


def test_rows_that_were_fetched_ahead_are_used_once_and_never_when_too_old(
    stocked: Stocked,
) -> None:
    one = stocked.entry("one")
    two = stocked.entry("two", external_id="x", mode="replace")
    assert stocked.label(one, two) == "one"
    newer = stocked.entry("two again", external_id="x", mode="replace")
    assert newer.revision > two.revision
    assert stocked.label(newer) == "two again"


def test_a_deleted_trace_is_not_supplied(stocked: Stocked) -> None:
    entry = stocked.entry("book")
    gone = Entry(
        code=code_of("00000000-0000-4000-8000-000000000099"),
        agent_id=LOCAL_AGENT.id,
        revision=1,
        ready_ns=0,
        read_revision=0,
    )
    assert stocked.label(gone, entry) is None
    assert stocked.label(entry) == "book"
