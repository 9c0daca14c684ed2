"""Taking traces out again, and putting aside what a replacement replaces.

A request goes when the last trace or revision that shares it goes.
"""

import sqlite3
import time
from collections.abc import Iterable

from tracedesk.store.ledger import Tally

REVISIONS_KEPT = 10
"""Earlier revisions of a trace whose bodies are kept; the oldest is forgotten first."""

_ASIDE = (
    "INSERT INTO revision (trace, revision, format, trace_id, name, span_count, error_count,"
    " updated_ns) SELECT number, revision, format, trace_id, name, span_count, error_count,"
    " updated_ns FROM trace WHERE number = ?"
)
_PARTS_ASIDE = (
    "INSERT INTO revision_part (trace, revision, part, request, resources)"
    " SELECT trace, ?, part, request, resources FROM part WHERE trace = ?"
)
_TOO_OLD = (
    "SELECT revision FROM revision WHERE trace = ? ORDER BY revision DESC"
    f" LIMIT -1 OFFSET {REVISIONS_KEPT}"
)


def put_aside(connection: sqlite3.Connection, number: int, revision: int) -> None:
    """Keep the bodies of a trace as its earlier ``revision``, and forget its spans."""
    execute = connection.execute
    execute(_ASIDE, (number,))
    execute(_PARTS_ASIDE, (revision, number))
    execute("DELETE FROM part WHERE trace = ?", (number,))
    execute("DELETE FROM span WHERE trace = ?", (number,))
    if revision > REVISIONS_KEPT:  # else there cannot be too many
        for (old,) in execute(_TOO_OLD, (number,)).fetchall():
            _forget_revisions(connection, "trace = ? AND revision = ?", (number, old))


def _forget_revisions(connection: sqlite3.Connection, where: str, values: tuple[int, ...]) -> None:
    execute = connection.execute
    requests = execute(f"SELECT request FROM revision_part WHERE {where}", values).fetchall()
    if requests:
        _release(connection, requests)
        execute(f"DELETE FROM revision_part WHERE {where}", values)
        execute(f"DELETE FROM revision WHERE {where}", values)


def _release(connection: sqlite3.Connection, requests: list[tuple[int]]) -> None:
    connection.executemany("UPDATE request SET shares = shares - 1 WHERE id = ?", requests)
    connection.executemany("DELETE FROM request WHERE id = ? AND shares <= 0", requests)


def delete_traces(
    connection: sqlite3.Connection, numbers: Iterable[int], why: str = "deleted"
) -> int:
    """Delete traces whole, and count them in the ledger as removed; returns how many there
    were. Runs inside a writer's transaction."""
    execute = connection.execute
    tally, deleted, now_ns = Tally(), 0, time.time_ns()
    for number in numbers:
        found = execute("SELECT agent_id FROM trace WHERE number = ?", (number,)).fetchone()
        if found is None:
            continue
        requests = execute("SELECT request FROM part WHERE trace = ?", (number,)).fetchall()
        _release(connection, requests)
        _forget_revisions(connection, "trace = ?", (number,))
        for table in ("span", "part", "execution"):
            execute(f"DELETE FROM {table} WHERE trace = ?", (number,))
        execute("DELETE FROM trace WHERE number = ?", (number,))
        tally.add(found[0], "removed", why, 1, 0, now_ns, "")
        deleted += 1
    tally.write(connection)
    return deleted
