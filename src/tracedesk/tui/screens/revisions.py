"""What the open trace was before it was replaced: shown instead of it, to be looked at only."""

from typing import TYPE_CHECKING

from tracedesk.tui.screens.detailing import Detailing

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.store.rows import TraceRow
    from tracedesk.tui.messages import TraceRead


class Revisions(Detailing):
    """Earlier revisions of the open trace."""

    @property
    def known_row(self) -> "TraceRow | None":
        """The row of the open trace as it is by now, whichever revision is on screen."""
        return self.latest or (None if self.opened is None else self.opened.row)

    def open_revision(self, revision: int) -> None:
        """Show another revision of the open trace; an earlier one is only to be looked at."""
        row = self.known_row
        if row is None or self.opened is None or revision == self.opened.row.revision:
            return
        if revision == row.revision:
            self.leave_revision()
        else:
            self.retitle("tree", subtitle="opening …")
            self.read_revision(row, revision)

    def leave_revision(self) -> bool:
        """Back to the trace as it is by now; False when it is on screen already."""
        row, self.latest = self.latest, None
        if row is not None:
            self.read_trace(row.id)
        return row is not None

    def stays_on_earlier(self, message: "TraceRead") -> bool:
        """Take note of what was read; True when it is not to be shown, since the reader is
        looking at an earlier revision, or that is not kept any more."""
        row = None if message.opened is None else message.opened.row
        if message.earlier:
            if row is None:
                self.notify(f"Revision {message.earlier} is not kept any more.")
                return True
            self.latest = self.known_row
        elif self.latest is not None and row is not None and row.id == self.latest.id:
            self.latest = row
            self.requests = None  # the list of revisions is another one
            self._show_tree_title()
            self.show_bars()
            return True
        return False

    def verdicts_arrived(self, verdicts: "TraceVerdicts | None") -> None:
        """Newer verdicts of the trace, which are not those of an earlier revision."""
        if self.latest is None:
            self.set_verdicts(verdicts)
