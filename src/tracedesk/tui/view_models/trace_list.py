"""The window of stored traces that the list shows; the cursor is a trace, not a position.

Rows are read a window at a time, by number descending. When traces arrive the window is
read again around the same trace, so cursor, scroll position and marks stay with what the
user looks at.
"""

import re
from typing import TYPE_CHECKING

import msgspec

from tracedesk.model.verdict import Outcome
from tracedesk.tui import figures
from tracedesk.tui.lines import Piece
from tracedesk.tui.text import cells, fit, pad, pad_left
from tracedesk.tui.view_models.marks import Counts

if TYPE_CHECKING:
    from tracedesk.desk import Desk
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.query.filter import Filter
    from tracedesk.store.database import Store
    from tracedesk.store.rows import TraceRow

OPAQUE = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""Ids that no person chose: OTLP trace ids and UUIDs."""

KNOWN = {"good": ("▲", "ok"), "bad": ("▼", "bad")}
"""Glyph and role of traces that are known to be good or bad."""

MARGIN = 20
"""Rows read beyond each edge of the screen; all of them are read again at every change."""


class Entry(msgspec.Struct, frozen=True):
    """One stored trace and what our assertions say of it."""

    row: "TraceRow"
    agent: str
    verdicts: "TraceVerdicts | None" = None

    @property
    def counts(self) -> Counts:
        if self.verdicts is None:
            return Counts()
        get = self.verdicts.counts.get
        return Counts(
            get(Outcome.PASS, 0),
            get(Outcome.FAIL, 0),
            get(Outcome.MISSING, 0),
            get(Outcome.ERROR, 0),
        )


class Request(msgspec.Struct, frozen=True):
    """Which rows to read: a window of positions, and the trace that must not move."""

    first: int = 0
    count: int = 100
    where: "Filter | None" = None
    cursor_id: str | None = None
    cursor_number: int = 0
    cursor_at: int = 0
    total: int = 0
    follow: bool = False


class Snapshot(msgspec.Struct, frozen=True):
    """What was read: entries by position, and where the cursor's trace stands now."""

    request: Request
    total: int
    first: int
    entries: tuple[Entry, ...]
    cursor_at: int


def fetch(desk: "Desk", request: Request) -> Snapshot:
    """Read the rows of a request. Blocking: call it in a worker thread."""
    store = desk.store
    total = store.count(where=request.where)
    if request.follow:
        cursor_at = 0
    elif request.cursor_id is None:
        cursor_at = max(0, min(request.cursor_at, total - 1))
    else:
        cursor_at = _position(store, request, total)
    first = max(0, request.first + cursor_at - request.cursor_at - MARGIN)
    rows = store.rows(where=request.where, offset=first, limit=request.count + 2 * MARGIN)
    entries = tuple(
        Entry(row, desk.agent_name(row.agent_id), desk.verdicts(row.id)) for row in rows
    )
    return Snapshot(request, total, first, entries, cursor_at)


def _position(store: "Store", request: Request, total: int) -> int:
    """Where the cursor's trace stands: numbers fall along the list, so halving finds it."""
    low, high = 0, total
    likely = request.cursor_at + total - request.total
    if 0 <= likely < total:
        found = store.rows(where=request.where, offset=likely, limit=1)
        if found and found[0].number == request.cursor_number:
            return likely
    while low < high:
        at = (low + high) // 2
        found = store.rows(where=request.where, offset=at, limit=1)
        if found and found[0].number > request.cursor_number:
            low = at + 1
        else:
            high = at
    return max(0, min(low, total - 1))


class TraceList:
    """Entries by position, the cursor by trace id, marks by trace id."""

    def __init__(self) -> None:
        self.total = 0
        self.cursor = 0
        """Position of the cursor's trace."""
        self.cursor_id: str | None = None
        self.cursor_number = 0
        self.marked: dict[str, int] = {}
        """Numbers of the marked traces by id, in the order they were marked."""
        self.compared_id: str | None = None
        """The trace that others are compared with."""
        self.where: Filter | None = None
        self.filter_text = ""
        self.follow = False
        self.frozen = False
        self.waiting = 0
        """Traces that arrived while frozen."""
        self._entries: dict[int, Entry] = {}

    @property
    def agent(self) -> str:
        """The agent that the filter names, for the header; blank when it names none."""
        terms = () if self.where is None else self.where.terms
        return next((str(t.values[0]) for t in terms if t.key == "agent" and not t.negated), "")

    def entry(self, position: int) -> Entry | None:
        """The entry at a position, None while it is not read yet."""
        return self._entries.get(position)

    def request(self, first: int, count: int) -> Request:
        """What to read to show ``count`` rows from ``first`` on."""
        return Request(
            first=first,
            count=count,
            where=self.where,
            cursor_id=self.cursor_id,
            cursor_number=self.cursor_number,
            cursor_at=self.cursor,
            total=self.total,
            follow=self.follow,
        )

    def lacks(self, first: int, count: int) -> bool:
        """True when a row in the window is not read yet."""
        return any(at not in self._entries for at in range(first, min(first + count, self.total)))

    def install(self, snapshot: Snapshot) -> int:
        """Take over what was read; returns by how many rows the cursor's trace moved."""
        if snapshot.request.where is not self.where:
            return 0
        asked, before = snapshot.request, self.cursor
        self.total = snapshot.total
        self._entries = dict(enumerate(snapshot.entries, snapshot.first))
        if (asked.cursor_id, asked.cursor_at) == (self.cursor_id, before) or self.follow:
            self.move_to(snapshot.cursor_at)
        else:  # the user moved on while the rows were read
            self.move_to(self._position_of(self.cursor_id))
        return self.cursor - before

    def _position_of(self, trace_id: str | None) -> int:
        """Where a trace stands among the rows on hand; the cursor's own place otherwise."""
        for position, entry in self._entries.items():
            if entry.row.id == trace_id:
                return position
        return self.cursor

    def update(self, entry: Entry) -> None:
        """Replace one entry that is on hand, such as after its verdicts changed."""
        for position, known in self._entries.items():
            if known.row.id == entry.row.id:
                self._entries[position] = entry

    def move_to(self, position: int) -> None:
        """Put the cursor on a position; it then stays with the trace that stands there."""
        self.cursor = max(0, min(position, self.total - 1))
        entry = self._entries.get(self.cursor)
        if entry is not None:
            self.cursor_id, self.cursor_number = entry.row.id, entry.row.number
        else:  # not read yet: the trace that turns out to stand there
            self.cursor_id, self.cursor_number = None, 0

    def toggle_mark(self) -> None:
        """Mark the cursor's trace, or take its mark away."""
        if self.cursor_id is not None and self.marked.pop(self.cursor_id, None) is None:
            self.marked[self.cursor_id] = self.cursor_number

    def go_to_mark(self, step: int) -> bool:
        """Make the next (1) or previous (-1) marked trace the cursor's, round at the ends.

        Where it stands is found when the rows are read again. False when none is marked.
        """
        if not self.marked:
            return False
        down = sorted(self.marked.items(), key=lambda mark: -mark[1] * step)
        beyond = (mark for mark in down if (self.cursor_number - mark[1]) * step > 0)
        self.cursor_id, self.cursor_number = next(beyond, down[0])
        self.follow = False
        return True


def entry_line(entry: Entry, width: int, now_ns: int, marked: bool) -> list[Piece]:
    """One trace in ``width`` cells: status, verdicts, name, then what there is room for."""
    row = entry.row
    status, role = ("✖", "bad") if row.error_count or row.status == "failed" else (" ", "")
    if row.end_ns is None and row.start_ns is not None:
        status, role = "◌", "dim"
    known = Piece(*KNOWN[row.mark]) if row.mark in KNOWN else Piece(" ", role)
    pieces = [Piece("▪" if marked else " ", "accent"), Piece(status, role), known]
    pieces += _verdict(entry)
    right: list[Piece] = []
    took = None if row.duration_ms is None else row.duration_ms * 1e6
    for wanted, text, size in (
        (0, figures.age(row.updated_ns, now_ns), 5),
        (28, figures.duration(took) or "–", 7),
        (62, figures.count(row.tokens), 7),
    ):
        if width >= wanted:
            right.insert(0, Piece(pad_left(text, size), "dim"))
    if width >= 52:
        right.insert(0, Piece(" " + pad(entry.agent, 12), "dim"))
    room = width - sum(cells(piece.text) for piece in (*pieces, *right))
    title = row_title(row)
    short = title.removeprefix("invoke_agent ")  # says least, and stands first
    name = fit(title if cells(title) <= room else short, room)
    room -= cells(name)
    beside = fit(f"  {row.name}", room) if row.name != title and room > 8 else ""
    return [
        *pieces,
        Piece(name),
        Piece(beside, "faint"),
        Piece(" " * (room - cells(beside))),
        *right,
    ]


def row_title(row: "TraceRow") -> str:
    """What a trace is called: the id its sender chose for it, else its name; never a bare number
    of 32 hex digits, which tells a person nothing."""
    for title in (row.external_id, row.name):
        if title and not OPAQUE.fullmatch(title):
            return title
    return f"trace {row.id[:8]}"


def _verdict(entry: Entry) -> list[Piece]:
    """The worst outcome with its count, in four cells: after ``…`` while others are pending, when
    none can be said to have passed, and after ``~`` where it is stale."""
    counts = entry.counts
    verdicts = entry.verdicts
    pending = verdicts is not None and verdicts.pending
    before = "…" if pending else "~" if verdicts is not None and verdicts.stale else ""
    for number, glyph, role in (
        (counts.failed, "✗", "bad"),
        (counts.error, "!", "warn"),
        (counts.missing, "?", "warn"),
        (counts.passed, "✓", "ok"),
    ):
        if number and not (pending and glyph == "✓"):
            shown = f"{before}{glyph}{figures.small_count(number)}"
            shown = shown if cells(shown) <= 4 else f"{before}{glyph}+"
            return [Piece(pad(shown, 4), "faint" if before else role)]
    return [Piece("…   " if pending else "    ", "faint")]
