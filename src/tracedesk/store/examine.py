"""A database looked at from outside, as far as it can be: for ``tracedesk doctor``.

Nothing is created, migrated or changed, nothing is waited for, and whatever is wrong with the
file is a finding, never an exception.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tracedesk.model.limits import Limits
from tracedesk.store import schema
from tracedesk.store.connections import connector
from tracedesk.store.errors import StoreError, database_errors, explain
from tracedesk.store.ledger import Ledger, ledger_of
from tracedesk.store.retention import Holdings, excess, holdings

if TYPE_CHECKING:
    from tracedesk.store.encryption import EncryptionSettings

SQLITE = sqlite3.sqlite_version
PATIENCE_MS = 300
"""How long another program may hold the lock before that is the finding."""
CHECK_S = 0.5
"""How long the file is checked for damage, unless it is to be checked in full."""
_STEPS = 20_000
"""Instructions of SQLite between two looks at the clock."""
_LEDGER_SINCE, _NAMES_SINCE = 2, 3
"""Versions from which on there are these tables."""
_FAULTS_SHOWN = 5


class Examined(msgspec.Struct, kw_only=True):
    """What was found. Everything after ``problem`` is only known as far as it could be read."""

    exists: bool = True
    problem: StoreError | None = None
    """Why the database cannot be used, or not in full."""
    version: int = 0
    damage: list[str] | None = None
    """What SQLite's own check found, empty when all is well; None when it was not finished."""
    shrinks: bool = True
    """Are free pages given back to the disk?"""
    held: Holdings | None = None
    ledger: Ledger | None = None
    stored: dict[str, int] = {}
    """Traces by agent id."""
    names: dict[str, str] = {}
    """What agents were last called, by id."""
    keys: int = 0
    """Keys that can be used."""
    keyed: frozenset[str] = frozenset()
    """Agents that have such a key to themselves."""
    excess: dict[str, int] = {}
    """How many traces each limit of ``[retention]`` wants removed by now."""


def examine(
    path: Path, encryption: "EncryptionSettings | None", limits: Limits, *, in_full: bool = False
) -> Examined:
    """Look at the database. ``in_full``: check all of it, however long that takes."""
    found = Examined()
    try:
        if not path.exists():
            found.exists = False
            return found
        with connector(path, encryption, read_only=True) as connect:
            connection = connect(True)
            try:
                connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
                _look(connection, path, limits, found)
                found.damage = _damage(connection, None if in_full else CHECK_S)
            finally:
                connection.close()
    except StoreError as error:
        found.problem = error
    except OSError as error:
        found.problem = explain(error, path)
    except database_errors() as error:
        found.problem = explain(error, path)
    return found


def _look(connection: Any, path: Path, limits: Limits, found: Examined) -> None:
    found.version = schema.check(connection, path)
    if found.version == 0:
        return
    execute = connection.execute
    found.shrinks = execute("PRAGMA auto_vacuum").fetchone()[0] != 0
    found.held = holdings(connection)
    found.excess = excess(connection, limits)
    found.stored = dict(execute("SELECT agent_id, count(*) FROM trace GROUP BY agent_id"))
    found.keys, found.keyed = _keys(connection)
    if found.version >= _LEDGER_SINCE:
        found.ledger = ledger_of(connection)
    if found.version >= _NAMES_SINCE:
        found.names = dict(execute("SELECT id, name FROM agent"))


def _keys(connection: Any) -> tuple[int, frozenset[str]]:
    rows = connection.execute(
        "SELECT agents FROM key WHERE revoked_ns IS NULL AND ifnull(expires_ns, ?) >= ?",
        (2**63 - 1, time.time_ns()),
    ).fetchall()
    scopes = [msgspec.json.decode(agents, type=tuple[str, ...]) for (agents,) in rows]
    return len(scopes), frozenset(scope[0] for scope in scopes if len(scope) == 1)


def _damage(connection: Any, patience_s: float | None) -> list[str] | None:
    """What is wrong with the pages of the file; None when there was no time to look at all."""
    with _limited(connection, patience_s) as ran_out:
        try:
            rows = connection.execute(f"PRAGMA quick_check({_FAULTS_SHOWN})").fetchall()
        except database_errors():
            if ran_out():
                return None
            raise
    return [str(row[0]) for row in rows if row[0] != "ok"]


@contextlib.contextmanager
def _limited(connection: Any, patience_s: float | None) -> Iterator[Any]:
    """Interrupt what runs on the connection after a time; gives what tells if it was."""
    end = None if patience_s is None else time.monotonic() + patience_s
    over = False

    def tick() -> int:
        nonlocal over
        over = end is not None and time.monotonic() > end
        return int(over)

    connection.set_progress_handler(tick, _STEPS)
    try:
        yield lambda: over
    finally:
        connection.set_progress_handler(None, 0)
