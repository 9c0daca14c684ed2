"""What clients were promised, held against what a database holds.

Every 2xx is in it exactly once, with the right revision and content; nothing refused is; no
trace is half there. Each broken promise is a sentence.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from load import REFUSED, Promise, Report

SAID_OF_EACH = 5
"""Broken promises of one kind that are named."""

_HALF_STORED = {
    "traces with other spans than they count": (
        "SELECT count(*) FROM trace t"
        " WHERE span_count <> (SELECT count(*) FROM span s WHERE s.trace = t.number)"
    ),
    "traces without a request": (
        "SELECT count(*) FROM trace t WHERE NOT EXISTS"
        " (SELECT 1 FROM part p JOIN request r ON r.id = p.request WHERE p.trace = t.number)"
    ),
    "parts without a request": (
        "SELECT count(*) FROM part p WHERE NOT EXISTS"
        " (SELECT 1 FROM request r WHERE r.id = p.request AND length(r.body) > 0)"
    ),
    "spans without a trace": (
        "SELECT count(DISTINCT trace) FROM span s WHERE NOT EXISTS"
        " (SELECT 1 FROM trace t WHERE t.number = s.trace)"
    ),
    "traces beyond the counter": (
        "SELECT count(*) FROM trace, counter c WHERE trace.number > c.number"
        " OR trace.sequence > c.sequence"
    ),
}
_TRACES = "SELECT id, revision, name, external_id, trace_id, span_count FROM trace"


def broken(database: Path, reports: Iterable[Report], *, thorough: bool = True) -> list[str]:
    """Every promise that the database breaks; empty when all is well. ``thorough`` also asks
    SQLite whether the file is sound, which reads all of it."""
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    try:
        found = list(_kept(connection, list(reports)))
        for what, statement in _HALF_STORED.items():
            (count,) = connection.execute(statement).fetchone()
            if count:
                found.append(f"{count} {what}")
        if thorough:
            found += [
                f"integrity_check: {line}"
                for (line,) in connection.execute("PRAGMA integrity_check")
                if line != "ok"
            ]
        return found
    finally:
        connection.close()


def _kept(connection: sqlite3.Connection, reports: list[Report]) -> Iterator[str]:
    created = {trace_id for report in reports for trace_id in report.created}
    if len(created) != sum(len(report.created) for report in reports):
        yield "two creations were answered with the same id"
    replaced = {key: promise for report in reports for key, promise in report.replaced.items()}
    grown = {key: promise for report in reports for key, promise in report.grown.items()}
    strangers = 0
    wrong: list[str] = []
    for trace_id, revision, name, external_id, otlp_id, spans in connection.execute(_TRACES):
        if REFUSED in name:
            wrong.append(f"a refused request is stored as {trace_id}")
        elif external_id in replaced:
            wrong += _differs(replaced.pop(external_id), trace_id, revision, revision, name)
        elif otlp_id in grown:
            wrong += _differs(grown.pop(otlp_id), trace_id, revision, spans, None)
        elif trace_id in created:
            created.remove(trace_id)
            if revision != 1:
                wrong.append(f"{trace_id} was created once and has revision {revision}")
        else:
            strangers += 1
    yield from wrong[:SAID_OF_EACH]
    if len(wrong) > SAID_OF_EACH:
        yield f"{len(wrong) - SAID_OF_EACH} more of that kind"
    lost = len(created) + sum(bool(p.accepted) for p in [*replaced.values(), *grown.values()])
    if lost:
        yield f"{lost} traces of a 2xx are not stored"
    allowed = sum(report.unanswered for report in reports)
    if strangers > allowed:
        yield f"{strangers} traces that nobody was told of, where {allowed} replies never came"


def _differs(
    promise: Promise, trace_id: str, revision: int, times: int, name: str | None
) -> Iterator[str]:
    """``times``: what counts how often the trace was accepted."""
    perhaps = promise.accepted + bool(promise.unanswered)
    if promise.id and promise.id != trace_id:
        yield f"{trace_id} was called {promise.id}"
    if not promise.accepted <= times <= perhaps or not promise.accepted <= revision <= perhaps:
        yield f"{trace_id}: {promise.accepted} times accepted, stored {times}, revision {revision}"
    elif name is not None:
        expected = promise.mark if revision == promise.accepted else promise.unanswered
        if name != expected:
            yield f"{trace_id} holds {name!r}, not {expected!r}"
