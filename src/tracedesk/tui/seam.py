"""What the screen asks of a desk, and nothing more.

Everything here but ``revision`` and ``agent_name`` may touch the disk, so the screen calls
it in worker threads only.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.model.reading import Reading
    from tracedesk.model.trace import Trace
    from tracedesk.model.tree import SpanTree
    from tracedesk.query.filter import Filter
    from tracedesk.store.rows import StoredRequest, TraceRow
    from tracedesk.testcases.models import CaseFile
    from tracedesk.workspace import Workspace


class Opened(Protocol):
    """One trace, decoded and read, with its tree."""

    @property
    def row(self) -> "TraceRow": ...
    @property
    def trace(self) -> "Trace": ...
    @property
    def tree(self) -> "SpanTree": ...
    @property
    def reading(self) -> "Reading": ...


class Rows(Protocol):
    """The readers of the store that the screen uses."""

    def rows(
        self,
        *,
        where: "Filter | None" = None,
        agent_id: str | None = None,
        offset: int = 0,
        limit: int = 100,
        newest_first: bool = True,
    ) -> "list[TraceRow]": ...

    def count(self, where: "Filter | None" = None, agent_id: str | None = None) -> int: ...

    def row(self, trace_id: str) -> "TraceRow | None": ...

    def requests(self, trace_id: str) -> "list[StoredRequest]": ...


class Progress(Protocol):
    """How far the evaluator is."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def last_ms(self) -> float: ...
    @property
    def last_count(self) -> int: ...


class Evaluating(Protocol):
    """The part of the evaluator that the screen speaks to."""

    def totals(self) -> dict[str, int]: ...
    def on_screen(self, trace_ids: Sequence[str]) -> None: ...


class Address(Protocol):
    """``starting``, ``listening``, ``attached`` to another desk's endpoint, ``failed``, ``off``."""

    @property
    def state(self) -> str: ...
    @property
    def url(self) -> str | None: ...
    @property
    def message(self) -> str: ...


class Desk(Protocol):
    """The composition root as the screen sees it."""

    @property
    def workspace(self) -> "Workspace": ...
    @property
    def store(self) -> Rows: ...
    @property
    def evaluator(self) -> Evaluating: ...
    @property
    def endpoint(self) -> Address: ...
    @property
    def activity(self) -> str: ...
    @property
    def files(self) -> "Sequence[CaseFile]": ...
    def revision(self) -> tuple[int, int, int]: ...
    def agent_name(self, agent_id: str) -> str: ...
    def load(self, trace_id: str) -> Opened | None: ...
    def show(self, trace_id: str) -> None: ...
    def verdicts(self, trace_id: str) -> "TraceVerdicts | None": ...
    def progress(self) -> Progress: ...
    def sending_examples(self) -> str: ...
