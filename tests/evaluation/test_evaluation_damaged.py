"""One damaged body does not stand in the way of all others."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_trace_whose_kept_bytes_are_damaged_says_so_and_the_rest_goes_on(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    call: Callable[..., Any],
    until: Callable[[Callable[[], Any]], Any],
):
    desk = open_desk()
    ids = [
        call(desk, "/public/traces", {"data": {"text": f"answer {i}"}})[1]["data"]["id"]
        for i in range(3)
    ]
    desk.stop()
    with sqlite3.connect(desk.workspace.database) as database:
        second = "(SELECT request FROM part ORDER BY trace LIMIT 1 OFFSET 1)"
        database.execute(f"UPDATE request SET body = x'28b52ffd00' WHERE id = {second}")
        database.execute("UPDATE trace SET read_revision = 0")
    database.close()

    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "a.yaml").write_text(
        "cases: [{name: a, assertions: [{target: response_regex, pattern: answer}]}]"
    )
    desk = open_desk()
    seen = [until(lambda i=i: (v := desk.verdicts(i)) and not v.pending and v.outcome) for i in ids]
    assert seen == ["pass", "missing", "pass"]
    opened = desk.load(ids[1])
    assert opened.reading.response.text is None
    (warning,) = opened.trace.warnings
    assert "is damaged" in warning.message
