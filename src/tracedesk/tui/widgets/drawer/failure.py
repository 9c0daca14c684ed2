"""The failure under the cursor, for screens too small for the drawer."""

from tracedesk.tui.widgets.detail.page_view import PageView


class FailureStrip(PageView, can_focus=False):
    """A few lines on what failed at the span under the cursor; never takes the focus."""
