"""A user's file replaced whole: on the disk before it is seen, its mode and owner kept."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def replace_file(path: Path, content: bytes, *, new: bool, look_again: Callable[[], None]) -> None:
    """Put the content in the file's place; ``new`` when there was none.

    ``look_again`` is called right before, and raises to leave the file as it is. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        if new:
            os.chmod(name, _new_mode())
        else:
            shutil.copymode(path, name)
            with contextlib.suppress(OSError, AttributeError):  # only its owner may, on POSIX
                os.chown(name, path.stat().st_uid, path.stat().st_gid)
        look_again()
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    with contextlib.suppress(OSError):  # systems that cannot open a folder keep it by themselves
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _new_mode() -> int:
    """The mode of a file that is new: it is committed by its users, and holds no secret."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
