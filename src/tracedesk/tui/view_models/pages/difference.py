"""Pages of the Compare screen: what differs of one pair, and of both traces as a whole.

Words that only A has stand in ``[-…-]``, those that only B has in ``{+…+}``, so that nothing
hangs on colour.
"""

from collections.abc import Iterable, Sequence

from tracedesk.comparing.comparison import Comparison
from tracedesk.comparing.differences import Run, word_runs
from tracedesk.comparing.told import (
    Fact,
    PairTold,
    Part,
    VerdictChange,
    trace_facts,
    trace_texts,
)
from tracedesk.model.verdict import Difference
from tracedesk.query.values import ABSENT
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import cells, fit, pad, plain
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.pages.json_lines import inline
from tracedesk.tui.view_models.results import GLYPHS

SIDES = {"left": ("[-", "-]", "side-a"), "right": ("{+", "+}", "side-b"), "same": ("", "", "")}
"""Brackets and role of a run of words."""

ROLES = {"A": "side-a", "B": "side-b"}
"""Role of what one trace says: which of the two, and nothing of how it fared."""

AROUND = 60
"""Characters of equal text that are kept on either side of a difference."""

LONG = 40
"""Characters from which two texts are shown as one with their words marked."""

WHOLE_TEXT = 20_000
"""Characters of a text that are compared word by word on screen; Enter opens all of it."""

RUNS_SHOWN = 60
"""Runs of words shown in place."""


def pair_page(told: PairTold, width: int) -> list[Line]:
    """What differs of a pair, or all that a call says which stands alone."""
    page = Page(width)
    _facts(page, [fact for fact in told.facts if not fact.same])
    for part in told.parts:
        _part(page, part)
    same = [part.title for part in told.parts if _is_same(part)]
    if same:
        page.blank()
        page.prose(f"the same: {', '.join(same)}", "faint", indent=1)
    if not page.lines:
        page.prose("Nothing differs.", "faint", indent=1)
    return page.lines


def trace_page(comparison: Comparison, verdicts: Sequence[VerdictChange], width: int) -> list[Line]:
    """What differs of both traces as a whole: verdicts, figures, answer and input."""
    page = Page(width)
    page.heading("Verdicts that changed", "" if verdicts else "none")
    for change in verdicts:
        _verdict(page, change)
    page.heading("Facts")
    _facts(page, trace_facts(comparison.left, comparison.right))
    for title, left, right in reversed(trace_texts(comparison.left, comparison.right)):
        page.heading(title.capitalize(), "the same" if left == right else "")
        if left == right:
            page.text(left or "", title) if left is not None else page.prose("none", "faint")
        else:
            _texts(page, title, left, right)
    return page.lines


def _facts(page: Page, facts: Iterable[Fact]) -> None:
    each = max(10, (page.width - 16) // 2)
    for fact in facts:
        telling = fact.telling and not fact.same
        sign = "≠ " if telling else "  "
        here, there = (ROLES["A"], ROLES["B"]) if telling else ("", "")
        lead = f" {sign}{fact.name:<12}"
        if fact.same:
            page.add(Piece(lead, "dim"), Piece(fit(fact.left, page.width - cells(lead)), "dim"))
        elif cells(fact.left) <= each - 4 and cells(fact.right) <= each - 4:
            page.add(
                Piece(lead, "dim"), Piece("A ", ROLES["A"]), Piece(pad(fact.left, each - 4), here),
                Piece("  B ", ROLES["B"]), Piece(fact.right, there),
            )  # fmt: skip
        else:
            page.add(Piece(lead, "dim"))
            _two(page, fact.left, fact.right)


def _verdict(page: Page, change: VerdictChange) -> None:
    pieces = [Piece(" ")]
    for outcome, after in ((change.left, "→"), (change.right, " ")):
        glyph, role = GLYPHS[outcome] if outcome is not None else (" ", "")
        pieces += [Piece(glyph, role), Piece(after, "dim")]
    was = change.left or "does not apply"
    now = change.right or "does not apply"
    told = f"{was} → {now}  {plain(change.case)}" + (
        f": {plain(change.label)}" if change.label else ""
    )
    page.add(
        *pieces, Piece(fit(told, page.width - 5)), file=change.file, line=change.line
    )  # fmt: skip
    if change.reason:
        page.prose(change.reason, "dim", indent=5, file=change.file, line=change.line)


def _is_same(part: Part) -> bool:
    return not part.differences and ABSENT not in (part.left.value, part.right.value)


def _part(page: Page, part: Part) -> None:
    if _is_same(part):
        return
    place = part.right.place or part.left.place
    page.heading(part.title.capitalize(), place)
    for side, content in (("A", part.left), ("B", part.right)):
        if content.value is ABSENT and part.differences == ():
            page.add(Piece(f"  {side} ", ROLES[side]), Piece("nothing recorded", "faint"))
        elif not part.differences:
            page.add(Piece(f"  {side}", ROLES[side]))
            page.json(content.value, f"{part.title} of {side}", path=content.place)
    for difference in part.differences:
        _difference(page, difference)
    if part.more:
        page.prose(f"… {part.more:,} more differences", "accent")
    if part.differences:
        for side, content in (("A", part.left), ("B", part.right)):
            value = Value(f"{part.title} of {side}", content.value, content.place)
            page.add(Piece(f"  Enter opens all of {side}", "accent"), value=value)


def _difference(page: Page, found: Difference) -> None:
    hint = f"  {found.hint}" if found.hint else ""
    path = fit(found.path, page.width - 2)
    page.add(Piece(f"  {path}", "key"), Piece(fit(hint, page.width - 2 - cells(path)), "dim"))
    left, right = found.expected, found.actual
    if isinstance(left, str) and isinstance(right, str) and max(len(left), len(right)) > LONG:
        _words(page, left, right, indent=4)
        return
    _two(
        page, _typed(left, found.expected_type, found.actual_type),
        _typed(right, found.actual_type, found.expected_type),
        Value(f"{found.path} of A", left), Value(f"{found.path} of B", right),
    )  # fmt: skip


def _typed(value: object, kind: str, other: str) -> str:
    """A value with its type where the types differ."""
    if kind == "absent":
        return "absent"
    shown = inline(value) if not isinstance(value, str) else f'"{inline(value)}"'
    return f"{kind} {shown}" if kind != other and kind != "null" else shown


def _two(
    page: Page,
    left: str,
    right: str,
    here: Value | None = None,
    there: Value | None = None,
) -> None:
    for side, text, value in (("A", left, here), ("B", right, there)):
        page.add(
            Piece(f"    {side} ", ROLES[side]),
            Piece(fit(text, page.width - 6), ROLES[side]),
            value=value,
        )


def _texts(page: Page, title: str, left: str | None, right: str | None) -> None:
    if left is None or right is None:
        _two(page, "none" if left is None else left, "none" if right is None else right)
        return
    _words(page, left, right, indent=2)
    for side, text in (("A", left), ("B", right)):
        page.add(
            Piece(f"  Enter opens all of {side}", "accent"), value=Value(f"{title} of {side}", text)
        )


def _words(page: Page, left: str, right: str, indent: int) -> None:
    """Two texts as one, with the words marked that only one of them has."""
    runs = word_runs(left[:WHOLE_TEXT], right[:WHOLE_TEXT])
    pieces = [
        piece for at, run in enumerate(runs[:RUNS_SHOWN]) for piece in _run(run, at, len(runs))
    ]
    flow(page, pieces, indent)
    if len(runs) > RUNS_SHOWN or max(len(left), len(right)) > WHOLE_TEXT:
        page.prose("… and more", "accent", indent=indent)


def _run(run: Run, at: int, count: int) -> list[Piece]:
    before, after, role = SIDES[run.side]
    if run.side != "same":
        return [Piece(before + run.text + after, role)]
    return [Piece(_elided(run.text, from_start=at > 0, to_end=at < count - 1))]


def _elided(text: str, *, from_start: bool, to_end: bool) -> str:
    """Equal text with only what stands beside a difference, when it is long."""
    kept = AROUND * (from_start + to_end)
    if len(text) <= kept + AROUND:
        return text
    head = text[:AROUND] if from_start else ""
    tail = text[-AROUND:] if to_end else ""
    return f"{head} … {tail}"


def flow(page: Page, pieces: Iterable[Piece], indent: int) -> None:
    """Pieces folded to the page at blanks; a line break in the text is one on the page."""
    room = max(4, page.width - indent)
    held: list[Piece] = []
    used = 0

    def end_line() -> None:
        nonlocal used
        page.add(Piece(" " * indent), *held)
        held.clear()
        used = 0

    for text, role in pieces:
        for number, part in enumerate(text.split("\n")):
            if number:
                end_line()
            for word in _split(part, room):
                if used and used + cells(word) > room:
                    end_line()
                    word = word.lstrip()
                held.append(Piece(word, role))
                used += cells(word)
    if held:
        end_line()


def _split(text: str, room: int) -> Iterable[str]:
    """Words with the blank before each; one that is wider than the page in pieces."""
    text = plain(text.expandtabs(4))
    begun = 0
    for at in (*(at for at in range(1, len(text)) if text[at] == " " != text[at - 1]), len(text)):
        word = text[begun:at]
        begun = at
        while cells(word) > room:
            head = fit(word, room).removesuffix("…") or word[:1]
            yield head
            word = word[len(head) :]
        if word:
            yield word
