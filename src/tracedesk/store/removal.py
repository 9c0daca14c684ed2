"""Taking traces out again. A request goes when the last trace that shares it goes."""

import sqlite3
from collections.abc import Iterable


def forget_content(connection: sqlite3.Connection, number: int) -> None:
    """Delete the spans, parts and unshared requests of a trace, but not its own row."""
    execute = connection.execute
    requests = execute("SELECT request FROM part WHERE trace = ?", (number,)).fetchall()
    execute("DELETE FROM span WHERE trace = ?", (number,))
    execute("DELETE FROM part WHERE trace = ?", (number,))
    connection.executemany("UPDATE request SET shares = shares - 1 WHERE id = ?", requests)
    connection.executemany("DELETE FROM request WHERE id = ? AND shares <= 0", requests)


def delete_traces(connection: sqlite3.Connection, numbers: Iterable[int]) -> int:
    """Delete traces whole; returns how many there were. Runs inside a writer's transaction."""
    deleted = 0
    for number in numbers:
        forget_content(connection, number)
        deleted += connection.execute("DELETE FROM trace WHERE number = ?", (number,)).rowcount
    return deleted
