"""tracedesk as a library: read one trace, check it, without a workspace around it.

No database, terminal or network is touched, and nothing is kept between two calls. The rules
are those of the workbench: what it shows of a body is what comes back from here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

from tracedesk.evaluation.files import FileTraces
from tracedesk.evaluation.gate import OK, Result, Subject, exit_status
from tracedesk.evaluation.load import reading_settings
from tracedesk.evaluation.report import code_frame, render_case
from tracedesk.evaluation.report_lines import text_of
from tracedesk.evaluation.run import applies_to, evaluate_case
from tracedesk.evaluation.scores import trace_outcome
from tracedesk.formats.saved import saved_requests
from tracedesk.formats.saved_request import SavedFault, SavedRequest
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.query.text import plain
from tracedesk.reading import read as read_trace
from tracedesk.testcases.load import SUFFIXES, load_paths, load_text
from tracedesk.testcases.models import Case, CaseFile, Diagnostic

Body: TypeAlias = bytes | bytearray | str | Mapping[str, Any] | Path
"""A body as it was sent, as text, as a decoded object, or the file that holds it."""

Cases: TypeAlias = Path | str | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A file or folder, the text of a file, its content, one case, or a list of assertions."""

JSON = "application/json"
_SOURCE = "body"


class ReadError(ValueError):
    """A body that cannot be read as a trace. The text says where in it, and why."""


class ReadTrace(msgspec.Struct, frozen=True):
    """A trace and what was read from it; unpacks as ``trace, reading = read(body)``."""

    trace: Trace
    """Spans in the order of the body; times in nanoseconds since the epoch."""
    reading: Reading
    """Response, input, calls, usage and the other facts, each with its source."""
    id: str = ""
    """The OTLP trace id, the external id, or where the trace stands in its file."""

    def __iter__(self) -> Iterator[Any]:
        return iter((self.trace, self.reading))


class CheckResult(msgspec.Struct, frozen=True):
    """What test cases say of a trace. True in a condition only when everything passed."""

    outcome: Outcome
    """``pass``, ``fail``, ``missing``, ``error`` or ``skipped``: the worst of all cases, and
    ``error`` whenever a test case is broken."""
    passed: bool
    """Everything passed and is complete, as exit status 0 of ``tracedesk check``: False when
    something is missing, and when nothing was decided at all."""
    cases: tuple[CaseVerdict, ...]
    """One for each case and trace, those included whose ``when`` does not hold."""
    diagnostics: tuple[Diagnostic, ...]
    """What is wrong with the test cases, warnings included."""
    report: str
    """All of it as plain text, ready to be printed or to be the message of an ``assert``."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of all assertions, in order."""
        return tuple(verdict for case in self.cases for verdict in case.verdicts)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self.report


def read(
    body: Body,
    *,
    content_type: str = JSON,
    agent_type: str = "auto",
    response_path: str | None = None,
) -> ReadTrace:
    """Read the one trace of a body.

    Args:
        body: What a sender would post: canonical spans, OTLP, or an older ``data`` body; a
            ``Path`` is a file of these, of a saved request, or of another tool's export.
        content_type: Of bytes; ``application/x-protobuf`` is OTLP protobuf, all else is JSON.
        agent_type: ``auto``, ``custom``, ``http``, ``n8n`` or ``flowise``: who sent an older
            body. Spans tell by themselves.
        response_path: Path of the response in an older body of a custom agent.

    Raises:
        ReadError: It is no trace, or holds several; ``read_all`` takes those.
        FileNotFoundError: There is no such file.
    """
    found = read_all(
        body, content_type=content_type, agent_type=agent_type, response_path=response_path
    )
    if len(found) != 1:
        ids = ", ".join(one.id for one in found[:5])
        raise ReadError(f"{len(found)} traces in this body ({ids}); read_all reads them all")
    return found[0]


def read_all(
    body: Body,
    *,
    content_type: str = JSON,
    agent_type: str = "auto",
    response_path: str | None = None,
) -> list[ReadTrace]:
    """Read every trace of a body, or of all files of a folder; the arguments are those of
    ``read``. OTLP spans of one trace id come together. Raises ReadError when any part cannot
    be read: nothing is left out in silence."""
    agent = _agent(agent_type, response_path=response_path)
    found = FileTraces([], agent)
    found.take(_requests(body, content_type))
    if found.faults or not found.traces:
        raise ReadError("\n".join(map(_told, found.faults)) or "no trace in this body")
    loaded: list[ReadTrace] = []
    for kept in found.traces:
        trace = kept.trace(agent)
        loaded.append(ReadTrace(trace, read_trace(trace, reading_settings(agent, ())), kept.id))
    return loaded


def check(
    subject: ReadTrace | Trace | Body,
    cases: Cases,
    *,
    content_type: str = JSON,
    agent_type: str = "auto",
    agent: str | None = None,
    timezone: str = "UTC",
    allow_missing: bool = False,
) -> CheckResult:
    """Evaluate test cases on a trace, or on every trace of a body.

    Args:
        subject: What ``read`` gave back, a ``Trace``, or a body as ``read`` takes it.
        cases: A ``Path`` of a test-case file or folder (a text without a line break that ends
            in .yaml, .yml or .json is one too); the text of such a file; its content as a
            mapping with ``cases``; one case as a mapping with ``assertions``; or a list of
            assertions. Only active cases are evaluated.
        content_type: Of a body in bytes, as for ``read``.
        agent_type: Who sent an older body, as for ``read``.
        agent: Only cases of this agent's name and those without an agent; None: all cases.
        timezone: IANA name of the zone in which date expressions are meant.
        allow_missing: Missing assertions do not keep the result from having passed.

    Broken test cases raise nothing: the result is an ``error`` with their diagnostics.

    Raises:
        ReadError: The body cannot be read.
        FileNotFoundError: There is no such file or folder.
        TypeError: The cases are none of the above.
    """
    files = _case_files(cases)
    whose = _agent(agent_type, name=agent, timezone=timezone)
    results = [
        _result(one, case, whose)
        for one in _subjects(subject, content_type, agent_type)
        for file in files
        for case in file.cases
        if case.active and (agent is None or applies_to(case, whose))
    ]
    diagnostics = tuple(d for file in files for d in file.diagnostics)
    broken = any(d.is_error for d in diagnostics)
    outcome = trace_outcome(result.verdict.outcome for result in results)
    return CheckResult(
        outcome=Outcome.ERROR if broken else outcome or Outcome.SKIPPED,
        passed=exit_status(results, diagnostics, allow_missing=allow_missing) == OK,
        cases=tuple(result.verdict for result in results),
        diagnostics=diagnostics,
        report="\n".join(_report(results, files)),
    )


def _result(one: ReadTrace, case: Case, agent: Agent) -> Result:
    return Result(
        subject=Subject(
            id=one.id, source=None, agent=agent, load=lambda _: (one.trace, one.reading)
        ),
        reading=one.reading,
        case=case,
        verdict=evaluate_case(case, one.trace, one.reading, agent),
    )


# -- what may be given -----------------------------------------------------------------


def _agent(
    agent_type: str,
    *,
    name: str | None = None,
    timezone: str = "UTC",
    response_path: str | None = None,
) -> Agent:
    return replace(
        LOCAL_AGENT,
        name=name or LOCAL_AGENT.name,
        type=agent_type,
        timezone=timezone,
        response_path=response_path,
    )


def _subjects(
    subject: ReadTrace | Trace | Body, content_type: str, agent_type: str
) -> list[ReadTrace]:
    if isinstance(subject, ReadTrace):
        return [subject]
    if isinstance(subject, Trace):
        return [ReadTrace(subject, read_trace(subject), subject.trace_id or "trace")]
    return read_all(subject, content_type=content_type, agent_type=agent_type)


def _requests(body: Body, content_type: str) -> Iterable[SavedRequest | SavedFault]:
    if isinstance(body, Path):
        if not body.exists():
            raise FileNotFoundError(f"{body}: no such file")
        return saved_requests(body)
    if isinstance(body, str):
        content = body.encode("utf-8", "surrogatepass")
    elif isinstance(body, bytes | bytearray):
        content = bytes(body)
    elif isinstance(body, Mapping):
        content = _encoded(dict(body))
    else:
        raise TypeError(f"a body is bytes, text, a mapping or a Path, not {type(body).__name__}")
    headers = {"content-type": content_type}
    return [SavedRequest(source=_SOURCE, body=content, headers=headers)]


def _encoded(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as fault:
        raise ReadError(f"this is no JSON value: {fault}") from None


def _told(fault: SavedFault) -> str:
    place = f"{fault.source}:{fault.line}" if fault.line else fault.source
    return fault.message if fault.source == _SOURCE else f"{place}: {fault.message}"


def _case_files(cases: Cases) -> list[CaseFile]:
    if isinstance(cases, str) and "\n" not in cases and Path(cases).suffix.lower() in SUFFIXES:
        cases = Path(cases)
    if isinstance(cases, PathLike):
        path = Path(fspath(cases))
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
        return load_paths([path], path if path.is_dir() else path.parent)
    if isinstance(cases, str):
        return [load_text(cases, "cases.yaml")]
    if isinstance(cases, Mapping):
        content: Any = dict(cases)
        if "cases" not in content and "assertions" in content:
            content = {"cases": [{"name": "check", **content}]}
    elif isinstance(cases, Sequence):
        content = {"cases": [{"name": "check", "assertions": [*cases]}]}
    else:
        raise TypeError(f"test cases cannot be a {type(cases).__name__}")
    return [load_text(_encoded(content), "cases.json")]


# -- the report ------------------------------------------------------------------------


def _report(results: Sequence[Result], files: Sequence[CaseFile]) -> Iterator[str]:
    texts = {file.path: file.text for file in files if file.text.count("\n")}
    for file in files:
        for diagnostic in file.diagnostics:
            yield plain(str(diagnostic))
            for line in code_frame(texts.get(file.path, ""), diagnostic.line):
                yield f" {text_of(line)}"
    several = len({result.subject.id for result in results}) > 1
    for result in results:
        if several:
            yield f"trace {plain(result.subject.id)}"
        text = texts.get(result.verdict.file)
        yield from render_case(result.verdict, text, result.reading, result.case)
    if not results:
        yield "nothing was evaluated: no active case applies"
