"""Files of parameters that ``each`` names: found beside the case file, read, never executed.

A path is relative to the case file and may not lead out of the workspace, links included.
Every file asked for is remembered, read or not, so that it can be watched.
"""

import csv
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tracedesk.testcases.json_text import parse_json
from tracedesk.testcases.positions import MAX_BYTES, Node, UnreadableText

PARAMETER_SUFFIXES = frozenset({".csv", ".json"})


class ParameterError(Exception):
    """A file of parameters cannot be used; the text says which, where in it, and why."""


class Record(NamedTuple):
    """One entry of a file."""

    line: int
    values: dict[str, Any]


class ParameterFiles:
    """The parameter files of one case file. ``folder`` None: there is no place to read from."""

    def __init__(self, folder: Path | None = None, root: Path | None = None) -> None:
        self._folder = folder
        self._root = root
        self._seen: dict[str, bytes] = {}

    @property
    def paths(self) -> tuple[str, ...]:
        """Absolute paths of all files that were asked for, those that cannot be read included."""
        return tuple(self._seen)

    def digest(self) -> bytes:
        """Changes when the content of any of the files does; empty without files."""
        return b"".join(
            hashlib.blake2b(content, digest_size=16).digest() for content in self._seen.values()
        )

    def records(self, name: str) -> list[Record]:
        """The entries of a file with the line of each. Raises ParameterError."""
        content = self._content(name)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            line = content.count(b"\n", 0, fault.start) + 1
            raise ParameterError(f"{name}:{line}: not UTF-8 text") from None
        found = _csv(name, text) if name.lower().endswith(".csv") else _json(name, text)
        return list(found)

    def _content(self, name: str) -> bytes:
        if self._folder is None or self._root is None:
            raise ParameterError(f"{name}: there is no folder to read parameters from")
        if os.path.splitext(name)[1].lower() not in PARAMETER_SUFFIXES:
            raise ParameterError(f"{name}: parameters are read from .csv and .json files")
        path = os.path.realpath(self._folder / name)
        if not Path(path).is_relative_to(os.path.realpath(self._root)):
            raise ParameterError(f"{name}: lies outside of the workspace and is not read")
        self._seen[path] = b""
        try:
            if not os.path.isfile(path):
                raise ParameterError(f"{name}: no such file")
            with open(path, "rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as fault:
            words = getattr(fault, "strerror", None) or str(fault)
            raise ParameterError(f"{name}: cannot be read: {words}") from None
        if len(content) > MAX_BYTES:
            raise ParameterError(f"{name}: larger than {MAX_BYTES >> 20} MiB")
        self._seen[path] = content
        return content


def _csv(name: str, text: str) -> Iterator[Record]:
    """Rows below a header; every row has as many cells as it. Blank lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not cells:
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                twin = next((cell for cell in header if header.count(cell) > 1), None)
                if twin is not None:
                    raise ParameterError(f"{name}:{line}: two columns are named '{twin}'")
                continue
            if len(cells) != len(header):
                raise ParameterError(
                    f"{name}:{line}: {len(cells)} cells under a header of {len(header)}"
                )
            yield Record(line, dict(zip(header, cells, strict=True)))
    except csv.Error as fault:
        raise ParameterError(f"{name}:{reader.line_num}: not CSV: {fault}") from None


def _json(name: str, text: str) -> Iterator[Record]:
    """The objects of a list."""
    try:
        root = parse_json(text)
    except UnreadableText as fault:
        raise ParameterError(f"{name}:{fault.mark.line}: {fault.message}") from None
    if root is None or not isinstance(root.children, list):
        raise ParameterError(f"{name}:1: parameters are a list of objects")
    for _, found in root.all_faults():
        raise ParameterError(f"{name}:{found.mark.line}: {found.message}")
    for node in root.children:
        yield Record(node.mark.line, _object(name, node))


def _object(name: str, node: Node) -> dict[str, Any]:
    if not isinstance(node.value, dict):
        raise ParameterError(f"{name}:{node.mark.line}: an entry is an object of variables")
    return node.value
