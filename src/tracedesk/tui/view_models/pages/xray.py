"""The X-ray page: by which rule each value of the reading was read, and why a blank is blank.

What was found elsewhere and not used is told with its reason; Enter goes to the span meant.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import fit
from tracedesk.tui.view_models.pages.builder import LabelOf, Page

if TYPE_CHECKING:
    from tracedesk.reading.explain import Explained, Other

OTHERS_SHOWN = 5
"""Places not used that are listed for one value; Enter on the rest opens them all."""

HANG = 4


def xray_page(
    explained: "Sequence[Explained] | None",
    about: str | None,
    width: int,
    *,
    label_of: LabelOf = str,
) -> list[Line]:
    """Every value of the reading, or those that the span ``about`` has something to do with;
    None while they are still being looked up."""
    page = Page(width)
    if explained is None:
        page.prose("looking at every place the rules could have read …", "faint", indent=0)
        return page.lines
    told = [each for each in explained if about is None or about in _spans(each)]
    if not told:
        page.prose("No value of the reading was looked for on this span.", "faint", indent=0)
    for each in told:
        _explained(page, each, label_of)
    return page.lines


def _spans(each: "Explained") -> Iterable[str | None]:
    yield None if each.source is None else each.source.span
    yield each.nearest_span
    for other in each.others:
        yield other.span


def _explained(page: Page, each: "Explained", label_of: LabelOf) -> None:
    what, of, call = each.field.partition(" of ")  # the name of a call stays as it is
    name = what.replace("_", " ") + of + call
    page.heading(name[:1].upper() + name[1:])
    if each.value is None:
        page.prose("not found", "warn")
        if each.tried:
            every = Value(f"{name}: tried in vain", "\n".join(each.tried))
            page.prose(f"tried in order: {', '.join(each.tried)}", "dim", value=every)
    else:
        page.text(each.value, name)
    if each.source is not None:
        where = _where(each.source.place, each.source.span, label_of)
        page.prose(f"from {where}", "accent", span=each.source.span)
        page.prose(f"rule: {each.source.rule}", "dim", indent=HANG)
    if each.nearest is not None:
        where = _where(each.nearest, each.nearest_span, label_of)
        page.prose(f"nearest: {where}, which no rule reads", "accent", span=each.nearest_span)
        page.prose("map it under [reading.map] in tracedesk.toml", "dim", indent=HANG)
    for other in each.others[:OTHERS_SHOWN]:
        _other(page, other, label_of)
    left = len(each.others) - OTHERS_SHOWN
    if left > 0 or each.others_left:
        lines = (_line_of(other, label_of) for other in each.others)
        every = Value(f"{name}: found and not used", "\n".join(lines))
        told = f"+{max(left, 0) + each.others_left} more found and not used"
        page.prose(told, "dim", value=every)


def _other(page: Page, other: "Other", label_of: LabelOf) -> None:
    where = _where(other.place, other.span, label_of)
    page.prose(f"not {where}", "faint", span=other.span)
    room = page.width - HANG
    page.add(
        Piece(" " * HANG),
        Piece(fit(f"{other.reason}: {other.value}", room), "dim"),
        span=other.span,
    )


def _line_of(other: "Other", label_of: LabelOf) -> str:
    return f"{_where(other.place, other.span, label_of)}: {other.reason}: {other.value}"


def _where(place: str, span: str | None, label_of: LabelOf) -> str:
    return place if span is None else f"{place} of {label_of(span)}"
