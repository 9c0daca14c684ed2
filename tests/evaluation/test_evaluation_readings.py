"""Traces as they are kept once they were read: equal to reading anew, and never used when stale."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracedesk.assertions import compile_assertion, evaluate
from tracedesk.evaluation import supply as module
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.evaluation.likeness import likeness
from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.memo import Entry, code_of
from tracedesk.evaluation.readings import SPANS_KEPT, Readings, Unpacked, key_of
from tracedesk.evaluation.supply import Supply
from tracedesk.formats.detect import read_body
from tracedesk.formats.errors import FormatError
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.model.trace import Span, Trace
from tracedesk.model.verdict import Outcome
from tracedesk.reading import ReadingSettings, read
from tracedesk.store.database import Store
from tracedesk.store.incoming import Incoming
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_trace

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text("utf-8"))
SETTINGS = ReadingSettings()
ASSERTIONS = [
    entry["assertion"]
    for example in EXAMPLES
    if "kind" not in example
    for entry in example.get("assertions", ())
]


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


def through(trace: Trace, original: Trace | None) -> Unpacked | None:
    """A trace that was packed and unpacked; its bodies then make ``original``."""
    readings, reading = Readings(), read(trace)
    value = readings.pack(trace, reading, likeness(reading))
    return None if value is None else readings.unpack(value, SETTINGS, lambda: original)


def fields(span: Span) -> list[Any]:
    names = span.__struct_fields__
    return [getattr(span, name) for name in names if not name.startswith(("payload", "_"))]


@pytest.mark.parametrize("trace", example_traces())
def test_a_trace_comes_back_as_it_was(trace: Trace) -> None:
    if trace.format.legacy:
        assert through(trace, trace) is None, "it has more than its spans"
        return
    reading = read(trace)
    found = through(trace, trace)

    assert found is not None, "every example can be kept"
    assert (found.reading, found.likeness) == (reading, likeness(reading))
    assert list(map(fields, found.trace.spans)) == list(map(fields, trace.spans))
    assert found.trace.warnings == trace.warnings
    assert found.trace.clock_ns == trace.clock_ns
    assert found.reading.views == reading.views
    for kept, span in zip(found.trace.spans, trace.spans, strict=True):
        assert (kept.attributes, kept.events) == (span.attributes, span.events)
    assert list(found.trace.resources) == trace.resources
    assert not found.original.void


@pytest.mark.parametrize("trace", example_traces())
def test_verdicts_are_those_on_the_trace_itself(trace: Trace) -> None:
    if trace.format.legacy:
        return
    reading = read(trace)
    for document in ASSERTIONS:
        found = through(trace, trace)  # each time with nothing looked at yet
        assert found is not None
        assertion, _ = compile_assertion(document)
        assert evaluate(assertion, found.trace, found.reading) == evaluate(
            assertion, trace, reading
        )


def test_what_no_longer_has_its_bodies_says_so_once_they_are_asked_for() -> None:
    trace = make_trace(make_span("s", attributes={"team": "a"}))
    for gone in (None, make_trace(make_span("s"), make_span("t"))):
        found = through(trace, gone)
        assert found is not None
        assert (found.trace.spans[0].name, found.original.void) == (trace.spans[0].name, False)
        assert found.trace.spans[0].attributes == {}
        assert found.original.void
        assert list(found.trace.resources) == []


def test_the_bodies_are_held_only_while_they_are_looked_at() -> None:
    trace, asked = make_trace(make_span("s", attributes={"team": "a"})), []
    value = Readings().pack(trace, read(trace), likeness(read(trace)))
    assert value is not None
    found = Readings().unpack(value, SETTINGS, lambda: asked.append(1) or trace)
    assert found is not None
    found.original.span(0)
    found.original.span(0)
    assert asked == [1]
    found.original.let_go()
    found.original.span(0)
    assert asked == [1, 1]


def canonical(name: str, **arguments: Any) -> bytes:
    attributes = {"gen_ai.tool.name": name, "gen_ai.tool.call.arguments": arguments}
    return json.dumps(
        {"spans": [{"span_id": "s", "name": name, "attributes": attributes}]}
    ).encode()


def test_what_cannot_be_packed_is_not_kept() -> None:
    for trace in (
        read_body(canonical("book", number=2**70)).trace(),
        make_trace(*[make_span(str(n)) for n in range(SPANS_KEPT + 1)]),
        read_body(canonical("book", text=[str(n * 7919**7) for n in range(20_000)])).trace(),
    ):
        assert Readings().pack(trace, read(trace), likeness(read(trace))) is None


def test_a_damaged_value_is_no_trace() -> None:
    trace = make_trace(make_span("s"))
    value = Readings().pack(trace, read(trace), likeness(read(trace)))
    assert value is not None
    for damaged in (b"", value[:-1], value[:20] + b"?" + value[21:], b"\x00" * 40):
        assert Readings().unpack(damaged, SETTINGS, lambda: trace) is None


def test_the_key_tells_all_that_decides_how_a_body_is_read() -> None:
    settings = [
        (None, SETTINGS),
        ("n8n", SETTINGS),
        (None, ReadingSettings(response_path="a.b")),
        (None, ReadingSettings(roles=(("a", "input"), ("b", "input")))),
        (None, ReadingSettings(roles=(("b", "input"), ("a", "input")))),
    ]
    assert len({key_of(*each) for each in settings}) == len(settings)


def incoming(body: bytes, **fields: Any) -> Incoming:
    return Incoming(
        trace=read_body(body).trace(),
        agent_id=LOCAL_AGENT.id,
        routed_by="test",
        body=body,
        received_ns=time.time_ns(),
        **fields,
    )


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
        (receipt,) = self.store.writer.submit([incoming(canonical(name), **fields)]).result()
        return Entry(
            code=code_of(receipt.id),
            agent_id=LOCAL_AGENT.id,
            revision=receipt.revision,
            ready_ns=0,
            read_revision=0,
        )

    def take(self, entry: Entry, *following: Entry, keep: bool = False) -> Loaded | None:
        return self.supply.take(entry, lambda limit: following[:limit], keep=keep)

    def label(self, entry: Entry, *following: Entry, keep: bool = False) -> str | None:
        loaded = self.take(entry, *following, keep=keep)
        return None if loaded is None else loaded.reading.calls[0].label

    def keep(self, *entries: Entry) -> None:
        """Read these, and have the store keep what was read."""
        for entry in entries:
            self.label(entry, *entries, keep=True)
        self.store.writer.keep_readings(self.supply.new_readings()).result()


@pytest.fixture
def stocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stocked]:
    stocked = Stocked(tmp_path / "t.db", monkeypatch)
    yield stocked
    stocked.store.close()


def test_a_trace_that_was_kept_is_not_read_again(stocked: Stocked) -> None:
    entries = [stocked.entry(name) for name in ("book", "mail", "pay")]
    stocked.keep(*entries)
    assert stocked.reads == 3
    stocked.supply = Supply(stocked.store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
    assert [stocked.label(entry, *entries) for entry in entries] == ["book", "mail", "pay"]
    assert stocked.reads == 3


def test_a_newer_revision_is_read(stocked: Stocked) -> None:
    entry = stocked.entry("book", external_id="x", mode="replace")
    stocked.keep(entry)
    newer = stocked.entry("mail", external_id="x", mode="replace")
    stocked.supply = Supply(stocked.store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
    assert stocked.label(newer) == "mail"
    assert stocked.reads == 2


def test_a_reading_that_was_overtaken_is_not_written(stocked: Stocked) -> None:
    entry = stocked.entry("book", external_id="x", mode="replace")
    stocked.label(entry, keep=True)
    stocked.entry("mail", external_id="x", mode="replace")
    stocked.store.writer.keep_readings(stocked.supply.new_readings()).result()
    assert stocked.store.readings([entry.number]) == {}


def test_other_settings_read_anew(stocked: Stocked) -> None:
    entry = stocked.entry("book")
    stocked.keep(entry)
    other = Agent(id=LOCAL_AGENT.id, name="other", response_path="answer")
    for agent, roles in ((other, ()), (LOCAL_AGENT, (("team", "input"),))):
        stocked.supply = Supply(stocked.store, lambda a=agent: {LOCAL_AGENT.id: a}, roles)
        reads = stocked.reads
        assert stocked.label(entry) == "book"
        assert stocked.reads == reads + 1


def test_a_damaged_reading_is_found_again(stocked: Stocked) -> None:
    entry = stocked.entry("book")
    stocked.keep(entry)
    stocked.store.writer.run(lambda db: db.execute("UPDATE reading SET value = x'00'")).result()
    stocked.supply = Supply(stocked.store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
    assert stocked.label(entry) == "book"
    assert stocked.reads == 2


def test_a_deleted_trace_leaves_no_reading(stocked: Stocked) -> None:
    from tracedesk.store.removal import delete_traces

    entry = stocked.entry("book")
    stocked.keep(entry)
    assert stocked.store.readings([entry.number])
    stocked.store.writer.run(lambda db: delete_traces(db, [entry.number])).result()
    assert stocked.store.readings([entry.number]) == {}


def test_readings_of_the_newest_traces_are_kept(
    stocked: Stocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracedesk.store.readings.KEPT", 2)
    entries = [stocked.entry(name) for name in ("book", "mail", "pay")]
    stocked.keep(*entries)
    kept = stocked.store.readings([entry.number for entry in entries])
    assert sorted(kept) == [entry.number for entry in entries[1:]]


def test_a_trace_replaced_while_it_is_looked_at_is_told_from_its_own_bodies(
    stocked: Stocked,
) -> None:
    entry = stocked.entry("book", external_id="x", mode="replace")
    stocked.keep(entry)
    stocked.supply = Supply(stocked.store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
    loaded = stocked.take(entry)
    stocked.entry("mail", external_id="x", mode="replace")
    assert loaded is not None
    assert loaded.trace.spans[0].attributes["gen_ai.tool.name"] == "book"
    assert not loaded.void


def test_a_verdict_on_bodies_that_are_gone_is_found_anew(tmp_path: Path) -> None:
    """What was kept tells of the span; its attributes are in a body that no longer reads."""
    text = (
        "cases:\n  - name: one\n    assertions:\n      - {target: span_query, checks: {team: %s}}\n"
    )
    body = b'{"spans": [{"span_id": "s", "name": "s", "attributes": {"team": "a"}}]}'
    with Store.open(tmp_path / "t.db") as store:
        (receipt,) = store.writer.submit([incoming(body)]).result()
        evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT}, record=True)
        evaluator.set_files([load_text(text % "a", "a.yaml")])
        evaluator.start()
        try:
            assert evaluator.settle(20, recorded=True)
            assert evaluator.totals() == {"pass": 1}
            assert store.readings([1])
            evaluator.stop()
            evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT}, record=True)
            evaluator.set_files([load_text(text % "b", "a.yaml")])
            store.writer.run(lambda db: db.execute("UPDATE request SET body = x'00'")).result()
            evaluator.start()
            assert evaluator.settle(20)
            assert evaluator.totals() != {"pass": 1}
            shown = evaluator.results(receipt.id)
            assert shown is not None
            assert shown.outcome is not Outcome.PASS
        finally:
            evaluator.stop()


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
