"""Where an assertion may be written: a case of a file, a new case, a new file; and the edits
that write it there, every other byte left as it is."""

import re
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tracedesk.evaluation.run import applies_to
from tracedesk.model.agent import Agent
from tracedesk.testcases import edit, emit
from tracedesk.testcases.keys import STATUSES
from tracedesk.testcases.load import SUFFIXES, load_text
from tracedesk.testcases.models import Case, CaseFile

NEW_FILE = "cases.yaml"
"""What a new file is called unless somebody says otherwise."""


class Target(msgspec.Struct, frozen=True):
    """Where to write. A blank case means a new one; ``new`` a file that is not there yet."""

    file: str
    """Relative to the workspace's root."""
    case: str = ""
    """Id of the case."""
    name: str = ""
    """Name of the case."""
    new: bool = False
    note: str = ""
    """What to know before it is chosen, such as that the case is paused."""
    fits: bool = True
    """False when what is written there says nothing of the trace at hand."""


def targets(
    files: Iterable[CaseFile],
    agent: Agent | None,
    folder: str,
    skipped: Container[str] = (),
) -> list[Target]:
    """Every place to write to: cases that apply to the trace first, then a new case of each
    file, then a new file in ``folder``, then the other cases. ``skipped`` has the ids of cases that
    do not apply."""
    usable = [file for file in files if file.is_test_file and not file.stale and not file.failed]
    cases = [_target(file, case, agent, skipped) for file in usable for case in _entries(file)]
    cases.sort(key=lambda each: bool(each.note))
    new_cases = [Target(file.path) for file in usable]
    taken = {file.path for file in files}
    new_file = Target(_free(folder, taken), new=True)
    fitting = [each for each in cases if each.fits]
    return [*fitting, *new_cases, new_file, *(each for each in cases if not each.fits)]


def _entries(file: CaseFile) -> list[Case]:
    """The cases that are written down: of those that ``each`` makes of one entry, the first."""
    found: dict[int, Case] = {}
    for case in file.cases:
        found.setdefault(case.line, case)
    return list(found.values())


def _target(file: CaseFile, case: Case, agent: Agent | None, skipped: Container[str]) -> Target:
    note = "" if case.active else case.status
    if case.id in skipped:
        note = "does not apply to this trace"
    meant = applies_to(case, agent)
    if not meant:
        note = f"for {case.agent} only"
    fits = meant and case.id not in skipped
    return Target(file.path, case.id, case.name, note=note, fits=fits)


def _free(folder: str, taken: set[str]) -> str:
    stem, suffix = NEW_FILE.rsplit(".", 1)
    number = 1
    while (name := f"{folder}/{stem}{number if number > 1 else ''}.{suffix}") in taken:
        number += 1
    return name


def with_assertion(text: str, target: Target, assertion: dict[str, Any]) -> str:
    """The file's text with the assertion in the target's case. Raises EditError."""
    return edit.add_assertion(text, target.case, assertion, file=target.file)


def with_case(text: str, target: Target, case: dict[str, Any]) -> str:
    """The file's text with one more case. Raises EditError."""
    return edit.add_case(text, case, file=target.file)


def new_text(case: dict[str, Any], file: str) -> str:
    """The text of a file with one case. Raises EditError."""
    value = {"cases": [case]}
    try:
        lines = emit.block(value, 0)
        if file.lower().endswith(".json"):
            lines = emit.spread_json(value, "", "  ")
    except emit.Unwritable as fault:
        raise edit.EditError(f"{file}: {fault}") from None
    text = "\n".join(lines) + "\n"
    faults = load_text(text, file).errors
    if faults:
        raise edit.EditError(f"{file}: that would be wrong: {faults[0].message}")
    return text


def new_case(
    name: str,
    assertions: Sequence[dict[str, Any]],
    *,
    agent: str | None = None,
    when: dict[str, Any] | None = None,
    draft: bool = False,
) -> dict[str, Any]:
    """A case with this name; a draft is not run as traces arrive."""
    case: dict[str, Any] = {"name": name}
    if agent is not None:
        case["agent"] = agent
    if when is not None:
        case["when"] = when
    if draft:
        case["status"] = "draft"
    return {**case, "assertions": list(assertions)}


def free_name(wanted: str, file: CaseFile | None) -> str:
    """The name, with a number where another case of the file has it."""
    taken = {case.name for case in file.cases} if file is not None else set()
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    return name


def next_status(status: str) -> str:
    """active → paused → draft → active."""
    return STATUSES[(STATUSES.index(status) + 1) % len(STATUSES)]


_NAME = re.compile(r"[^\x00-\x1f\x7f]+")


def new_path(name: str, root: Path, folders: Sequence[Path]) -> Path:
    """Where a new file of that name goes. It must lie where test cases are looked for, and be
    one that is not there yet; raises EditError, saying what would do."""
    if not name or not _NAME.fullmatch(name):
        raise edit.EditError("a file needs a name, such as testcases/booking.yaml")
    path = root / name
    if path.suffix.lower() not in SUFFIXES:
        path = path.with_name(path.name + ".yaml")
    inside = [folder for folder in folders if path.resolve().is_relative_to(folder.resolve())]
    if not inside:
        where = ", ".join(sorted(str(_shown(folder, root)) for folder in folders))
        raise edit.EditError(f"{name} is not looked at: test cases are read from {where}")
    hidden = (
        [part for part in path.relative_to(root).parts if part.startswith(".")]
        if (path.is_relative_to(root))
        else []
    )
    if hidden:
        raise edit.EditError(f"{hidden[0]} begins with a dot, so it would not be looked at")
    if path.exists():
        raise edit.EditError(f"{name} is there already; choose a new case in it, or another name")
    return path


def _shown(folder: Path, root: Path) -> Path:
    return folder.relative_to(root) if folder.is_relative_to(root) else folder
