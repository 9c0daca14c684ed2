"""Test-case files → cases with diagnostics, before any trace is looked at.

Nothing here raises for what a file, a folder or a person did: every fault becomes a
diagnostic, and a case with a fault stays in the list as one that evaluates to an error.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tracedesk.query.names import nearest
from tracedesk.testcases.cases import read_cases
from tracedesk.testcases.diagnostics import Diagnostics
from tracedesk.testcases.json_text import parse_json
from tracedesk.testcases.models import Case, CaseFile, Diagnostic
from tracedesk.testcases.parameters import ParameterFiles
from tracedesk.testcases.positions import MAX_BYTES, UNENCODABLE, Mark, UnreadableText, mark_at
from tracedesk.testcases.yaml import parse_yaml

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
"""What a folder is searched for."""


def load_text(
    text: str | bytes,
    file: str,
    *,
    explicit: bool = True,
    agents: Collection[str] | None = None,
    parameters: ParameterFiles | None = None,
) -> CaseFile:
    """Read one file's text. Never raises.

    ``file`` is the name shown, its suffix choosing between YAML and JSON. ``explicit`` False
    means that the file was found in a folder: without ``cases`` it is no test file, which is
    no fault. ``agents``: known agent ids and names, for the warning ``unknown-agent``.
    ``parameters`` reads the files that ``each`` names; without it they are errors.
    """
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    parameters = parameters or ParameterFiles()
    digest = _digest(content)
    decoded = ""
    try:
        decoded = _decode(content)
        parse = parse_json if file.lower().endswith(".json") else parse_yaml
        root = parse(decoded)
    except UnreadableText as fault:
        report = Diagnostics(file)
        report.add((), fault.code, fault.message, mark=fault.mark)
        return CaseFile(
            path=file,
            diagnostics=report.listed(),
            digest=digest,
            text=decoded or content.decode("utf-8", "replace"),
            failed=True,
        )
    value = None if root is None else root.value
    if not explicit and not _looks_like_cases(value):
        return CaseFile(path=file, digest=digest, text=decoded, is_test_file=False)
    report = Diagnostics(file, root)
    report.add_faults()
    cases = read_cases(value, report, agents, parameters)
    return CaseFile(
        path=file,
        cases=cases,
        diagnostics=report.listed(),
        digest=_digest(content, parameters.digest()),
        text=decoded,
        inputs=parameters.paths,
        failed=bool(report.errors_of(())),
    )


def _digest(content: bytes, parameters: bytes = b"") -> str:
    return hashlib.blake2b(content + parameters, digest_size=16).hexdigest()


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise UnreadableText(
            f"the file is larger than {MAX_BYTES >> 20} MiB", Mark(1, 1), "too-large"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = content[: fault.start].decode("utf-8-sig", "replace")
        byte = content[fault.start]
        raise UnreadableText(
            f"not UTF-8 text: byte 0x{byte:02x} cannot stand here", mark_at(before, len(before))
        ) from None
    half = UNENCODABLE.search(text)
    if half is not None:
        raise UnreadableText("half of a surrogate pair", mark_at(text, half.start()))
    return text


def _looks_like_cases(value: Any) -> bool:
    """Whether a file in a folder means to be a test file: it has ``cases``, or nearly."""
    if not isinstance(value, dict):
        return False
    return any(nearest(key, ("cases",)) for key in value) or bool(
        value.keys() & {"defaults", "assertions"}
    )


def load_file(
    path: Path, root: Path, *, explicit: bool, agents: Collection[str] | None
) -> CaseFile:
    """Read one file from disk. Never raises; what cannot be opened is a diagnostic.

    ``root``: what its name is shown relative to, and where its parameters must lie.
    """
    shown = shown_path(path, root)
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return unreadable(shown, "not a regular file")
            content = stream.read(MAX_BYTES + 1)
    except OSError as fault:
        return unreadable(shown, f"cannot be read: {fault.strerror or fault}")
    parameters = ParameterFiles(path.parent, root)
    return load_text(content, shown, explicit=explicit, agents=agents, parameters=parameters)


def _without_waiting(path: str, flags: int) -> int:
    """Open without blocking, lest a named pipe in the folder hold everything up."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def unreadable(shown: str, message: str) -> CaseFile:
    """A file that could not be read at all."""
    report = Diagnostics(shown)
    report.add((), "unreadable", message)
    return CaseFile(path=shown, diagnostics=report.listed(), failed=True)


def load_paths(
    paths: Sequence[Path], root: Path, *, agents: Collection[str] | None = None
) -> list[CaseFile]:
    """Read files, and folders recursively in order of name. Never raises.

    A folder that does not exist has no files; a file that does not exist is a diagnostic.
    """
    return check_unique(
        load_file(path, root, explicit=explicit, agents=agents)
        for path, explicit in find_files(paths)
    )


def find_files(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Every file that the paths stand for, once, and whether it was named itself."""
    seen: set[str] = set()
    for path in paths:
        named = not path.is_dir()
        if named and path.suffix.lower() not in SUFFIXES and not os.path.lexists(path):
            continue  # a folder that is not there yet
        for file in (path,) if named else _files_below(path):
            key = os.path.realpath(file)
            if key not in seen:
                seen.add(key)
                yield file, named


def _files_below(folder: Path) -> Iterator[Path]:
    """Files with a known suffix, hidden ones left out."""
    for above, files in _walk(folder):
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                yield Path(above, name)


def folders_below(folder: Path) -> Iterator[str]:
    """The folders that are searched for files, the given one first."""
    return (above for above, _ in _walk(folder))


def _walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Folders and the names in them; hidden ones left out, links to folders followed once."""
    visited: set[tuple[int, int]] = set()
    for above, folders, files in os.walk(folder, followlinks=True):
        try:
            status = os.stat(above)
        except OSError:
            folders.clear()
            continue
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield above, files


def shown_path(path: Path, root: Path) -> str:
    """The path relative to the root when it lies below, else as it was named."""
    absolute = Path(os.path.abspath(path))
    try:
        return absolute.relative_to(os.path.abspath(root)).as_posix()
    except ValueError:
        return path.as_posix()


def check_unique(files: Iterable[CaseFile]) -> list[CaseFile]:
    """Report case ids that several files use; every later case of that id is an error."""
    owners: dict[str, Case] = {}
    checked: list[CaseFile] = []
    for file in files:
        twins: list[Diagnostic] = []
        cases: list[Case] = []
        for case in file.cases:
            owner = owners.setdefault(case.id, case)
            if owner is case or owner.file == case.file:
                cases.append(case)
                continue
            twin = Diagnostic(
                file=file.path,
                line=case.line,
                column=1,
                code="duplicate-id",
                message=f"the id '{case.id}' is taken by {owner.file}:{owner.line}",
            )
            twins.append(twin)
            cases.append(
                replace(case, problems=(*case.problems, twin), digest=f"{case.digest}+twin")
            )
        if twins:
            listed = tuple(sorted((*file.diagnostics, *twins), key=lambda d: (d.line, d.column)))
            file = replace(file, cases=tuple(cases), diagnostics=listed)
        checked.append(file)
    return checked
