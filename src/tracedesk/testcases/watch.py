"""Watches the folders of test-case files and hands over the whole list when it changed.

Folders are watched, never files, so an editor that saves by renaming loses nobody. An event
only says "look again": what changed is decided by stat and hash, and a file that looks
broken or gone is looked at once more before that is believed.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from tracedesk.testcases.collection import CaseFiles
from tracedesk.testcases.load import SUFFIXES, folders_below
from tracedesk.testcases.models import CaseFile
from tracedesk.testcases.parameters import PARAMETER_SUFFIXES

log = logging.getLogger(__name__)

DEBOUNCE_MS = 50
"""A burst of saves is handed over after this long at the latest."""

STEP_MS = 3
"""A save is handed over after this long without a further event. The library looks for events as
often, which costs a four-hundredth of a core; one millisecond would cost four times that."""

SECOND_LOOK_MS = 30
"""A half-written file gets this long to be completed."""

RETRY_S = 0.5
POLL_DELAY_MS = 300
"""How often files are looked at where the system has no file events to give."""

Folders = frozenset[tuple[str, int]]
"""Path and inode, so that a folder that was deleted and made again is another one."""


class Watcher:
    """One thread that calls ``on_change`` with all files after anything about them changed.

    ``paths`` are files and folders; those that do not exist yet are waited for.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        root: Path,
        on_change: Callable[[list[CaseFile]], None],
        *,
        agents: Collection[str] | None = None,
    ) -> None:
        self._paths = tuple(paths)
        self._files = CaseFiles(paths, root, agents)
        self._on_change = on_change
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._doubtful: set[str] = set()
        """Files that look broken or gone, which the next event may mend."""
        self._sure_at = 0.0
        """When that is believed."""
        self.watching = threading.Event()
        """Set once changes are noticed."""

    def start(self) -> None:
        """Read all files, hand them over, and watch from then on."""
        self._thread = threading.Thread(target=self._run, name="tracedesk-watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; no call of ``on_change`` begins after this returns."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        poll = False
        first = True
        while not self._stopping.is_set():
            try:
                self._watch(poll=poll, first=first)
                first = False
            except OSError as fault:  # no more watches to be had, or a folder went away just now
                log.warning("test cases are watched by polling from now on: %s", fault)
                poll = True
                self._stopping.wait(RETRY_S)
            except Exception:
                log.exception("the watcher met something unexpected and goes on")
                self._stopping.wait(RETRY_S)

    def _watch(self, *, poll: bool, first: bool) -> None:
        """Watch until the set of folders changes."""
        # the library is a tenth of the start-up time and needed in this thread only
        from watchfiles._rust_notify import RustNotify

        folders = self._folders()
        names = sorted(name for name, _ in folders)
        with RustNotify(names, False, poll, POLL_DELAY_MS, False, True) as notify:
            self._look((), force=first)  # whatever changed before the watch began
            self.watching.set()
            while not self._stopping.is_set() and self._folders() == folders:
                wait_ms = self._second_look_ms()
                events = notify.watch(DEBOUNCE_MS, STEP_MS, wait_ms, self._stopping)
                named = (path for _, path in events) if isinstance(events, set) else ()
                touched = self._relevant(named, folders)
                if touched is not None or self._doubtful:
                    self._look(touched or ())

    def _second_look_ms(self) -> int:
        """Milliseconds until what is in doubt is believed; 0 when nothing is."""
        return max(1, round((self._sure_at - time.monotonic()) * 1e3)) if self._doubtful else 0

    def _look(self, touched: Collection[str], *, force: bool = False) -> None:
        """Look at the disk and hand over what is new."""
        sure = bool(self._doubtful) and time.monotonic() >= self._sure_at
        changed, doubtful = self._files.look({*touched, *self._doubtful}, sure=sure)
        if doubtful and not self._doubtful:
            self._sure_at = time.monotonic() + SECOND_LOOK_MS / 1e3
        self._doubtful = doubtful
        if changed or force:
            self._hand_over()

    def _hand_over(self) -> None:
        try:
            self._on_change(self._files.files())
        except Exception:
            log.exception("changed test cases could not be taken over")

    def _relevant(self, paths: Iterable[str], folders: Folders) -> set[str] | None:
        """The paths that may be test files, None when no event concerns one or a folder."""
        known = {name for name, _ in folders}
        touched = set()
        concerned = False
        for path in paths:
            if os.path.splitext(path)[1].lower() in SUFFIXES | PARAMETER_SUFFIXES:
                touched.add(path)
            elif path in known or os.path.isdir(path):
                concerned = True
        return touched if touched or concerned else None

    def _folders(self) -> Folders:
        """Every folder whose events can matter: those searched, and the parents of what is
        named, down to the nearest that exists."""
        names: set[str] = set()
        for path in self._paths:
            absolute = os.path.abspath(path)
            names.add(_nearest_existing(os.path.dirname(absolute)))
            if os.path.isdir(absolute):
                names.update(folders_below(Path(absolute)))
        names.update(_nearest_existing(os.path.dirname(path)) for path in self._files.inputs())
        return frozenset((name, inode) for name in names if (inode := _inode(name)))


def _nearest_existing(name: str) -> str:
    while not os.path.isdir(name) and os.path.dirname(name) != name:
        name = os.path.dirname(name)
    return name


def _inode(name: str) -> int:
    try:
        return os.stat(name).st_ino
    except OSError:
        return 0
