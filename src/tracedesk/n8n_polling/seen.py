"""Which executions of an n8n were dealt with, kept across restarts in a private file.

The file only saves work: the store knows what it has, so a lost one makes no trace twice.
"""

import os
from pathlib import Path

import msgspec

KEPT = 5_000
"""Newest dealt-with executions that are remembered; far more than one page lists."""
WAITING_KEPT = 500


class Seen(msgspec.Struct):
    """Ids as text, oldest first."""

    base_url: str = ""
    """Of the n8n the ids belong to."""
    workflows: tuple[str, ...] = ()
    handled: dict[str, None] = {}
    waiting: dict[str, None] = {}
    """Not finished when last looked at."""
    new: bool = True
    """Nothing was ever listed."""

    def handle(self, name: str) -> None:
        """It needs no further look."""
        self.waiting.pop(name, None)
        self.handled[name] = None
        _trim(self.handled, KEPT)

    def wait_for(self, name: str) -> None:
        """It is to be looked at again, after all others that wait."""
        self.waiting.pop(name, None)
        self.waiting[name] = None
        _trim(self.waiting, WAITING_KEPT)


class _File(msgspec.Struct):
    base_url: str
    workflows: tuple[str, ...]
    handled: list[str]
    waiting: list[str]


def _trim(names: dict[str, None], most: int) -> None:
    while len(names) > most:
        del names[next(iter(names))]


def load(path: Path, base_url: str, workflows: tuple[str, ...]) -> Seen:
    """What the file remembers of this n8n; nothing when it is another's, broken or missing."""
    fresh = Seen(base_url=base_url, workflows=workflows)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return fresh
    if (found.base_url, found.workflows) != (base_url, workflows):
        return fresh
    return Seen(
        base_url=base_url,
        workflows=workflows,
        handled=dict.fromkeys(found.handled),
        waiting=dict.fromkeys(found.waiting),
        new=False,
    )


def save(path: Path, seen: Seen) -> None:
    """Write the file, whole or not at all, for its owner's eyes only. Raises OSError."""
    content = _File(seen.base_url, seen.workflows, list(seen.handled), list(seen.waiting))
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(msgspec.json.encode(content))
    os.replace(fresh, path)
