"""The watched files as last read, with the last good cases of those that broke since.

A file is read again when its stat changed or an event named it, and counts as changed only
when its bytes did. One that breaks keeps its last good cases, marked stale.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tracedesk.testcases.load import check_unique, find_files, load_file
from tracedesk.testcases.models import CaseFile

Signature = tuple[tuple[int, int, int] | None, ...]
"""Time, size and inode of a file and of each file of parameters that it names."""


class _Held(msgspec.Struct):
    """One file of the collection."""

    signature: Signature
    latest: CaseFile
    good: CaseFile | None = None
    """The last reading without an error of the whole file."""

    @property
    def shown(self) -> CaseFile:
        if self.latest.failed and self.good is not None and self.good.cases:
            return replace(self.latest, cases=self.good.cases, stale=True)
        return self.latest


class CaseFiles:
    """Files and folders of test cases, kept in step with the disk by ``look``."""

    def __init__(
        self, paths: Sequence[Path], root: Path, agents: Collection[str] | None = None
    ) -> None:
        self._paths = tuple(paths)
        self._root = root
        self._agents = agents
        self._held: dict[str, _Held] = {}

    def files(self) -> list[CaseFile]:
        """All files as they are to be used and shown, in order."""
        return check_unique(held.shown for held in self._held.values())

    def inputs(self) -> set[str]:
        """Absolute paths of the files of parameters that the files name."""
        return {path for held in self._held.values() for path in held.latest.inputs}

    def look(self, touched: Collection[str] = (), *, sure: bool = False) -> tuple[bool, set[str]]:
        """Read what changed on disk; ``touched`` paths are read whatever their stat says.

        Returns whether ``files`` changed, and the paths that are newly broken or gone. Those
        are left as they were unless ``sure``: an editor may be in the middle of a save.
        """
        touched = frozenset(touched)
        held: dict[str, _Held] = {}
        doubtful: set[str] = set()
        changed = False
        for path, explicit in find_files(self._paths):
            key = os.path.abspath(path)
            before = self._held.get(key)
            inputs = before.latest.inputs if before else ()
            untouched = touched.isdisjoint((key, *inputs))
            if before and untouched and _signature(path, inputs) == before.signature:
                held[key] = before
                continue
            stat = _stat(path)
            latest = self._read(path, explicit=explicit, before=before)
            signature = (stat, *map(_stat, latest.inputs))
            if before and latest.digest == before.latest.digest and latest.digest:
                before.signature = signature
                held[key] = before
            elif latest.failed and not sure:
                doubtful.add(key)
                if before:
                    held[key] = before
            else:
                good = before.good if before and latest.failed else latest
                held[key] = _Held(signature, latest, None if good and good.failed else good)
                changed = changed or before is None or before.latest != latest
        for key in self._held.keys() - held.keys():
            if sure:
                changed = True
            else:
                doubtful.add(key)
                held[key] = self._held[key]
        self._held = held
        return changed, doubtful

    def _read(self, path: Path, *, explicit: bool, before: _Held | None) -> CaseFile:
        """Read a file; one that had cases must still have them."""
        had_cases = before is not None and before.good is not None and before.good.is_test_file
        return load_file(path, self._root, explicit=explicit or had_cases, agents=self._agents)


def _signature(path: Path, inputs: Iterable[str]) -> Signature:
    return (_stat(path), *map(_stat, inputs))


def _stat(path: Path | str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)
