"""``tracedesk.toml``, read again whenever it is saved.

Its folder is watched, not the file, so that editors which replace files are noticed; the
content decides, never the kind of change. A file that is broken changes nothing and is said.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from tracedesk.workspace import CONFIG_NAME, ConfigError, Workspace, open_workspace

STEP_MS, DEBOUNCE_MS = 50, 100
"""The library looks for events as often as this. Nobody waits for a configuration to apply as one
does for a verdict."""


class ConfigWatcher:
    """Calls back, in its own thread, with the workspace as configured now, or with what is
    wrong with the file."""

    def __init__(
        self,
        root: Path,
        on_change: Callable[[Workspace], None],
        on_fault: Callable[[str], None],
    ) -> None:
        self._root = root
        self._on_change = on_change
        self._on_fault = on_fault
        self._seen = self._content()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="config-watch", daemon=True)
        self.watching = threading.Event()
        """Set once changes are noticed."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _content(self) -> bytes | None:
        try:
            return (self._root / CONFIG_NAME).read_bytes()
        except OSError:
            return None

    def _run(self) -> None:
        from watchfiles import watch

        file = Path(os.path.realpath(self._root / CONFIG_NAME))  # where a link leads, if it is one
        folders = {folder for folder in (self._root, file.parent) if folder.is_dir()}
        changes = watch(
            *folders,
            watch_filter=lambda _, path: Path(path).name in (CONFIG_NAME, file.name),
            recursive=False,
            step=STEP_MS,
            debounce=DEBOUNCE_MS,
            stop_event=self._stopping,
            rust_timeout=1_000,
            yield_on_timeout=True,  # the first turn comes without a change: it looks once more
            raise_interrupt=False,
        )
        for _ in changes:
            self._look()
            self.watching.set()

    def _look(self) -> None:
        content = self._content()
        if content == self._seen:
            return
        self._seen = content
        try:
            workspace = open_workspace(self._root)
        except ConfigError as fault:
            self._on_fault(str(fault))
        else:
            self._on_change(workspace)
