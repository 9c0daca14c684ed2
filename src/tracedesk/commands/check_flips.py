"""What ``tracedesk check`` compares with: stored results, an earlier report, or earlier cases.

One of the three, never a mixture, so that a flip always has one meaning.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tracedesk.commands.common import fail
from tracedesk.evaluation.backtest import Backtest, Key, Said, compare, record_of
from tracedesk.model.execution import CaseRecord, CheckRecord
from tracedesk.model.verdict import Outcome
from tracedesk.testcases.models import Case, CaseFile

if TYPE_CHECKING:
    from tracedesk.commands.check_run import Run
    from tracedesk.model.agent import Agent
    from tracedesk.workspace import Workspace

STORED = "stored"
_END_NS = 2**63 - 1
"""The last time that a database can hold."""


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked to be compared with; at most one of these."""

    against: str | None = None
    """``stored``, or an age or a date: what the store said last, or last before then."""
    baseline: Path | None = None
    """A document of ``check --json``."""
    before: Path | None = None
    """Earlier versions of the case files."""

    @property
    def asked(self) -> bool:
        return any((self.against, self.baseline, self.before))

    def check(self) -> None:
        """Exit with 2 when it makes no sense."""
        given = [f"--{name}" for name in ("against", "baseline", "before") if getattr(self, name)]
        if len(given) > 1:
            fail(f"{' and '.join(given)} exclude one another: compare with one thing at a time")
        self.until_ns()
        if self.before is not None and not self.before.exists():
            fail(f"--before {self.before}: no such file or folder")

    def until_ns(self) -> int | None:
        """The time of ``against``; None for the last word."""
        from tracedesk.evaluation.windows import since_ns

        if self.against is None or self.against == STORED:
            return None
        try:
            until = since_ns(self.against, time.time_ns())
        except ValueError as fault:
            fail(f"--against: {fault}, or {STORED} for what was said last")
        if until is None:
            fail(f"--against: say {STORED}, an age such as 2h, or a date")
        return min(until, _END_NS)


def earlier_cases(base: Base, read: "Sequence[CaseFile]") -> list[Case]:
    """The cases of ``--before``, read already; exits with 2 when they are broken."""
    errors = [str(d) for file in read for d in file.errors]
    if errors:
        fail("\n".join([f"--before {base.before}: cannot be compared with", *errors[:5]]))
    return [case for file in read for case in file.cases]


def backtest(base: Base, found: "Run", workspace: "Workspace", agent: "Agent | None") -> Backtest:
    """Compare a run with its base; exits with 2 when there is nothing to compare with."""
    if base.baseline is not None:
        said, name_of = _of_document(base.baseline), _file_and_name
        told = f"the report {base.baseline}"
        nothing = f"--baseline {base.baseline}: holds no result; write one with check --json"
    elif base.before is not None:
        said, name_of = _of_cases(found), _id
        told = f"the cases in {base.before}"
        nothing = f"--before {base.before}: none of its cases applies to these traces"
    else:
        said, name_of = _of_store(workspace, agent, base.until_ns()), _id
        last = base.against == STORED
        told = "the stored results" + ("" if last else f" as of {base.against}")
        nothing = (
            f"--against {base.against}: no result {'is' if last else 'that old is'} stored to"
            " compare with; tracedesk, or tracedesk serve, keeps them as it evaluates. Or compare"
            " with --before FILE or --baseline FILE"
        )
    if not said:
        fail(nothing)
    return compare(
        found.results,
        said,
        told,
        files=found.case_files,
        subjects=found.subjects,
        name_of=name_of,
    )


def _id(case: Case) -> str:
    return case.id


def _file_and_name(case: Case) -> str:
    return f"{case.file}\n{case.name}"


def _of_store(
    workspace: "Workspace", agent: "Agent | None", until_ns: int | None
) -> dict[Key, Said]:
    from tracedesk.store.errors import StoreError

    if not workspace.database.exists():
        return {}
    try:
        with workspace.open_store(read_only=True) as store:
            return {
                ("", execution.trace, record.case): Said(record, execution.revision)
                for execution, record in store.history.latest_results(
                    agent_id=agent.id if agent else None, until_ns=until_ns
                )
            }
    except StoreError as fault:
        fail(str(fault))


def _of_cases(found: "Run") -> dict[Key, Said]:
    """What the earlier cases said, each under the id of the case that it has become: the one of
    the same id, else the only one of the same name."""
    cases = [case for file in found.case_files for case in file.cases]
    ids = {case.id for case in cases}
    by_name: dict[str, list[Case]] = {}
    for case in cases:
        by_name.setdefault(case.name, []).append(case)
    files = {file.path for file in found.case_files}
    said: dict[Key, Said] = {}
    for result in found.earlier:
        record = record_of(result)
        named = by_name.get(record.name, [])
        if record.case not in ids and len(named) == 1:
            record = msgspec.structs.replace(record, case=named[0].id, file=named[0].file)
        elif record.file not in files and len(files) == 1:  # it was there, and is no more
            record = msgspec.structs.replace(record, file=next(iter(files)))
        subject = result.subject
        said[subject.source or "", subject.id, record.case] = Said(record)
    return said


# -- a report of check --json ----------------------------------------------------------


class _Assertion(msgspec.Struct):
    target: str
    verdict: Outcome
    reason: str = ""
    score: float | None = None


class _Result(msgspec.Struct):
    trace: str
    case: str
    verdict: Outcome
    case_file: str = msgspec.field(name="caseFile")
    file: str | None = None
    score: float | None = None
    assertions: list[_Assertion] = []


class _Document(msgspec.Struct):
    results: list[_Result]


def _of_document(path: Path) -> dict[Key, Said]:
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as fault:
        fail(f"--baseline {path}: cannot be read: {fault.strerror}")
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        fail(f"--baseline {path}: is no report of check --json: {fault}")
    said: dict[Key, Said] = {}
    for result in document.results:
        record = CaseRecord(
            case=f"{result.case_file}\n{result.case}",
            name=result.case,
            file=result.case_file,
            digest="",
            outcome=result.verdict,
            score=result.score,
            checks=tuple(
                CheckRecord(
                    assertion="",
                    target=each.target,
                    outcome=each.verdict,
                    score=each.score,
                    reason=each.reason,
                )
                for each in result.assertions
            ),
        )
        said[result.file or "", result.trace, record.case] = Said(record)
    return said
