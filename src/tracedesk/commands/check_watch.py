"""Changes of the files that a check reads, one at a time, for as long as somebody waits.

Folders are watched, never files, so that editors which save by renaming are noticed; saves
that come in a burst are one change.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from tracedesk.query.text import plain

DEBOUNCE_MS = 100
STEP_MS = 20
TURN_MS = 100
"""The first turn tells that the watch stands; nothing is done in the ones after it."""


class Change(msgspec.Struct, frozen=True):
    """What was saved."""

    paths: tuple[Path, ...]
    traces: bool
    """A trace file is among them."""

    def __str__(self) -> str:
        names = ", ".join(sorted({plain(path.name) for path in self.paths})[:3])
        return f"{datetime.now():%H:%M:%S} {names}"


def changes(cases: Sequence[Path], traces: Sequence[Path]) -> Iterator[Change | None]:
    """None once watching has begun, then every change; Ctrl-C raises KeyboardInterrupt."""
    from watchfiles import watch

    case_roots, trace_roots = _roots(cases), _roots(traces)
    folders = {root if root.is_dir() else root.parent for root in (*case_roots, *trace_roots)}
    found = watch(
        *(folder for folder in folders if folder.is_dir()),
        watch_filter=lambda _, path: _below(Path(path), (*case_roots, *trace_roots)),
        step=STEP_MS,
        debounce=DEBOUNCE_MS,
        rust_timeout=TURN_MS,
        yield_on_timeout=True,
    )
    begun = False
    for batch in found:
        if not begun:  # the first turn may come without a change: the watch stands
            begun = True
            yield None
        elif batch:
            paths = tuple(Path(path) for _, path in batch)
            yield Change(paths, any(_below(path, trace_roots) for path in paths))


def _roots(paths: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(path.absolute() for path in paths)


def _below(path: Path, roots: Sequence[Path]) -> bool:
    return any(path == root or root in path.parents for root in roots)
