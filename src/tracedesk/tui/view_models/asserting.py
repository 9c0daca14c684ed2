"""The panel of candidates: a line each with its effect over stored traces, then the places in
the value here."""

from collections.abc import Callable, Iterable

import msgspec

from tracedesk.authoring.candidates import Candidate, Offer
from tracedesk.authoring.effects import Effects, told
from tracedesk.authoring.place import Place
from tracedesk.authoring.targets import Target
from tracedesk.model.verdict import Outcome
from tracedesk.tui.lines import Piece
from tracedesk.tui.text import cells, fit, pad, pad_left
from tracedesk.tui.view_models.results import GLYPHS

STRENGTH_ROLES = {"exact": "accent", "looser": "ok", "stricter": "warn", "must not": "bad"}
STRENGTH_CELLS = 10

WORDS_FROM = 100
"""Cells from which an effect is written in words rather than in signs."""

EFFECT_CELLS = 42

NAME_CELLS = 30
"""The name of a case is cut to so much before the note behind it is."""


class Row(msgspec.Struct, frozen=True):
    """One line of the panel: a candidate, a place to go on to, or a note."""

    candidate: Candidate | None = None
    number: int = 0
    """Which candidate."""
    place: Place | None = None
    text: str = ""


def rows_of(offer: Offer) -> list[Row]:
    """The lines of the panel."""
    rows = [Row(candidate, at) for at, candidate in enumerate(offer.candidates)]
    if offer.note:
        rows.append(Row(text=offer.note))
    rows += [Row(place=place, text=value) for place, value in offer.inside]
    if offer.inside_left:
        rows.append(Row(text=f"{offer.inside_left:,} more in it are not listed"))
    return rows


def row_pieces(row: Row, effects: Effects | None, width: int) -> Iterable[Piece]:
    """A line of the panel in at most ``width`` cells."""
    if row.candidate is not None:
        return _candidate(row.candidate, row.number, effects, width)
    if row.place is None:
        return [Piece(fit(f" {row.text}", width), "dim")]
    name = pad(f" {'inside':<{STRENGTH_CELLS}}{step_text(row.place)}", min(width, width // 2))
    return [Piece(name, "faint"), Piece(fit(row.text, width - cells(name)), "dim")]


def step_text(place: Place) -> str:
    """The last step of a place, else what it is of."""
    if not place.steps:
        return place.of
    last = place.steps[-1]
    return f"[{last}]" if isinstance(last, int) else last


def _candidate(
    candidate: Candidate, number: int, effects: Effects | None, width: int
) -> list[Piece]:
    strength = Piece(f" {candidate.strength:<{STRENGTH_CELLS}}", STRENGTH_ROLES[candidate.strength])
    effect = effect_pieces(number, effects, in_words=width >= WORDS_FROM)
    beside = sum(cells(piece.text) for piece in effect)
    if width >= WORDS_FROM:
        beside = max(beside, min(EFFECT_CELLS, width // 3))
    room = max(8, width - cells(strength.text) - beside - 1)
    note = "  fails here" if candidate.fails_here else ""
    label = fit(candidate.label, room - cells(note))
    lead = pad(label + note, room)
    return [strength, Piece(lead[: len(label)]), Piece(lead[len(label) :], "bad"), *effect]


def effect_pieces(number: int, effects: Effects | None, *, in_words: bool) -> list[Piece]:
    """``passes on 412, fails on 9``, or ``✓412 ✗9`` where that is too long."""
    if effects is None or number >= len(effects.counts):
        return [Piece(pad_left("…", 3), "faint")]
    counts = effects.counts[number]
    if in_words:
        return [Piece(told(counts), "" if effects.done else "dim")]
    found = []
    for outcome in Outcome:
        if counts[outcome]:
            glyph, role = GLYPHS[outcome]
            found.append(Piece(f"{glyph}{counts[outcome]:,} ", role))
    return found


def place_title(place: Place, label_of: Callable[[str], str]) -> str:
    """What the panel is about: ``create_booking › arguments › date``."""
    parts = ["trace" if place.span is None else label_of(place.span)]
    if place.of not in ("trace", "span"):
        parts.append(place.of)
    parts += [f"[{step}]" if isinstance(step, int) else step for step in place.steps]
    return " › ".join(parts)


def target_pieces(target: Target, width: int) -> list[Piece]:
    """A line of the list of files and cases."""
    if target.new:
        return [Piece(" new file  ", "accent"), Piece(fit(target.file, width - 11))]
    if not target.case:
        return [Piece(" new case  ", "accent"), Piece(fit(f"in {target.file}", width - 11))]
    room = width - 11 - cells(target.file) - 2
    name = fit(target.name, max(10, room - cells(target.note) - 2, min(NAME_CELLS, room)))
    pieces = [Piece(" case      ", "faint"), Piece(name, "dim" if target.note else "")]
    pieces.append(Piece(f"  {target.file}", "faint"))
    left = width - sum(cells(piece.text) for piece in pieces)
    return [*pieces, Piece(fit(f"  {target.note}", left), "warn")] if target.note else pieces
