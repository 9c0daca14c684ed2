"""Which stored traces a case is about, so that an assertion is tried on those and no others.

A case of a file says so itself, by its agent and its ``when``. A new one is kept to where its
assertion was taken from: to the trace's agent, else to the one service that sent the trace, else
to nothing. Where the file's ``defaults`` say it already, a new case leaves it to them.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from tracedesk.authoring.targets import Target, new_case, new_text, with_case
from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.run import applies_to
from tracedesk.model.agent import LOCAL_AGENT_ID, Agent
from tracedesk.model.trace import Trace
from tracedesk.query.dates import ExpressionError
from tracedesk.query.patterns import PatternTimeoutError
from tracedesk.testcases.edit import EditError
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import Case, CaseFile

_NEVER_WRONG = {"target": "no_errors"}


NAME_CHARS = 32
"""Of the name of a case, where it is said what is counted."""


class Scope(msgspec.Struct, frozen=True):
    """The traces that a case is about."""

    case: Case | None = None
    """None: all traces."""
    whose: str = ""
    """``of booking``, ``of service planner``, ``for “books”``; blank: of any."""

    def holds(self, loaded: Loaded, agent: Agent | None) -> bool:
        """Whether the case would be tried on a trace of this agent. One whose condition cannot be
        decided there is an error there, which counts."""
        case = self.case
        if case is None:
            return True
        if not applies_to(case, agent):
            return False
        try:
            return (
                case.when is None or case.when.refusal(loaded.trace, loaded.reading, agent) is None
            )
        except (ExpressionError, PatternTimeoutError):
            return True


def scope_of(target: Target, files: Iterable[CaseFile], agent: Agent | None, trace: Trace) -> Scope:
    """The traces that the case of a target is about, or a new case would be."""
    file = next((each for each in files if each.path == target.file), None)
    if target.case:
        case = next((c for c in file.cases if c.id == target.case), None) if file else None
        return Scope(case, "" if case is None else _whose(case))
    kept = kept_to(None if file is None else file.text, agent, trace)
    wanted = new_case("new", [_NEVER_WRONG], **kept)
    try:
        text = (
            new_text(wanted, "new.yaml") if file is None else with_case(file.text, target, wanted)
        )
    except EditError:  # which writing will tell
        return Scope()
    case = load_text(text, target.file).cases[-1]
    if "agent" in kept:
        return Scope(case, f"of {kept['agent']}")
    if "when" in kept:
        return Scope(case, f"of service {kept['when']['service_name']}")
    return Scope(case, "" if case.agent is None and case.when is None else "by the file's defaults")


def _whose(case: Case) -> str:
    if case.when is not None:
        more = "…" if len(case.name) > NAME_CHARS else ""
        return f"for “{case.name[:NAME_CHARS]}{more}”"
    return "" if case.agent is None else f"of {case.agent}"


def kept_to(text: str | None, agent: Agent | None, trace: Trace) -> dict[str, Any]:
    """The ``agent`` or ``when`` of a new case in a file of this text (None: in a new file)."""
    if text is not None and _has_defaults(text):
        return {}
    if agent is not None and agent.id != LOCAL_AGENT_ID:
        return {"agent": agent.name}
    services = {resource.service for resource in trace.resources}
    (service, *others) = services or {None}
    return {} if others or not service else {"when": {"service_name": service}}


def _has_defaults(text: str) -> bool:
    """Whether a case that says nothing of it gets an agent or a condition from the file."""
    try:
        tried = with_case(text, Target("file.yaml"), new_case("new", [_NEVER_WRONG]))
    except EditError:
        return True
    case = load_text(tried, "file.yaml").cases[-1]
    return case.agent is not None or case.when is not None
