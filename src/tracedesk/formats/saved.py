"""Requests kept in files: what a sender posted, or what another tool exported, as the
endpoint would have received it.

Owns the step from a path to opened files. Reading is forgiving by the piece: a broken file,
line or entry becomes a ``SavedFault`` in its place in the sequence, and everything after it
is still read. No file can fill the memory, however small it is when compressed.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from tracedesk.formats.encodings import EncodingError, unpacked
from tracedesk.formats.saved_reader import LINES_SUFFIXES, PROTOBUF_SUFFIXES, Reader, suffix_of
from tracedesk.formats.saved_request import (
    MAX_BODY_BYTES,
    SavedFault,
    SavedRequest,
    TestCasesError,
    UnreadableError,
)

__all__ = ["MAX_BODY_BYTES", "TRACE_SUFFIXES", "SavedFault", "SavedRequest", "saved_requests"]

TRACE_SUFFIXES = LINES_SUFFIXES | PROTOBUF_SUFFIXES | {".json"}
"""What a folder is searched for, each also with ``.gz`` or ``.zst`` behind it."""


def saved_requests(
    path: Path, *, max_body: int = MAX_BODY_BYTES
) -> Iterator[SavedRequest | SavedFault]:
    """Every request in a file, or in all trace files below a folder, in order of name.

    A file holds a saved request (``{"request": {method, path, headers, body}}`` with
    ``body_base64`` for what is not JSON, or ``{"requests": [...]}``), a bare body
    (canonical spans, OTLP, or ``data``), another tool's export (``formats.exports``), a JSON
    list of these, one of these a line, OTLP protobuf (``.pb``, ``.bin``), or the
    OpenTelemetry collector's length-prefixed messages; any of them may be gzip'd or zstd'd.
    ``max_body`` bounds one inflated body, in bytes. Never raises: what cannot be read is
    yielded as a fault.
    """
    if not path.is_dir():
        yield from _file(path, max_body, explicit=True)
        return
    found = False
    for file in _trace_files(path):
        found = True
        yield from _file(file, max_body, explicit=False)
    if not found:
        kinds = " ".join(sorted(TRACE_SUFFIXES))
        yield SavedFault(path.as_posix(), None, f"no trace file in this folder ({kinds}, or .gz)")


def _trace_files(folder: Path) -> Iterator[Path]:
    """Trace files below a folder, hidden files and folders left out."""
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and suffix_of(name) in TRACE_SUFFIXES:
                yield Path(above, name)


def _file(path: Path, max_body: int, *, explicit: bool) -> Iterator[SavedRequest | SavedFault]:
    source = path.as_posix()
    try:
        with path.open("rb") as plain:
            yield from Reader(source, max_body).read(unpacked(plain))
    except TestCasesError:
        if explicit:
            yield SavedFault(source, None, "a test-case file, not traces: pass it as --cases")
    except (UnreadableError, EncodingError) as error:
        yield SavedFault(source, None, str(error))
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        yield SavedFault(source, None, f"damaged gzip: {error}")
    except OSError as error:
        yield SavedFault(source, None, f"cannot be read: {error.strerror or error}")
