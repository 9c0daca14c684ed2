"""Which desk owns the endpoint of a workspace: a lock, what its holder says of itself, and the
wait for its end.

The lock decides, and the system lets go of it whatever a process dies of; what is written in
its file only tells. So there are never two owners, and there is one soon after another ended.
"""

import contextlib
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from typing import IO, Any

import msgspec

from tracedesk.workspace import EndpointConfig, Workspace

log = logging.getLogger(__name__)

TOLD_WITHIN_S = 5.0
"""How long a desk that attaches waits to be told where the owner listens, which is starting."""
_LOOK_S = 0.05
_WOKEN_S = 0.05
"""Within this all desks that wait for an owner's end have noticed it."""
_APART_S = (0.01, 0.05)
"""Between two tries for the lock of desks that were woken together, and are in each other's way."""


class Owner(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the desk that holds a workspace's lock says of itself, in the lock's own file."""

    pid: int = 0
    since_ns: int = 0
    """When it took the lock: tells it from one of the same process before."""
    url: str | None = None
    """Where it listens; None until it does."""
    problem: str = ""
    """Why it cannot listen."""
    grpc: str | None = None
    """Where it receives OTLP over gRPC, as ``host:port``; None when it does not."""
    config: EndpointConfig | None = None
    """By which rules it listens; who comes after it goes on by them."""

    @property
    def settled(self) -> bool:
        """Is it known whether it listens?"""
        return bool(self.url or self.problem)

    @property
    def name(self) -> str:
        return f"process {self.pid or 'unknown'}"

    def same(self, other: "Owner") -> bool:
        """Is it the same desk, whatever more it has said meanwhile?"""
        return (self.pid, self.since_ns) == (other.pid, other.since_ns)


NOBODY = Owner()


class Lock:
    """The lock of a workspace, as one desk sees it: held or not."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._file: IO[str] | None = None
        self._said = Owner()

    def claim(self) -> bool:
        """Take it; False when another desk has it. Raises OSError when the file cannot be made."""
        try:
            import fcntl
        except ImportError:  # no such locks on this system: every desk listens for itself
            return True
        file = open(self._workspace.lock, "a+", encoding="utf-8")  # noqa: SIM115  held until release
        os.chmod(self._workspace.lock, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        self._said = Owner(os.getpid(), time.time_ns())
        self.announce()  # what a killed desk left there is not true any more
        return True

    def claim_after(self, ended: Owner) -> bool:
        """Take it after its holder ended; False once another desk has. Raises OSError."""
        pause = threading.Event()
        for _ in range(int(TOLD_WITHIN_S / max(_APART_S))):
            if self.claim():
                return True
            owner = owner_of(self._workspace)
            if owner is not None and not owner.same(ended):
                break
            pause.wait(random.uniform(*_APART_S))  # only another one that waits was in the way
        return False

    def announce(self, **news: Any) -> None:
        """Tell the other desks fields of ``Owner``, if the lock is held here."""
        if self._file is not None:
            self._said = msgspec.structs.replace(self._said, **news)
            self._file.truncate(0)
            self._file.write(msgspec.json.encode(self._said).decode())
            self._file.flush()

    def owner(self, ended: Owner = NOBODY) -> Owner:
        """Its holder once that says where it listens, or as it is after a while. ``ended`` is
        who held it before, whose words are still in the file if it was killed."""
        owner = owner_of(self._workspace) or Owner()
        pause = threading.Event()
        for _ in range(int(TOLD_WITHIN_S / _LOOK_S)):
            if (owner.settled and not owner.same(ended)) or not _held(self._workspace):
                break
            pause.wait(_LOOK_S)
            owner = owner_of(self._workspace) or Owner()
        return owner

    def release(self) -> None:
        """Let go of it, if it is held here."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


class Heir:
    """Waits for the end of a workspace's owner, in a thread that sleeps in the system until then.
    ``start`` and ``stop`` once each."""

    def __init__(self, workspace: Workspace, on_end: Callable[[], bool]) -> None:
        """``on_end`` is called when nobody holds the lock; False: another was quicker, wait on."""
        self._path = workspace.lock
        self._on_end = on_end
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="tracedesk-heir", daemon=True).start()

    def stop(self) -> None:
        """Do nothing at the owner's end. The thread cannot be woken before; it holds nothing."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._wait()
            except OSError as fault:  # the private folder was removed, or has no locks
                log.warning("%s cannot be waited for: %s", self._path, fault)
                return
            if self._stopping.is_set() or self._on_end():
                return

    def _wait(self) -> None:
        """Return once nobody holds the lock for itself. All who wait are woken at once, and nobody
        becomes the owner beside the shared locks they get: so none sleeps through a succession."""
        import fcntl

        with self._path.open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            self._stopping.wait(_WOKEN_S)


def announced_url(workspace: Workspace) -> str | None:
    """Where the desk at work on a workspace says that it listens; None when none does. One
    that was killed may still be named: asking there tells."""
    owner = owner_of(workspace)
    return None if owner is None else owner.url


def owner_of(workspace: Workspace) -> Owner | None:
    """The desk that owns the endpoint of a workspace, or that was killed while it did; None
    when there is none. Looks only."""
    try:
        text = workspace.lock.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=Owner)
    except msgspec.DecodeError:  # it is just being written
        return Owner()


def is_alive(workspace: Workspace, owner: Owner) -> bool:
    """False when the owner was killed, and could not say that it ended."""
    return _exists(owner.pid) and _held(workspace)


def _exists(pid: int) -> bool:
    """Is there such a process? 0 is a desk that did not tell its number yet."""
    if not pid:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _held(workspace: Workspace) -> bool:
    """Does any process hold the lock? Where there are no such locks: as far as is known."""
    try:
        import fcntl
    except ImportError:
        return True
    with contextlib.suppress(OSError), workspace.lock.open(encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
