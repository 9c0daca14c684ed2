"""Which stretch of a trace the bars show: zoomed, panned, with idle gaps folded or not.

Zooming and panning count in the time that is drawn: a folded gap, however long, is neither
zoomed into nor panned across.
"""

from tracedesk.tui.view_models.time_axis import Axis, Gap

SMALLEST_NS = 1_000
"""The least time that a zoomed axis shows: a microsecond."""

FACTOR = 2.0
"""How much one step of zooming changes the time on screen."""

PAN = 0.25
"""Of the time on screen, how much one step of panning moves it."""


class TimeWindow:
    """The axis of one open trace, and the part of it on screen."""

    def __init__(self, whole: Axis, idle: tuple[Gap, ...] = ()) -> None:
        self.whole = whole
        self.idle = idle
        """The gaps that may be folded."""
        self.folds_idle = True
        self.shown = whole
        """What the bars are drawn over."""
        self.reset()

    @property
    def zoomed(self) -> bool:
        return (self.shown.start_ns, self.shown.end_ns) != (self.whole.start_ns, self.whole.end_ns)

    @property
    def middle_ns(self) -> int:
        """The moment in the middle of what is on screen."""
        return (self.shown.start_ns + self.shown.end_ns) // 2

    @property
    def zoom(self) -> float:
        """How many times longer than on the whole axis a span is drawn."""
        start, end = self._drawn(self.shown.start_ns), self._drawn(self.shown.end_ns)
        return max(1, self._drawn(self.whole.end_ns)) / max(1, end - start)

    def reset(self) -> None:
        """The whole trace again."""
        self._show(self.whole.start_ns, self.whole.end_ns)

    def set_idle(self, gaps: tuple[Gap, ...]) -> None:
        """The gaps that may be folded, found after the axis was."""
        self.idle = gaps
        self._show(self.shown.start_ns, self.shown.end_ns)

    def toggle_idle(self) -> bool:
        """Fold the idle gaps or draw them in full; False when there are none."""
        self.folds_idle = not self.folds_idle
        self._show(self.shown.start_ns, self.shown.end_ns)
        return bool(self.idle)

    def scale(self, around_ns: int, factor: float) -> bool:
        """Show ``1 / factor`` of the time, around a moment; False where it goes no further."""
        total = self._drawn(self.whole.end_ns)
        length = self._drawn(self.shown.end_ns) - self._drawn(self.shown.start_ns)
        wanted = min(total, max(min(SMALLEST_NS, total), round(length / factor)))
        if wanted == length:
            return False
        self._move(self._drawn(around_ns) - wanted // 2, wanted)
        return True

    def pan(self, share: float) -> bool:
        """Move by a share of the time on screen; False at an end of the trace."""
        start, end = self._drawn(self.shown.start_ns), self._drawn(self.shown.end_ns)
        before = self.shown
        self._move(start + round((end - start) * share), end - start)
        return self.shown != before

    def same_as(self, other: "TimeWindow") -> None:
        """Take over what another trace's window was set to, as far as this trace reaches."""
        self.folds_idle = other.folds_idle
        if other.zoomed:
            start = max(self.whole.start_ns, other.shown.start_ns)
            end = min(self.whole.end_ns, other.shown.end_ns)
            if start < end:
                self._show(start, end)
                return
        self.reset()

    def _move(self, start: int, length: int) -> None:
        """Show a stretch given in drawn time, pushed back where it leaves the trace."""
        total = self._drawn(self.whole.end_ns)
        start = max(0, min(start, total - length))
        if length >= total:
            self.reset()
        else:
            self._show(self._moment(start, after=True), self._moment(start + length, after=False))

    def _show(self, start: int, end: int) -> None:
        gaps = (gap for gap in self.folded if start <= gap.start_ns and gap.end_ns <= end)
        self.shown = Axis(start, end, tuple(gaps), self.whole.start_ns)

    @property
    def folded(self) -> tuple[Gap, ...]:
        """The gaps that are folded now."""
        return self.idle if self.folds_idle else ()

    def _drawn(self, ns: int) -> int:
        """A moment as the time drawn before it, without the folded gaps."""
        hidden = sum(max(0, min(ns, gap.end_ns) - gap.start_ns) for gap in self.folded)
        return ns - self.whole.start_ns - hidden

    def _moment(self, drawn: int, *, after: bool) -> int:
        """The moment with that much drawn time before it; at a folded gap, after or before it."""
        ns = self.whole.start_ns + drawn
        for gap in self.folded:
            if gap.start_ns > ns or (gap.start_ns == ns and not after):
                break
            ns += gap.length_ns
        return ns
