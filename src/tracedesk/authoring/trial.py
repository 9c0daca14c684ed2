"""A text that is not saved yet, tried: what is wrong with it, and what it says of a trace."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from tracedesk.assertions import Settings
from tracedesk.assertions.trace_index import forget
from tracedesk.evaluation.run import applies_to, evaluate_case
from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import CaseVerdict
from tracedesk.testcases.load import load_text, shown_path
from tracedesk.testcases.models import CaseFile
from tracedesk.testcases.parameters import ParameterFiles

LIMIT_S = 2.0
"""After which no further assertion of a case is begun; the next pause in typing begins anew."""


class Trial(msgspec.Struct, frozen=True):
    """What the real loader and the real engine say of a text."""

    file: CaseFile
    verdicts: tuple[CaseVerdict, ...] = ()
    """Of the cases meant for the trace's agent, whatever their status, in file order."""


def tried(
    text: str,
    path: Path,
    root: Path,
    *,
    agents: Collection[str],
    agent: Agent | None = None,
    opened: tuple[Trace, Reading] | None = None,
    settings: Settings = Settings(),
) -> Trial:
    """Load a text as if it were saved, and evaluate it on a trace when there is one. For a
    worker; never raises for what stands in the text."""
    parameters = ParameterFiles(path.parent, root)
    file = load_text(text, shown_path(path, root), agents=agents, parameters=parameters)
    if opened is None or file.failed:
        return Trial(file)
    trace, reading = opened
    try:
        verdicts = tuple(
            evaluate_case(case, trace, reading, agent, limit_s=LIMIT_S, base=settings)
            for case in file.cases
            if applies_to(case, agent)
        )
    finally:
        forget()  # what was prepared of the trace, which the thread would keep
    return Trial(file, verdicts)
