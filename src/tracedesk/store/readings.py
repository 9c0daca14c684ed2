"""What was read out of traces, kept so that a changed test case need not read them again.

An index like that of the spans: whatever it holds can be found again from the bodies, so it may
be forgotten at any time. What a value means is known to whoever keeps it; ``key`` says by which
rules it was made, and a value made by others is of no use.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

KEPT = 50_000
"""The newest traces of which readings are kept, some 400 bytes each."""

SELECT_READINGS = (
    "SELECT trace, revision, key, value FROM reading"
    " WHERE trace IN (SELECT value FROM json_each(?))"
)

_KEEP = (
    "INSERT OR REPLACE INTO reading (trace, revision, key, value)"
    " SELECT number, revision, :key, :value"
    " FROM trace WHERE number = :trace AND revision = :revision"
)
_FORGET = "DELETE FROM reading WHERE trace <= (SELECT max(number) FROM trace) - ?"


class KeptReading(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The reading of one revision of a trace."""

    trace: int
    """Number of the trace."""
    revision: int
    key: bytes
    value: bytes


def keep_readings(connection: sqlite3.Connection, kept: Sequence[KeptReading]) -> None:
    """Write readings of traces that are still of that revision, and forget those of traces that
    are no longer among the newest. Runs inside a writer's transaction."""
    connection.executemany(_KEEP, list(map(msgspec.structs.asdict, kept)))
    connection.execute(_FORGET, (KEPT,))
