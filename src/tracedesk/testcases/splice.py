"""Which characters to put in and take out of a text for one change of its value.

Each change is proposed in the order of what looks best; whoever asks takes the first that
reads as wanted. In blocks whole lines come and go; in braces items with their commas.
"""

from collections.abc import Iterator
from typing import Any

from tracedesk.testcases import emit
from tracedesk.testcases.layout import Layout, Lines

Splice = tuple[int, int, str]
"""Start and end of what is taken out, and what is put in."""


class Splicer:
    """Proposes splices of one text."""

    def __init__(self, text: str, lines: Lines, *, json: bool) -> None:
        self._text = text
        self._lines = lines
        self._json = json

    # -- lists -------------------------------------------------------------------------

    def append(self, layout: Layout, value: Any) -> Iterator[list[Splice]]:
        """One more item at the end of a list."""
        if layout.kind != "sequence":
            return
        if layout.flow:
            yield self._append_flow(layout, value)
            return
        last = layout.items[-1]
        indent = " " * self._lines.column(self._dash(layout, len(layout.items) - 1))
        lines = self._item_lines(value, last, len(indent))
        lines = [indent + lines[0], *lines[1:]]
        for end in self._ends(last, len(indent)):
            yield [self._new_lines(end, lines)]

    def _ends(self, item: Layout, column: int) -> Iterator[int]:
        """Where lines may be put in below an item whose first column is given: below the
        comments that are indented like what is in it, else where its value ends."""
        end, below = item.end, self._lines.next(item.end)
        while below > end:
            line = self._text[below : self._lines.end(below)]
            if not line.lstrip().startswith("#") or len(line) - len(line.lstrip()) <= column:
                break
            end, below = self._lines.end(below), self._lines.next(below)
        yield from dict.fromkeys((end, item.end, item.latest_end))

    def remove(self, layout: Layout, place: int) -> Iterator[list[Splice]]:
        """One item of a list taken out."""
        if layout.kind != "sequence":
            return
        if layout.flow:
            yield self._remove_flow(layout, place)
            return
        item = layout.items[place]
        start = self._lines.start(self._dash(layout, place))
        for last in dict.fromkeys((item.end, item.latest_end)):
            at_line_start = last > item.end and last == self._lines.start(last)
            yield [self._without_lines(start, last if at_line_start else self._lines.next(last))]

    def _without_lines(self, start: int, end: int) -> Splice:
        """Whole lines out; the last of a text without a line break at its end takes the one
        before it along."""
        unended = end == len(self._text) and self._lines.start(end) != end
        return self._lines.end(start - 1) if unended and start else start, end, ""

    def _dash(self, layout: Layout, place: int) -> int:
        """Where the dash of an item of a block list stands."""
        first = layout.start
        while self._text[first : first + 1] != "-":  # an anchor stands before the list
            first = self._lines.next(first)
            first += len(self._text) - first - len(self._text[first:].lstrip(" "))
        if place == 0:
            return first
        column = self._lines.column(first)
        at = self._lines.next(layout.items[place - 1].end)
        while at <= layout.items[place].start:
            dash = at + column
            if self._text[dash : dash + 1] == "-" and not self._text[at:dash].strip():
                return dash
            at = self._lines.next(at)
        return layout.items[place].start

    def _item_lines(self, value: Any, beside: Layout, column: int) -> list[str]:
        """An item of a block list, written like the one beside it."""
        short = f"- {emit.one_line(value)}"
        nested = isinstance(value, dict) and "assertions" in value
        if beside.flow and not nested and column + len(short) <= emit.WIDTH:
            return [short]
        first, *rest = emit.block(value, column + 2)
        return [f"- {first}", *rest]

    def _new_lines(self, end: int, lines: list[str]) -> Splice:
        """Whole lines below the line that ends an item, or at ``end`` if a line begins there."""
        newline = self._lines.newline
        text = newline.join(lines)
        if end and self._lines.start(end) == end:
            return end, end, text + newline
        below = self._lines.end(end)
        return below, below, newline + text

    def _append_flow(self, layout: Layout, value: Any) -> list[Splice]:
        if not layout.items:
            return [(layout.start + 1, layout.end - 1, self._flow(value, ""))]
        last = layout.items[-1]
        comma = self._comma(last.end, layout.end)
        after = last.end if comma is None else comma + 1
        own_line = not self._lines.before(last.start).strip()
        indent = self._lines.before(last.start) if own_line else ""
        text = self._flow(value, indent, like=last)
        if not own_line:
            return [(after, after, f", {text}" if comma is None else f" {text},")]
        below = self._below(after)
        text = f"{self._lines.newline}{indent}{text}"
        if comma is not None:
            return [(below, below, f"{text},")]
        return (
            [(after, after, ","), (below, below, text)]
            if below > after
            else [(after, after, f",{text}")]
        )

    def _remove_flow(self, layout: Layout, place: int) -> list[Splice]:
        items = layout.items
        item = items[place]
        if place == 0:
            return [(item.start, items[1].start, "")]
        before = items[place - 1]
        comma = self._comma(before.end, item.start)
        assert comma is not None, "items in brackets are separated by commas"
        own = self._comma(
            item.end, layout.end if place + 1 == len(items) else items[place + 1].start
        )
        if own is not None:
            return [(max(comma + 1, self._below(comma + 1)), own + 1, "")]
        below = self._below(comma + 1)
        return [(comma, comma + 1, ""), (below, item.end, "")]

    def _comma(self, start: int, end: int) -> int | None:
        """The comma between two places, comments passed over."""
        at = start
        while at < end:
            letter = self._text[at]
            if letter == ",":
                return at
            at = self._lines.next(at) if letter == "#" else at + 1
        return None

    def _below(self, at: int) -> int:
        """The end of the line when only a comment follows on it, else the place itself."""
        end = self._lines.end(at)
        rest = self._text[at:end].strip()
        return end if rest.startswith("#") and not self._json else at

    def _flow(self, value: Any, indent: str, like: Layout | None = None) -> str:
        """A value in brackets, spread over lines when the one beside it is (JSON only)."""
        short = emit.one_line(value, as_json=self._json)
        if not self._json or like is None or "\n" not in self._text[like.start : like.end]:
            return short
        inner = self._lines.before(like.keys[0].start) if like.keys else indent + "  "
        unit = inner.removeprefix(indent) if not inner.strip() else "  "
        return self._lines.newline.join(emit.spread_json(value, indent, unit))

    # -- values ------------------------------------------------------------------------

    def rewrite(self, layout: Layout, old: Any, new: Any) -> Iterator[list[Splice]]:
        """A value changed: only its parts that differ, else all of it."""
        yield list(self._differing(layout, old, new))
        yield [self._whole(layout, new)]

    def _differing(self, layout: Layout, old: Any, new: Any) -> Iterator[Splice]:
        same_kind = type(old) is type(new)
        if same_kind and old == new and repr(old) == repr(new):
            return
        kept = len(layout.names)
        grown = isinstance(new, dict) and [*new][:kept] == layout.names and kept > 0
        if grown and same_kind and list(old) == layout.names:
            for name, item in zip(layout.names, layout.items, strict=True):
                yield from self._differing(item, old[name], new[name])
            more = {name: new[name] for name in [*new][kept:]}
            if more:
                yield self._more_keys(layout, layout.names[-1], more)
        elif isinstance(new, list) and same_kind and len(old) == len(new) == len(layout.items):
            for item, before, after in zip(layout.items, old, new, strict=True):
                yield from self._differing(item, before, after)
        else:
            yield self._whole(layout, new)

    def _whole(self, layout: Layout, new: Any) -> Splice:
        start, end = layout.start, layout.end
        before = self._lines.before(start)
        if layout.flow or layout.kind != "mapping" or not isinstance(new, dict) or not new:
            indent = before[: len(before) - len(before.lstrip())]
            text = self._flow(new, indent, like=layout)
            space = " " if start == end and self._text[start - 1 : start] == ":" else ""
            return start, end, space + text
        lines = emit.block(new, self._lines.column(start))
        return start, end, self._lines.newline.join(lines)

    def add_key(self, layout: Layout, after: str, name: str, value: str) -> Iterator[list[Splice]]:
        """One more key of a mapping, below another one."""
        if layout.kind == "mapping" and after in layout.names:
            yield [self._more_keys(layout, after, {name: value})]

    def _more_keys(self, layout: Layout, after: str, more: dict[str, Any]) -> Splice:
        place = layout.names.index(after)
        key, beside = layout.keys[place], layout.items[place]
        if not layout.flow:
            column = self._lines.column(key.start)
            indent = " " * column
            lines = [line for name in more for line in emit.member(name, more[name], column)]
            end = beside.end if beside.latest_end == beside.end else beside.latest_end
            return self._new_lines(end, [indent + line for line in lines])
        pairs = emit.one_line(more, as_json=self._json)[1:-1]
        before = self._lines.before(key.start)
        separator = " " if before.strip() else self._lines.newline + before
        return beside.end, beside.end, f",{separator}{pairs}"
