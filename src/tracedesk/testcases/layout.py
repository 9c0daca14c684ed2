"""Where each value of a file stands in its text, from its first to its last character.

Offsets count characters. A block collection ends where its last value ends: comments and
blank lines below it belong to nobody. Only for texts that were read before without a fault.
"""

import re
from bisect import bisect_right
from typing import Any

import msgspec
import yaml

from tracedesk.testcases.positions import LINE_BREAK, Path

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_JSON_BREAK = re.compile("\r\n|\r|\n")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+|[{}\[\],:]', re.DOTALL)


class Layout(msgspec.Struct):
    """One value: ``text[start:end]``, anchor included."""

    kind: str
    """``mapping``, ``sequence``, ``scalar`` or ``alias``."""
    start: int
    end: int
    flow: bool = False
    """Written in brackets or braces."""
    latest_end: int = 0
    """Of a block text: where the blank lines below it end, which may be part of it."""
    keys: "list[Layout]" = []
    items: "list[Layout]" = []
    names: list[str] = []
    """The keys of a mapping."""

    def item(self, step: str | int) -> "Layout | None":
        """The value under a key (the first of that name) or index."""
        if self.kind == "mapping" and step in self.names:
            return self.items[self.names.index(str(step))]
        if self.kind == "sequence" and isinstance(step, int) and step < len(self.items):
            return self.items[step]
        return None

    def at(self, path: Path) -> "Layout | None":
        """The value at a path; None when it is not written there, as behind an alias."""
        found: Layout | None = self
        for step in path:
            found = found.item(step) if found else None
        return found

    def close(self, end: int) -> None:
        """Set where a block collection ends, from what is in it."""
        last = self.items[-1] if self.items else self.keys[-1] if self.keys else None
        self.end = end if self.flow or last is None else last.end
        self.latest_end = end if self.flow or last is None else max(last.end, last.latest_end)


class Lines:
    """The lines of a text."""

    def __init__(self, text: str, *, json: bool) -> None:
        self.text = text
        found = list((_JSON_BREAK if json else LINE_BREAK).finditer(text))
        self._starts = [0, *(match.end() for match in found)]
        self._ends = [*(match.start() for match in found), len(text)]
        self.newline = found[0].group() if found else "\n"
        """How the text ends its lines."""

    def start(self, offset: int) -> int:
        """Where the line of a character begins."""
        return self._starts[bisect_right(self._starts, offset) - 1]

    def end(self, offset: int) -> int:
        """Where the line of a character ends, before its line break."""
        return self._ends[bisect_right(self._starts, offset) - 1]

    def next(self, offset: int) -> int:
        """Where the line after it begins; the end of the text after the last one."""
        number = bisect_right(self._starts, offset)
        return self._starts[number] if number < len(self._starts) else len(self.text)

    def column(self, offset: int) -> int:
        return offset - self.start(offset)

    def before(self, offset: int) -> str:
        """What stands before a character on its line."""
        return self.text[self.start(offset) : offset]


def layout_of(text: str, *, json: bool) -> Layout | None:
    """The layout of a text that can be read; None when it is blank."""
    return _json_layout(text) if json else _yaml_layout(text)


class _Builder:
    """Puts a layout together from starts, values and ends."""

    def __init__(self) -> None:
        self.root: Layout | None = None
        self._open: list[Layout] = []

    def add(self, layout: Layout, name: str = "") -> None:
        if not self._open:
            self.root = layout
            return
        top = self._open[-1]
        if top.kind == "mapping" and len(top.keys) == len(top.items):
            top.keys.append(layout)
            top.names.append(name)
        else:
            top.items.append(layout)

    def start(self, layout: Layout) -> None:
        self.add(layout)
        self._open.append(layout)

    def stop(self, end: int) -> None:
        self._open.pop().close(end)


def _new(kind: str, start: int, end: int, *, flow: bool = False) -> Layout:
    return Layout(kind, start, end, flow, end, [], [], [])


def _yaml_layout(text: str) -> Layout | None:
    builder = _Builder()
    loader = _LOADER(text)
    try:
        while loader.check_event():
            event: Any = loader.get_event()
            if isinstance(event, yaml.CollectionEndEvent):
                builder.stop(_span(event)[1])
            elif isinstance(event, yaml.CollectionStartEvent):
                kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
                start, _ = _span(event)
                builder.start(_new(kind, start, start, flow=bool(event.flow_style)))
            elif isinstance(event, yaml.ScalarEvent):
                builder.add(_scalar(event, text), event.value)
            elif isinstance(event, yaml.AliasEvent):
                builder.add(_new("alias", *_span(event)))
    finally:
        loader.dispose()
    return builder.root


def _span(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


def _scalar(event: Any, text: str) -> Layout:
    start, end = _span(event)
    found = _new("scalar", start, end)
    if event.style in ("|", ">"):
        found.end = start + len(text[start:end].rstrip())
    return found


def _json_layout(text: str) -> Layout | None:
    builder = _Builder()
    for token in _JSON_TOKEN.finditer(text):
        start, end, word = token.start(), token.end(), token.group()
        if word in "{[":
            kind = "mapping" if word == "{" else "sequence"
            builder.start(_new(kind, start, end, flow=True))
        elif word in "}]":
            builder.stop(end)
        elif word not in ",:":
            name = str(msgspec.json.decode(word)) if word[0] == '"' else ""
            builder.add(_new("scalar", start, end), name)
    return builder.root
