"""The history of executions: written as rows, found again by trace and by time.

Rows are only added, and forgotten as their trace grows old: what is read here was true of the
revision it names. The order is that in which they were stored, whatever a clock said.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import msgspec
import zstandard

from tracedesk.model.execution import CaseRecord, Execution, ExecutionKind
from tracedesk.model.verdict import Outcome
from tracedesk.store.errors import DamagedError
from tracedesk.store.inserts import insert_rows, inserts
from tracedesk.store.packing import (
    FACTS,
    NAMES,
    BriefCase,
    Packed,
    decode_brief,
    decode_cases,
    inflator,
)
from tracedesk.store.shapes import Outlines, save_shapes
from tracedesk.store.values import json_text, number_of

if TYPE_CHECKING:
    from tracedesk.store.database import Store

KEPT: Final = 50
"""Executions kept of each trace; older ones only while they alone tell of some case."""
SLACK: Final = 10
"""So many more are let gather before the old ones are forgotten together."""
KEPT_AT_MOST: Final = 200
PAGE: Final = 500
"""Facts read at once."""
PAGE_BLOBS: Final = 64
"""Executions read at once with all their cases."""

_INSERT: Final = inserts("execution", f"number, trace, {FACTS}, coverage, cases")
_SELECT: Final = (
    f"SELECT e.number, t.id, {', '.join(f'e.{name}' for name in NAMES)}, e.cases"
    " FROM execution e JOIN trace t ON t.number = e.trace"
)

_decode_coverage = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode

Coverage = tuple[tuple[str, str], ...]
"""Id and digest of each case that ran."""


class Facts(msgspec.Struct, frozen=True, gc=False):
    """Which cases an execution is about, without what came out."""

    trace: int
    """Number of the trace."""
    number: int
    revision: int
    engine: str
    settings: str
    covers: Coverage


# -- writing ---------------------------------------------------------------------------


def save(connection: sqlite3.Connection, packed: Sequence[Packed]) -> None:
    """Write executions, and forget those that their traces have grown out of. Runs inside a
    writer's transaction. (A bytearray is bound without the search for an adapter.)"""
    numbers = [number_of(each.trace) for each in packed]
    there = _ids_of_traces(connection, numbers)
    coverages = {
        coverage: _coverage_id(connection, coverage) for coverage in {p.coverage for p in packed}
    }
    (last,) = connection.execute("SELECT ifnull(max(number), 0) FROM execution").fetchone()
    values: list[Any] = []
    kept: dict[int, tuple[str, ...]] = {}
    for trace, each in zip(numbers, packed, strict=True):
        if there.get(trace) != each.trace:
            continue
        last += 1
        values += (last, trace, *each.facts, coverages[each.coverage], bytearray(each.cases))
        kept[last] = each.shapes
    insert_rows(connection, _INSERT, values)
    save_shapes(connection, kept)
    _forget_old(connection, sorted(there))


def _ids_of_traces(connection: sqlite3.Connection, numbers: list[int]) -> dict[int, str]:
    rows = connection.execute(
        "SELECT number, id FROM trace WHERE number IN (SELECT value FROM json_each(?))",
        (json_text(numbers),),
    )
    return dict(rows.fetchall())


def _coverage_id(connection: sqlite3.Connection, cases: str) -> int:
    connection.execute("INSERT OR IGNORE INTO coverage (cases) VALUES (?)", (cases,))
    found = connection.execute("SELECT id FROM coverage WHERE cases = ?", (cases,)).fetchone()
    return int(found[0])


def _forget_old(connection: sqlite3.Connection, traces: list[int]) -> None:
    full = connection.execute(
        "SELECT value FROM json_each(?) WHERE EXISTS"
        " (SELECT 1 FROM execution WHERE trace = value LIMIT 1 OFFSET ?)",
        (json_text(traces), KEPT + SLACK),
    ).fetchall()
    for (trace,) in full:
        rows = connection.execute(
            "SELECT e.number, e.revision, c.cases FROM execution e JOIN coverage c"
            " ON c.id = e.coverage WHERE e.trace = ? ORDER BY e.number DESC",
            (trace,),
        ).fetchall()
        connection.executemany("DELETE FROM execution WHERE number = ?", _outgrown(rows))


def _outgrown(rows: list[tuple[int, int, str]]) -> list[tuple[int]]:
    """Of the executions of one trace, newest first, those to forget."""
    newest = max(revision for _, revision, _ in rows)
    told: set[str] = set()
    forgotten = []
    for place, (number, revision, cases) in enumerate(rows):
        covered = {case for case, _ in _decode_coverage(cases)}
        alone = revision == newest and not covered <= told
        if place >= KEPT_AT_MOST or (place >= KEPT and not alone):
            forgotten.append((number,))
        if revision == newest:
            told |= covered
    return forgotten


# -- reading ---------------------------------------------------------------------------


class History:
    """Reads the executions of one store. All methods raise StoreError, may be called from any
    thread, and hold back no writer however slowly they are consumed."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._coverages: dict[int, Coverage] = {}

    def executions(
        self,
        *,
        trace_id: str | None = None,
        agent_id: str | None = None,
        kind: ExecutionKind | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int | None = 1_000,
        newest_first: bool = True,
    ) -> Iterator[Execution]:
        """The executions that fit, in the order in which they were stored; they ended at or after
        ``since_ns`` and before ``until_ns``. Read in pages, so that a writer never waits."""
        condition, values = _window(trace_id, agent_id, kind, since_ns, until_ns)
        order, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        last: int | None = None
        left = limit
        while left is None or left > 0:
            page = PAGE_BLOBS if left is None else min(left, PAGE_BLOBS)
            following = f" AND e.number {beyond} ?" if last is not None else ""
            rows = self._store.query(
                f"{_SELECT} WHERE {condition}{following} ORDER BY e.number {order} LIMIT ?",
                [*values, *([] if last is None else [last]), page],
            )
            yield from map(self._execution, rows)
            if len(rows) < page:
                return
            last = rows[-1][0]
            left = None if left is None else left - page

    def latest_results(
        self,
        *,
        agent_id: str | None = None,
        kind: ExecutionKind | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[tuple[Execution, CaseRecord]]:
        """The newest record of every case on every trace within a window, each with its execution
        (whose own ``cases`` are left out). Newest traces first, one trace after the other; of a
        trace that was replaced, only the newest revision counts. Cases that are gone from the
        files are still told of."""
        condition, values = _window(None, agent_id, kind, since_ns, until_ns)
        wanted: dict[int, set[str]] = {}
        for _, group in groupby(self._facts(condition, values), key=lambda facts: facts.trace):
            wanted.update(_newest_of(list(group)))
            if len(wanted) >= PAGE_BLOBS:
                yield from self._records(wanted)
                wanted = {}
        yield from self._records(wanted)

    def told(self, limit: int) -> Iterator[tuple[int, int, str, Coverage]]:
        """When each of the newest executions began, its number, its kind and what it covers, in
        the order in which they were stored; without reading what came out."""
        rows = self._store.query(
            "SELECT started_ns, number, kind, coverage FROM execution ORDER BY number DESC LIMIT ?",
            [limit],
        )
        covers = self._covered({row[3] for row in rows})
        for started_ns, number, kind, coverage in reversed(rows):
            yield started_ns, number, kind, covers[coverage]

    def facts_of(self, traces: Iterable[int]) -> Iterator[Facts]:
        """The executions of these traces' present revisions, trace by trace, newest first."""
        condition = (
            "e.trace IN (SELECT value FROM json_each(?)) AND e.revision ="
            " (SELECT revision FROM trace t WHERE t.number = e.trace)"
        )
        return self._facts(condition, [json_text(list(traces))])

    def brief(self, numbers: Iterable[int]) -> dict[int, tuple[BriefCase, ...]]:
        """The outcomes of executions, by their numbers."""
        return {
            number: decode_brief(inflated)
            for number, inflated in self._inflated(
                "SELECT number, cases FROM execution"
                " WHERE number IN (SELECT value FROM json_each(?))",
                [json_text(list(numbers))],
            )
        }

    def outlines(self) -> Outlines:
        """A reader of what counting needs, for one thread."""
        return Outlines(self._store, self._cases)

    def records(self, wanted: Mapping[int, set[str]]) -> Iterator[tuple[Execution, CaseRecord]]:
        """Some cases of some executions, by their numbers, as they are kept; each with its
        execution, whose own ``cases`` are left out."""
        return self._records(wanted)

    def _cases(self, numbers: list[int]) -> dict[int, tuple[tuple[CaseRecord, ...], int]]:
        rows = self._store.query(
            "SELECT number, errors, cases FROM execution"
            " WHERE number IN (SELECT value FROM json_each(?))",
            [json_text(numbers)],
        )
        return {
            number: (decode_cases(self._inflate(cases)), errors) for number, errors, cases in rows
        }

    def _facts(self, condition: str, values: list[Any]) -> Iterator[Facts]:
        """Facts by falling numbers of traces and executions."""
        trace = number = 2**63 - 1
        while True:
            rows = self._store.query(
                "SELECT e.trace, e.number, e.revision, e.engine, e.settings, e.coverage"
                " FROM execution e"
                f" WHERE {condition} AND (e.trace < ? OR (e.trace = ? AND e.number < ?))"
                " ORDER BY e.trace DESC, e.number DESC LIMIT ?",
                [*values, trace, trace, number, PAGE],
            )
            covers = self._covered({row[-1] for row in rows})
            for trace, number, revision, engine, settings, coverage in rows:
                yield Facts(trace, number, revision, engine, settings, covers[coverage])
            if len(rows) < PAGE:
                return

    def _covered(self, ids: set[int]) -> dict[int, Coverage]:
        """What is written of these coverages; a row of that table never changes."""
        unknown = ids - self._coverages.keys()
        if unknown:
            found = self._store.query(
                "SELECT id, cases FROM coverage WHERE id IN (SELECT value FROM json_each(?))",
                [json_text(sorted(unknown))],
            )
            self._coverages.update((id_, _decode_coverage(cases)) for id_, cases in found)
        return self._coverages

    def _records(self, wanted: Mapping[int, set[str]]) -> Iterator[tuple[Execution, CaseRecord]]:
        numbers = json_text(list(wanted))
        rows = self._store.query(
            f"{_SELECT} WHERE e.number IN (SELECT value FROM json_each(?))", [numbers]
        )
        found = {row[0]: row for row in rows}
        for number, cases in wanted.items():
            if number not in found:  # deleted meanwhile
                continue
            execution = self._execution(found[number])
            facts = msgspec.structs.replace(execution, cases=())
            for record in execution.cases:
                if record.case in cases:
                    yield facts, record

    def _execution(self, row: tuple[Any, ...]) -> Execution:
        number, trace, *facts, cases = row
        fields = dict(zip(NAMES, facts, strict=True))
        fields["kind"] = ExecutionKind(fields["kind"])
        fields["outcome"] = None if fields["outcome"] is None else Outcome(fields["outcome"])
        return Execution(
            number=number, trace=trace, **fields, cases=decode_cases(self._inflate(cases))
        )

    def _inflated(self, statement: str, values: list[Any]) -> Iterator[tuple[int, bytes]]:
        for number, cases in self._store.query(statement, values):
            yield number, self._inflate(cases)

    def _inflate(self, cases: bytes) -> bytes:
        try:
            return inflator().decompress(cases)
        except zstandard.ZstdError as error:
            raise DamagedError(self._store.path) from error


def _window(
    trace_id: str | None,
    agent_id: str | None,
    kind: ExecutionKind | None,
    since_ns: int | None,
    until_ns: int | None,
) -> tuple[str, list[Any]]:
    """A condition over ``e`` and its values."""
    terms = {
        "e.trace = ?": None if trace_id is None else number_of(trace_id),
        "e.agent_id = ?": agent_id,
        "e.kind = ?": kind,
        "e.ended_ns >= ?": since_ns,
        "e.ended_ns < ?": until_ns,
    }
    asked = {term: value for term, value in terms.items() if value is not None}
    return " AND ".join(asked) or "1", list(asked.values())


def _newest_of(group: list[Facts]) -> Iterator[tuple[int, set[str]]]:
    """Of the executions of one trace, newest first, those that hold a newest result, and the
    cases of which they do; results of replaced revisions do not count."""
    newest = max(facts.revision for facts in group)
    told: set[str] = set()
    for facts in group:
        if facts.revision == newest:
            fresh = {case for case, _ in facts.covers} - told
            if fresh:
                told |= fresh
                yield facts.number, fresh
