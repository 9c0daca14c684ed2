"""The history of executions: packed into rows, found again by trace and by time.

Rows are only added, and forgotten as their trace grows old: what is read here was true of the
revision it names. The order is that in which they were stored, whatever a clock said.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec
import zstandard

from tracedesk.model.execution import CaseRecord, Execution, ExecutionKind
from tracedesk.model.verdict import Outcome
from tracedesk.store.errors import DamagedError
from tracedesk.store.shapes import Outlines, save_shapes, told_shapes
from tracedesk.store.values import clean, json_text, number_of

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
ZSTD_LEVEL: Final = 3

_DICTIONARY_1: Final = zstandard.ZstdCompressionDict(
    b" tool call path was found the response matches expected got missing span"
    b"trace\xa4path\xa1$\xa8decided\xa9arguments\xa8response\xa6output\xaaattributes"
    b"\xa9node_call\xaajson_match\xaeresponse_regex\xabjson_schema\xadtool_sequence\xaatool_policy"
    b"\xa7routing\xabtool_choice\xaaparameters\xadcommunication\xa7runtime"
    b"\xa5error\xa7skipped\xa7missing\xa4fail\xa6digest\xd9 \xa7outcome\xa4pass\xa5score\xcb?\xf0"
    b"\x00\x00\x00\x00\x00\x00\xa6weight\xcb?\xf0\x00\x00\x00\x00\x00\x00\xa6reason\xa0\xa6checks"
    b"\x91\x8a\xa9assertion\xa2a1\xa6target\xa9node_call\xa7outcome\xa4pass\xa5score\xcb?\xf0\x00"
    b"\x00\x00\x00\x00\x00\xa6weight\xcb?\xf0\x00\x00\x00\x00\x00\x00\xa5stage\xaaparameters"
    b"\xa6reason\xd9?\xa8evidence\x91\x93\xa4span\xa9arguments\xa1$\xa4tags\x90\xa7details\xc0"
    b"\x98\xa4case\xa4name\xa4file.yaml#\x91",
    dict_type=zstandard.DICT_TYPE_RAWCONTENT,
)
"""What most executions have in common, so that one of a single case takes little room. It
belongs to the stored form and must never change."""

_COMPRESS = zstandard.ZstdCompressor(level=ZSTD_LEVEL, dict_data=_DICTIONARY_1)

_FACTS: Final = (
    "agent_id, revision, kind, started_ns, ended_ns, clock_ns, engine, settings, outcome, score,"
    " input_key, behaviour_key, version, environment, errors, error_span, error_text"
)
"""Columns that are fields of ``Execution`` too, in the same words."""
_NAMES: Final = tuple(_FACTS.split(", "))
_INSERT: Final = (
    f"INSERT INTO execution (trace, {_FACTS}, coverage, cases)"
    f" SELECT ?, {', '.join('?' * len(_NAMES))}, ?, ?"
    " WHERE EXISTS (SELECT 1 FROM trace WHERE number = ? AND id = ?)"
)
_SELECT: Final = (
    f"SELECT e.number, t.id, {', '.join(f'e.{name}' for name in _NAMES)}, e.cases"
    " FROM execution e JOIN trace t ON t.number = e.trace"
)

_facts_of = attrgetter(*_NAMES)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[CaseRecord, ...]).decode
_decode_coverage = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode

Coverage = tuple[tuple[str, str], ...]
"""Id and digest of each case that ran."""


class BriefCheck(msgspec.Struct, frozen=True, gc=False):
    """As much of a ``CheckRecord`` as counting needs."""

    target: str
    outcome: Outcome


class BriefCase(msgspec.Struct, frozen=True, gc=False):
    """As much of a ``CaseRecord`` as counting needs."""

    case: str
    digest: str
    outcome: Outcome
    score: float | None
    checks: tuple[BriefCheck, ...]


_decode_brief = msgspec.msgpack.Decoder(tuple[BriefCase, ...]).decode


class Facts(msgspec.Struct, frozen=True, gc=False):
    """Which cases an execution is about, without what came out."""

    trace: int
    """Number of the trace."""
    number: int
    revision: int
    settings: str
    covers: Coverage


class Packed(msgspec.Struct, frozen=True, gc=False):
    """An execution as it is written."""

    trace: str
    facts: tuple[Any, ...]
    coverage: str
    cases: bytes
    shapes: tuple[str, ...]
    """Of each case, what counting needs of it."""


# -- writing ---------------------------------------------------------------------------


def pack(execution: Execution) -> Packed:
    """An execution as it is written. Never fails for what stands in it: what neither SQLite nor
    UTF-8 can hold is mended."""
    facts = _facts_of(execution)
    try:
        _encode(facts)  # a tenth of what looking at each by itself would take
        fits = (execution.clock_ns or 0) < 2**63
    except (UnicodeEncodeError, OverflowError):
        fits = False
    if not fits:
        facts = tuple(map(clean, facts))
    coverage = json_text([(record.case, record.digest) for record in execution.cases])
    try:
        cases = _encode(execution.cases)
    except (UnicodeEncodeError, OverflowError, TypeError, msgspec.MsgspecError):
        cases = _encode(_mended(msgspec.to_builtins(execution.cases)))
    shapes = told_shapes(execution.cases, execution.errors)
    return Packed(execution.trace, facts, coverage, _COMPRESS.compress(cases), shapes)


def _mended(value: Any) -> Any:
    if isinstance(value, dict):
        return {clean(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return clean(value)


def save(connection: sqlite3.Connection, packed: Sequence[Packed]) -> None:
    """Write executions, and forget those that their traces have grown out of. Runs inside a
    writer's transaction."""
    ids = {
        coverage: _coverage_id(connection, coverage) for coverage in {p.coverage for p in packed}
    }
    kept, traces = {}, set()
    for each in packed:
        number = number_of(each.trace)
        traces.add(number)
        row = (number, *each.facts, ids[each.coverage], each.cases, number, each.trace)
        inserted = connection.execute(_INSERT, row)
        if inserted.rowcount and inserted.lastrowid is not None:
            kept[inserted.lastrowid] = each.shapes
    save_shapes(connection, kept)
    _forget_old(connection, sorted(traces))


def _coverage_id(connection: sqlite3.Connection, cases: str) -> int:
    connection.execute("INSERT OR IGNORE INTO coverage (cases) VALUES (?)", (cases,))
    found = connection.execute("SELECT id FROM coverage WHERE cases = ?", (cases,)).fetchone()
    return int(found[0])


def _forget_old(connection: sqlite3.Connection, traces: list[int]) -> None:
    full = connection.execute(
        "SELECT trace FROM execution WHERE trace IN (SELECT value FROM json_each(?))"
        " GROUP BY trace HAVING count(*) > ?",
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
        order of time; without reading what came out."""
        rows = self._store.query(
            "SELECT started_ns, number, kind, coverage FROM execution ORDER BY number DESC LIMIT ?",
            [limit],
        )
        covers = self._covered({row[3] for row in rows})
        for started_ns, number, kind, coverage in sorted(rows):
            yield started_ns, number, kind, covers[coverage]

    def facts_of(self, traces: Iterable[int], engine: str) -> Iterator[Facts]:
        """The executions of these traces' present revisions by this version of the program,
        trace by trace, newest first."""
        condition = (
            "e.trace IN (SELECT value FROM json_each(?)) AND e.engine = ? AND e.revision ="
            " (SELECT revision FROM trace t WHERE t.number = e.trace)"
        )
        return self._facts(condition, [json_text(list(traces)), engine])

    def brief(self, numbers: Iterable[int]) -> dict[int, tuple[BriefCase, ...]]:
        """The outcomes of executions, by their numbers."""
        return {
            number: _decode_brief(inflated)
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
        return {number: (_decode(self._inflate(cases)), errors) for number, errors, cases in rows}

    def _facts(self, condition: str, values: list[Any]) -> Iterator[Facts]:
        """Facts by falling numbers of traces and executions."""
        trace = number = 2**63 - 1
        while True:
            rows = self._store.query(
                "SELECT e.trace, e.number, e.revision, e.settings, e.coverage FROM execution e"
                f" WHERE {condition} AND (e.trace < ? OR (e.trace = ? AND e.number < ?))"
                " ORDER BY e.trace DESC, e.number DESC LIMIT ?",
                [*values, trace, trace, number, PAGE],
            )
            covers = self._covered({row[4] for row in rows})
            for trace, number, revision, settings, coverage in rows:
                yield Facts(trace, number, revision, settings, covers[coverage])
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
        fields = dict(zip(_NAMES, facts, strict=True))
        fields["kind"] = ExecutionKind(fields["kind"])
        fields["outcome"] = None if fields["outcome"] is None else Outcome(fields["outcome"])
        return Execution(number=number, trace=trace, **fields, cases=_decode(self._inflate(cases)))

    def _inflated(self, statement: str, values: list[Any]) -> Iterator[tuple[int, bytes]]:
        for number, cases in self._store.query(statement, values):
            yield number, self._inflate(cases)

    def _inflate(self, cases: bytes) -> bytes:
        try:
            return _inflator().decompress(cases)
        except zstandard.ZstdError as error:
            raise DamagedError(self._store.path) from error


def _inflator() -> zstandard.ZstdDecompressor:
    """One of its own for each use: they must not be shared by threads."""
    return zstandard.ZstdDecompressor(dict_data=_DICTIONARY_1)


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
