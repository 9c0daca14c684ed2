"""The statements by which new rows are written: many rows each, in a few prepared sizes. Each
statement that runs lets go of the interpreter, and has to wait for it again."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from tracedesk.store.values import ABSENT, SPAN_COLUMNS

FACTS = (
    "agent_id, identity, external_id, trace_id, format, routed_by, name, revision, sequence,"
    " span_count, error_count, start_ns, end_ns, received_ns, updated_ns, metadata, warnings"
)
"""Columns of ``trace`` that every accepted change sets."""

_ROWS_AT_ONCE = (64, 48, 40, 32, 28, 24, 20, *range(16, 0, -1))
"""Sizes of multi-row inserts: up to 80 rows take two statements at most, all prepared."""

_NULLABLE = {
    **dict.fromkeys(("identity", "external_id", "trace_id", "metadata", "warnings"), "''"),
    **dict.fromkeys(("parent_id", "aliases", "resources", "digest"), "''"),
    **dict.fromkeys(("start_ns", "end_ns"), str(ABSENT)),
}
"""Column and the value that is written as null."""


def insert_rows(
    connection: sqlite3.Connection, statements: Sequence[tuple[int, str]], values: Sequence[Any]
) -> None:
    """Insert rows, given flat, in as few statements as their number allows."""
    at, left = 0, len(values)
    for size, statement in statements:
        while left >= size:
            connection.execute(statement, values[at : at + size])
            at += size
            left -= size


def inserts(table: str, columns: str, verb: str = "INSERT") -> list[tuple[int, str]]:
    """Number of values and statement, for each of ``_ROWS_AT_ONCE``."""
    width = columns.count(",") + 1
    row = f"({_marks(columns)})"
    start = f"{verb} INTO {table} ({columns}) VALUES "
    return [(rows * width, start + ", ".join([row] * rows)) for rows in _ROWS_AT_ONCE]


def _marks(columns: str) -> str:
    """One placeholder a column."""
    names = columns.split(", ")
    return ", ".join(f"nullif(?, {_NULLABLE[n]})" if n in _NULLABLE else "?" for n in names)


UPDATE = (
    f"UPDATE trace SET ({FACTS}) = ({_marks(FACTS)}),"
    " read_revision = 0, status = NULL, duration_ms = NULL, tokens = NULL, response = NULL,"
    " input = NULL WHERE number = ?"
)
INSERT_TRACE = inserts("trace", f"number, id, {FACTS}")
_REQUEST = "id, received_ns, method, path, headers, size, shares, body"
REQUEST_WIDTH = _REQUEST.count(",") + 1
INSERT_REQUEST = inserts("request", _REQUEST)
INSERT_PART = inserts("part", "trace, part, request, resources, digest")
INSERT_SPAN = inserts("span", SPAN_COLUMNS, "INSERT OR REPLACE")
