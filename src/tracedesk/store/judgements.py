"""What a judge answered, kept by the content of what it was asked, and what that cost.

An answer is opaque here: the judge writes it and reads it. Answers are never changed; the
oldest are forgotten when there are too many. A shelf that fails costs a question more, never a
verdict; only what was spent is never guessed. A claim is a row beside the answers, so that of
several programs over one workspace one asks and the others find its answer.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Sequence

from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError

log = logging.getLogger(__name__)

KEPT = 200_000
"""Answers kept, about half a kilobyte each."""

_CLAIM = "claim {}"
"""The key of a claim; no question has such a one. Its model is the owner, its time the end."""

_LONGEST_NS = 86_400 * 10**9
"""A claim that ends later was made by a clock that was wrong, and holds nobody up."""


class Judgements:
    """The judge's shelf in the database of a workspace; a store that is read only gives and
    takes nothing new."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unwritten: dict[str, tuple[int, float]] = {}
        """By day, what was spent while the database refused to be written."""
        self._lock = threading.Lock()

    def answers(self, key: str) -> list[bytes]:
        """The answers to one question, oldest first; none when they cannot be read."""
        try:
            found = self._store.query(
                "SELECT answer FROM judgement WHERE key = ? ORDER BY number", (key,)
            )
        except StoreError as fault:
            log.warning("answers of the judge could not be read: %s", fault)
            return []
        return [bytes(answer) for (answer,) in found]

    def keep(self, key: str, model: str, answers: Sequence[bytes]) -> None:
        """Add answers to a question, soon."""
        if self._store.read_only:
            return
        now_ns = time.time_ns()
        rows = [(key, model, now_ns, answer) for answer in answers]

        def save(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO judgement (key, model, answered_ns, answer) VALUES (?, ?, ?, ?)", rows
            )
            connection.execute(
                "DELETE FROM judgement WHERE number <="
                f" (SELECT max(number) FROM judgement) - {KEPT}"
            )

        try:
            self._store.writer.run(save)
        except StoreError as fault:
            log.warning("an answer of the judge could not be kept: %s", fault)

    def claim(self, key: str, owner: str, for_s: float) -> bool:
        """Have a question to oneself for so long; False while another owner has it."""
        if self._store.read_only:
            return True
        name, now_ns = _CLAIM.format(key), time.time_ns()

        def take(connection: sqlite3.Connection) -> bool:
            if _held(connection.execute(_CLAIMED, (name,)).fetchall(), owner, now_ns):
                return False
            connection.execute("DELETE FROM judgement WHERE key = ?", (name,))
            connection.execute(
                "INSERT INTO judgement (key, model, answered_ns, answer) VALUES (?, ?, ?, x'')",
                (name, owner, now_ns + round(for_s * 1e9)),
            )
            return True

        try:
            if _held(self._store.query(_CLAIMED, (name,)), owner, now_ns):
                return False
            return self._store.writer.run(take).result()
        except StoreError as fault:
            log.warning("a question to the judge could not be claimed: %s", fault)
            return True

    def release(self, key: str, owner: str) -> None:
        """End a claim, after whatever was to be kept before."""
        if self._store.read_only:
            return
        name = _CLAIM.format(key)

        def drop(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM judgement WHERE key = ? AND model = ?", (name, owner))

        try:
            self._store.writer.run(drop)
        except StoreError as fault:
            log.debug("a claim lapses by itself: %s", fault)

    def spent(self, day: str) -> tuple[int, float]:
        """Calls made and USD paid on a day (``YYYY-MM-DD``), by whichever process. Raises
        StoreError."""
        found = self._store.query("SELECT calls, usd FROM judge_spent WHERE day = ?", (day,))
        calls, usd = found[0] if found else (0, 0.0)
        with self._lock:
            more_calls, more_usd = self._unwritten.get(day, (0, 0.0))
        return calls + more_calls, usd + more_usd

    def spend(self, day: str, calls: int, usd: float) -> None:
        """Add to what a day cost, and wait until it is written; what cannot be is written with
        what is spent next."""
        if self._store.read_only:
            return
        with self._lock:
            before = self._unwritten.pop(day, (0, 0.0))
        calls, usd = calls + before[0], usd + before[1]

        def save(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO judge_spent VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET calls = calls + excluded.calls, usd = usd + excluded.usd",
                (day, calls, usd),
            )

        try:
            self._store.writer.run(save).result()
        except StoreError as fault:
            log.warning("what the judge cost could not be written yet: %s", fault)
            with self._lock:
                before = self._unwritten.get(day, (0, 0.0))
                self._unwritten[day] = before[0] + calls, before[1] + usd


_CLAIMED = "SELECT model, answered_ns FROM judgement WHERE key = ?"


def _held(claims: Sequence[tuple[str, int]], owner: str, now_ns: int) -> bool:
    """Does another owner have it just now?"""
    return any(who != owner and 0 < until - now_ns < _LONGEST_NS for who, until in claims)
