"""The tables, and the numbered steps that lead an older database to them.

A database is touched only after it is known to be ours and not newer than this program:
``application_id`` says whose it is, ``user_version`` how many steps it has taken. A step
is one transaction, so a database is never between two versions.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracedesk.store.errors import StoreError

APPLICATION_ID = 0x74726465
"""``trde``, in the header of every database of ours."""


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database up to date. Raises StoreError, with nothing touched, if it is
    not ours or newer than this program; sqlite3.Error when it cannot be written."""
    check(connection, path)
    while (version := _pragma(connection, "user_version")) < VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _pragma(connection, "user_version") == version:
                for statement in _STEPS[version]():
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def check(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the database; StoreError if it is another program's or newer."""
    version = _pragma(connection, "user_version")
    owner = _pragma(connection, "application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and (tables or owner or version):
        raise StoreError(
            f"{path} is a database of another program",
            "Choose another workspace, or move the file away.",
        )
    if version > VERSION:
        raise StoreError(
            f"the database {path} was made by a newer tracedesk"
            f" (its version is {version}, this program knows {VERSION})",
            "Update tracedesk, or choose another workspace.",
        )
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _create_tables() -> list[str]:
    """Step 1."""
    import sqlite_utils  # 80 ms to import, needed once in the life of a database

    table = sqlite_utils.Database(memory=True).create_table_sql
    tables = [table(name, **spec) for name, spec in _TABLES_1.items()]
    return [*tables, _PART_1, _SPAN_1, *_INDEXES_1, "INSERT INTO counter VALUES (1, 0, 0, 0)"]


_TABLES_1: dict[str, dict[str, Any]] = {
    "trace": {
        "columns": {
            "number": int,
            "id": str,
            "agent_id": str,
            "identity": str,
            "external_id": str,
            "trace_id": str,
            "format": str,
            "routed_by": str,
            "name": str,
            "revision": int,
            "sequence": int,
            "span_count": int,
            "error_count": int,
            "start_ns": int,
            "end_ns": int,
            "received_ns": int,
            "updated_ns": int,
            "read_revision": int,
            "status": str,
            "duration_ms": float,
            "tokens": int,
            "response": str,
            "input": str,
            "metadata": str,
            "warnings": str,
        },
        "pk": "number",
        "not_null": ("id", "agent_id", "format", "routed_by", "name", "revision", "sequence"),
        "defaults": {"read_revision": 0},
    },
    "request": {
        "columns": {
            "id": int,
            "received_ns": int,
            "method": str,
            "path": str,
            "headers": str,
            "size": int,
            "shares": int,
            "body": bytes,
        },
        "pk": "id",
    },
    "counter": {
        "columns": {"id": int, "number": int, "request": int, "sequence": int},
        "pk": "id",
    },
    "key": {
        "columns": {
            "id": str,
            "name": str,
            "hash": bytes,
            "last4": str,
            "agents": str,
            "created_ns": int,
            "expires_ns": int,
            "revoked_ns": int,
        },
        "pk": "id",
        "not_null": ("name", "hash", "agents", "created_ns"),
    },
}
"""``trace.identity`` is the external id where that id is the upsert key, else null;
``trace.external_id`` is what is shown. ``request.shares`` counts the parts that point to it.
There is no index over ``trace.id``: an id ends in its number (``values.new_id``)."""

_PART_1 = """
CREATE TABLE part (
    trace INTEGER NOT NULL, part INTEGER NOT NULL, request INTEGER NOT NULL, resources TEXT,
    digest BLOB,
    PRIMARY KEY (trace, part)
) WITHOUT ROWID
"""
"""``digest`` tells an OTLP part that was sent again. Written out, as ``_SPAN_1`` is, for
sqlite-utils knows no WITHOUT ROWID."""

_SPAN_1 = """
CREATE TABLE span (
    trace INTEGER NOT NULL, span_id TEXT NOT NULL, position INTEGER NOT NULL, parent_id TEXT,
    name TEXT NOT NULL, kind INTEGER NOT NULL, start_ns INTEGER, end_ns INTEGER,
    status INTEGER NOT NULL, aliases TEXT,
    PRIMARY KEY (trace, span_id)
) WITHOUT ROWID
"""
_INDEXES_1 = (
    "CREATE UNIQUE INDEX trace_by_sequence ON trace (sequence)",
    "CREATE UNIQUE INDEX trace_by_identity ON trace (agent_id, identity)"
    " WHERE identity IS NOT NULL",
    "CREATE UNIQUE INDEX trace_by_trace_id ON trace (agent_id, trace_id)"
    " WHERE trace_id IS NOT NULL",
    "CREATE INDEX trace_by_external_id ON trace (external_id) WHERE external_id IS NOT NULL",
    "CREATE INDEX part_by_digest ON part (trace, digest) WHERE digest IS NOT NULL",
    "CREATE UNIQUE INDEX key_by_hash ON key (hash)",
)


def _count_and_keep_revisions() -> list[str]:
    """Step 2: the ledger, which begins with the traces that are there, and earlier revisions."""
    return [_LEDGER_2, _REVISION_2, _REVISION_PART_2, _COUNTED_2]


_LEDGER_2 = """
CREATE TABLE ledger (
    agent_id TEXT NOT NULL, event TEXT NOT NULL, code TEXT NOT NULL, count INTEGER NOT NULL,
    size INTEGER NOT NULL, last_ns INTEGER NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (agent_id, event, code)
) WITHOUT ROWID
"""
_REVISION_2 = """
CREATE TABLE revision (
    trace INTEGER NOT NULL, revision INTEGER NOT NULL, format TEXT NOT NULL, trace_id TEXT,
    name TEXT NOT NULL, span_count INTEGER NOT NULL, error_count INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    PRIMARY KEY (trace, revision)
) WITHOUT ROWID
"""
_REVISION_PART_2 = """
CREATE TABLE revision_part (
    trace INTEGER NOT NULL, revision INTEGER NOT NULL, part INTEGER NOT NULL,
    request INTEGER NOT NULL, resources TEXT,
    PRIMARY KEY (trace, revision, part)
) WITHOUT ROWID
"""
_COUNTED_2 = """
INSERT INTO ledger (agent_id, event, code, count, size, last_ns, message)
SELECT agent_id, 'accepted', '', count(*), ifnull((
    SELECT sum(size) FROM request WHERE id IN (
        SELECT p.request FROM part p JOIN trace t ON t.number = p.trace
        WHERE t.agent_id = trace.agent_id)
    ), 0), max(received_ns), ''
FROM trace GROUP BY agent_id
"""


def _name_agents_and_date_keys() -> list[str]:
    """Step 3: agents by the name they last had, and when a key was last used."""
    return [
        "CREATE TABLE agent (id TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
        "ALTER TABLE key ADD COLUMN used_ns INTEGER",
    ]


def _keep_executions() -> list[str]:
    """Step 4: what the test cases said of each trace, as history."""
    return [
        _COVERAGE_4,
        _EXECUTION_4,
        "CREATE INDEX execution_by_trace ON execution (trace)",
        "CREATE INDEX execution_by_end ON execution (ended_ns)",
    ]


_COVERAGE_4 = "CREATE TABLE coverage (id INTEGER PRIMARY KEY, cases TEXT NOT NULL UNIQUE)"
"""Which cases ran together, in which form: executions of thousands of traces share a row."""
_EXECUTION_4 = """
CREATE TABLE execution (
    number INTEGER PRIMARY KEY, trace INTEGER NOT NULL, agent_id TEXT NOT NULL,
    revision INTEGER NOT NULL, kind TEXT NOT NULL, started_ns INTEGER NOT NULL,
    ended_ns INTEGER NOT NULL, clock_ns INTEGER, engine TEXT NOT NULL, settings TEXT NOT NULL,
    outcome TEXT, score REAL, input_key TEXT NOT NULL, behaviour_key TEXT NOT NULL,
    version TEXT NOT NULL, environment TEXT NOT NULL, coverage INTEGER NOT NULL,
    cases BLOB NOT NULL
)
"""
"""``trace`` is the number of a trace, ``cases`` comes last: whoever asks for the facts alone
does not read it."""


def _keep_judgements() -> list[str]:
    """Step 5: what a judge answered, and what asking it cost by day."""
    return [
        "CREATE TABLE judgement (number INTEGER PRIMARY KEY, key TEXT NOT NULL,"
        " model TEXT NOT NULL, answered_ns INTEGER NOT NULL, answer BLOB NOT NULL)",
        "CREATE INDEX judgement_by_key ON judgement (key)",
        "CREATE TABLE judge_spent (day TEXT PRIMARY KEY, calls INTEGER NOT NULL,"
        " usd REAL NOT NULL) WITHOUT ROWID",
    ]


def _mark_traces() -> list[str]:
    """Step 6: known good and known bad traces."""
    return [
        "ALTER TABLE trace ADD COLUMN mark TEXT",
        "ALTER TABLE trace ADD COLUMN mark_note TEXT",
    ]


def _keep_shapes() -> list[str]:
    """Step 7: of each execution the shapes of its results, for counting; the spans in error of
    its trace; and the newest execution of each trace told by an index alone."""
    return [
        "CREATE TABLE shape (id INTEGER PRIMARY KEY, told TEXT NOT NULL UNIQUE)",
        "CREATE TABLE counted (number INTEGER PRIMARY KEY, shapes BLOB NOT NULL)",
        "CREATE TRIGGER execution_forgotten AFTER DELETE ON execution"
        " BEGIN DELETE FROM counted WHERE number = old.number; END",
        "ALTER TABLE execution ADD COLUMN errors INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE execution ADD COLUMN error_span TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE execution ADD COLUMN error_text TEXT NOT NULL DEFAULT ''",
        "DROP INDEX execution_by_trace",
        "CREATE INDEX execution_by_trace ON execution (trace, started_ns)",
    ]


def _keep_sketches() -> list[str]:
    """Step 8: the trees of large traces as they are drawn (see ``sketches``). No trace that
    changes or goes leaves an old one behind."""
    return [
        "CREATE TABLE sketch (trace INTEGER PRIMARY KEY, sequence INTEGER NOT NULL,"
        " value BLOB NOT NULL)",
        "CREATE TRIGGER sketch_outdated AFTER UPDATE OF sequence ON trace"
        " BEGIN DELETE FROM sketch WHERE trace = old.number; END",
        "CREATE TRIGGER sketch_forgotten AFTER DELETE ON trace"
        " BEGIN DELETE FROM sketch WHERE trace = old.number; END",
    ]


def _keep_readings() -> list[str]:
    """Step 9: what was read out of traces (see ``readings``). A value of a revision that was
    replaced is never used, and goes when the new one is read."""
    return [
        "CREATE TABLE reading (trace INTEGER PRIMARY KEY, revision INTEGER NOT NULL,"
        " key BLOB NOT NULL, value BLOB NOT NULL)",
        "CREATE TRIGGER reading_forgotten AFTER DELETE ON trace"
        " BEGIN DELETE FROM reading WHERE trace = old.number; END",
    ]


_STEPS: tuple[Callable[[], list[str]], ...] = (
    _create_tables,
    _count_and_keep_revisions,
    _name_agents_and_date_keys,
    _keep_executions,
    _keep_judgements,
    _mark_traces,
    _keep_shapes,
    _keep_sketches,
    _keep_readings,
)
VERSION = len(_STEPS)
"""The newest ``user_version`` this program knows."""
