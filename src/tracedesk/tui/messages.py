"""What widgets and workers tell the screen. High-rate messages replace one another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message

from tracedesk.tui.view_models.trace_list import Snapshot

if TYPE_CHECKING:
    from tracedesk.desk import OpenTrace
    from tracedesk.evaluation.progress import Progress
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.reading.chat import Chat
    from tracedesk.reading.explain import Explained
    from tracedesk.store.ledger import Counts, Ledger
    from tracedesk.store.rows import Revision, StoredRequest, TraceRow
    from tracedesk.tui.view_models.activity import Activity
    from tracedesk.tui.view_models.critical_path import CriticalPath
    from tracedesk.tui.view_models.span_tree import SpanRows


class LineMessage(Message):
    """Something about one row of a list; handlers may select by the list's id."""

    def __init__(self, view: Any, row: int) -> None:
        super().__init__()
        self.view = view
        self.row = row

    @property
    def control(self) -> Any:
        return self.view


class CursorMoved(LineMessage):
    """The cursor of a list stands on another line."""

    def can_replace(self, message: Message) -> bool:
        """Only where the cursor ends up matters."""
        return isinstance(message, CursorMoved) and message.view is self.view


class LineOpened(LineMessage):
    """Enter, or a double click, on a line."""


class WindowMoved(Message):
    """The trace list shows rows that may not have been read yet."""

    def can_replace(self, message: Message) -> bool:
        """The newest window is asked for when the message is handled."""
        return isinstance(message, WindowMoved)


class RowsRead(Message):
    """A window of the trace list was read."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot


class TraceRead(Message):
    """A trace was loaded; ``opened`` is None when it is no longer stored."""

    def __init__(
        self,
        trace_id: str,
        opened: "OpenTrace | None",
        rows: "SpanRows | None",
        verdicts: "TraceVerdicts | None",
        earlier: int = 0,
    ) -> None:
        super().__init__()
        self.trace_id = trace_id
        self.opened = opened
        self.rows = rows
        self.verdicts = verdicts
        self.earlier = earlier
        """The earlier revision that was asked for; 0 for the latest."""


class TraceGone(Message):
    """The open trace is no longer stored."""

    def __init__(self, trace_id: str) -> None:
        super().__init__()
        self.trace_id = trace_id


class TraceMarked(Message):
    """The open trace was marked as known good or bad, or its mark was taken away."""

    def __init__(self, row: "TraceRow") -> None:
        super().__init__()
        self.row = row


class LedgerRead(Message):
    """What became of everything that was sent."""

    def __init__(self, ledger: "Ledger", counts: "Counts") -> None:
        super().__init__()
        self.ledger = ledger
        self.counts = counts


class VerdictsRead(Message):
    """The verdicts of the open trace were looked up again."""

    def __init__(self, trace_id: str, verdicts: "TraceVerdicts | None") -> None:
        super().__init__()
        self.trace_id = trace_id
        self.verdicts = verdicts


class RequestsRead(Message):
    """The stored requests of a revision of a trace were read."""

    def __init__(
        self,
        row: "TraceRow",
        requests: "Sequence[StoredRequest]",
        revisions: "Sequence[Revision]",
    ) -> None:
        super().__init__()
        self.row = row
        self.requests = requests
        self.revisions = revisions
        """The earlier revisions that are kept."""


class ExplainedRead(Message):
    """The values of a reading were explained."""

    def __init__(self, opened: "OpenTrace", explained: "Sequence[Explained]") -> None:
        super().__init__()
        self.opened = opened
        self.explained = explained


class ChatRead(Message):
    """The messages of the open trace were read."""

    def __init__(self, opened: "OpenTrace", chat: "Chat") -> None:
        super().__init__()
        self.opened = opened
        self.chat = chat


class ActivityRead(Message):
    """It is known when a large open trace was at work."""

    def __init__(self, rows: "SpanRows", activity: "Activity") -> None:
        super().__init__()
        self.rows = rows
        self.activity = activity


class PathFound(Message):
    """The critical path of an open trace was found; None when its root has no duration."""

    def __init__(self, rows: "SpanRows", path: "CriticalPath | None") -> None:
        super().__init__()
        self.rows = rows
        self.path = path


class TextMade(Message):
    """A text to be copied was made; blank when there is nothing to make it of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class StateRead(Message):
    """Totals and progress for the header."""

    def __init__(
        self, total: int, totals: "dict[Any, int]", progress: "Progress", counts: "Counts"
    ) -> None:
        super().__init__()
        self.total = total
        self.counts = counts
        self.totals = totals
        self.progress = progress


class SearchDone(Message):
    """Rows of the open trace that hold the searched text."""

    def __init__(self, text: str, rows: "SpanRows", hits: list[int]) -> None:
        super().__init__()
        self.text = text
        self.rows = rows
        self.hits = hits
