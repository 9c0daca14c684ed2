"""Executions as counting sees them: their facts, and a number for the shape of each result.

A million results are some hundreds of shapes, so all of them are read in a fraction of the
time that decoding the executions takes. What an older program wrote without shapes is decoded
once and completed.
"""

import sqlite3
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from sys import intern
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tracedesk.model.execution import CaseRecord, Execution, ExecutionKind
from tracedesk.model.shape import Shape, shape_of
from tracedesk.store.inserts import insert_rows, inserts
from tracedesk.store.values import json_text

if TYPE_CHECKING:
    from tracedesk.store.database import Store

TRACES_READ: Final = 200
"""Traces whose executions are read at once."""

IDS: Final = "i"
"""Type code of the numbers of shapes in an outline: those of the database are positive, those
that only this process knows negative."""

_INSERT: Final = inserts("counted", "number, shapes", "INSERT OR REPLACE")

_FACTS: Final = (
    "e.trace, e.number, t.id, e.agent_id, e.revision, e.kind, e.started_ns, e.ended_ns,"
    " e.clock_ns, e.input_key, e.behaviour_key, e.version, e.environment, c.shapes"
)
_OUTLINES: Final = (
    f"SELECT {_FACTS} FROM execution e JOIN trace t ON t.number = e.trace"
    " LEFT JOIN counted c ON c.number = e.number"
    " WHERE e.trace IN (SELECT value FROM json_each(?)) ORDER BY e.trace, e.number DESC"
)

_decode_shape = msgspec.json.Decoder(Shape).decode

DecodeCases = Callable[[list[int]], Mapping[int, tuple[tuple[CaseRecord, ...], int]]]
"""Numbers of executions → their cases, and the spans in error of their traces."""

Outline = tuple[Execution, bytes]
"""The facts of an execution, and the numbers of the shapes of its results (``IDS``)."""


# -- writing ---------------------------------------------------------------------------


def told_shapes(cases: Iterable[CaseRecord], errors: int) -> tuple[str, ...]:
    """The shapes of some results as they are kept."""
    return tuple([json_text(shape_of(record, errors)) for record in cases])


def save_shapes(connection: sqlite3.Connection, kept: Mapping[int, Sequence[str]]) -> None:
    """Keep the shapes of executions that are there, by their numbers. Runs inside a writer's
    transaction."""
    distinct = {tuple(shapes) for shapes in kept.values()}
    ids = _ids(connection, {told for shapes in distinct for told in shapes})
    stored = {
        shapes: bytearray(array(IDS, (ids[told] for told in shapes)).tobytes())
        for shapes in distinct
    }
    values: list[Any] = []
    for number, shapes in kept.items():
        values += (number, stored[tuple(shapes)])
    insert_rows(connection, _INSERT, values)


def _complete(connection: sqlite3.Connection, told: Mapping[int, Sequence[str]]) -> None:
    """``save_shapes`` of those executions that were not deleted meanwhile."""
    there = connection.execute(
        "SELECT number FROM execution WHERE number IN (SELECT value FROM json_each(?))",
        (json_text(list(told)),),
    )
    save_shapes(connection, {number: told[number] for (number,) in there.fetchall()})


def _ids(connection: sqlite3.Connection, told: set[str]) -> dict[str, int]:
    wanted = json_text(sorted(told))
    connection.execute(
        "INSERT INTO shape (told) SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING",
        (wanted,),
    )
    rows = connection.execute(
        "SELECT told, id FROM shape WHERE told IN (SELECT value FROM json_each(?))", (wanted,)
    )
    return dict(rows.fetchall())


# -- reading ---------------------------------------------------------------------------


class Outlines:
    """Reads what counting needs of the executions of one store. All methods raise StoreError;
    not for two threads at once."""

    def __init__(self, store: "Store", decode: DecodeCases) -> None:
        self._store = store
        self._decode = decode
        self.shapes: dict[int, Shape] = {}
        """The shapes of all outlines read so far, by number."""
        self._newest_id = 0
        self._own: dict[str, int] = {}

    def newest(self) -> dict[int, tuple[int, int]]:
        """Of each trace with executions, the newest: its number and when it began. Numbers are
        given anew after executions were deleted, both together are not."""
        rows = self._store.query(
            "SELECT trace, max(number), started_ns FROM execution GROUP BY trace"
        )
        return {trace: (number, started_ns) for trace, number, started_ns in rows}

    def of(self, traces: Sequence[int]) -> dict[int, list[Outline]]:
        """The outlines of some traces, newest first; of a trace that was deleted, none."""
        found: dict[int, list[Outline]] = {}
        for start in range(0, len(traces), TRACES_READ):
            wanted = json_text(list(traces[start : start + TRACES_READ]))
            rows = self._store.query(_OUTLINES, [wanted])
            completed = self._completed([row[1] for row in rows if row[-1] is None])
            for trace, number, *facts, shapes in rows:
                ids = completed.get(number, b"") if shapes is None else bytes(shapes)
                found.setdefault(trace, []).append((_execution(number, *facts), ids))
        self._learn()
        return found

    def _learn(self) -> None:
        """Read the shapes that were written since."""
        rows = self._store.query("SELECT id, told FROM shape WHERE id > ?", [self._newest_id])
        for id_, told in rows:
            self.shapes[id_] = _decode_shape(told)
            self._newest_id = max(self._newest_id, id_)

    def _completed(self, numbers: list[int]) -> dict[int, bytes]:
        """The shapes of executions that are kept without, which are then kept with them."""
        if not numbers:
            return {}
        told = {
            number: told_shapes(cases, errors)
            for number, (cases, errors) in self._decode(numbers).items()
        }
        if not self._store.read_only:
            self._store.writer.run(partial(_complete, told=told))
        return {
            number: array(IDS, map(self._own_id, shapes)).tobytes()
            for number, shapes in told.items()
        }

    def _own_id(self, told: str) -> int:
        found = self._own.get(told)
        if found is None:
            found = self._own[told] = -1 - len(self._own)
            self.shapes[found] = _decode_shape(told)
        return found


def _execution(
    number: int,
    trace: str,
    agent_id: str,
    revision: int,
    kind: str,
    started_ns: int,
    ended_ns: int,
    clock_ns: int | None,
    input_key: str,
    behaviour_key: str,
    version: str,
    environment: str,
) -> Execution:
    return Execution(
        number=number,
        trace=trace,
        agent_id=intern(agent_id),
        revision=revision,
        kind=ExecutionKind(kind),
        started_ns=started_ns,
        ended_ns=ended_ns,
        clock_ns=clock_ns,
        input_key=intern(input_key),
        behaviour_key=intern(behaviour_key),
        version=intern(version),
        environment=intern(environment),
    )
