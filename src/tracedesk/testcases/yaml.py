"""YAML text → positioned tree, by the 1.2 core schema and nothing beyond it.

Only ``true`` and ``false`` are booleans; dates, ``12:30``, ``no`` and ``on`` stay text.
Tags, merge keys and second documents are refused. The C scanner of PyYAML supplies events;
no object is ever constructed by the YAML library.
"""

import re
from typing import Any

import yaml

from tracedesk.testcases.positions import (
    Fault,
    Mark,
    Node,
    TreeBuilder,
    UnreadableText,
    mapping,
    mark_at,
    number,
    scalar,
    sequence,
)

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NUMBERS = (
    (re.compile(r"[-+]?[0-9]+"), 10, True),
    (re.compile(r"0o[0-7]+"), 8, True),
    (re.compile(r"0x[0-9a-fA-F]+"), 16, True),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), 10, False),
)
"""Core schema, first match decides: pattern, base, whether an integer."""

_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_WORDS = (
    (
        "mapping values are not allowed",
        "a ':' is not expected here; quote the text or start a line",
    ),
    ("could not find expected ':'", "a ':' is missing after this key"),
    ("did not find expected ',' or ']'", "this [list] is not closed; expected ',' or ']'"),
    ("did not find expected ',' or '}'", "this {mapping} is not closed; expected ',' or '}'"),
    ("unexpected end of stream", "a quoted text is not closed before the end of the file"),
    ("did not find expected key", "expected a key in line with the others; check the indentation"),
    ("did not find expected '-'", "expected '- ' in line with the other items"),
    ("invalid Unicode character escape", "this \\u escape is not a whole character"),
    ("unknown escape character", "unknown escape in double quotes; double the backslash"),
)
"""What the scanner says, and what a person can do about it."""


def parse_yaml(text: str) -> Node | None:
    """The positioned tree of one document; None when the text is blank.

    Raises ``UnreadableText`` with the place where reading stopped.
    """
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        name = f"U+{ord(bad.group()):04X}"
        raise UnreadableText(
            f"the control character {name} cannot stand in a YAML file", mark_at(text, bad.start())
        )
    loader = _LOADER(text)
    try:
        return _Reader(loader).document()
    except yaml.YAMLError as error:
        raise _worded(error, text) from None
    finally:
        loader.dispose()


class _Reader:
    """Drives a TreeBuilder with scanner events and keeps the anchors."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._builder = TreeBuilder()
        self._anchors: dict[str, Node] = {}
        self._names: list[str | None] = []

    def document(self) -> Node | None:
        documents = 0
        while True:
            event = self._loader.get_event()
            if isinstance(event, yaml.StreamEndEvent):
                return self._builder.root
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise UnreadableText(
                        "a second document starts here; a test-case file is one document",
                        _mark(event),
                    )
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._anchor(self._names.pop(), self._builder.end())

    def _node(self, event: Any) -> None:
        mark = _mark(event)
        if isinstance(event, yaml.AliasEvent):
            self._alias(event, mark)
            return
        if event.tag is not None:
            raise UnreadableText(f"the tag {_short(event.tag)} is not allowed here", mark)
        if isinstance(event, yaml.ScalarEvent):
            if self._builder.wants_key:
                self._key(event, mark)
            else:
                node = _scalar(event, mark)
                self._anchor(event.anchor, node)
                self._builder.add(node)
            return
        if self._builder.wants_key:
            raise UnreadableText("a key must be text, not a list or mapping", mark)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._names.append(event.anchor)
        self._builder.start(mapping(mark) if is_mapping else sequence(mark))

    def _key(self, event: Any, mark: Mark) -> None:
        if event.value == "<<" and event.implicit[0]:
            raise UnreadableText("merge keys (<<) are not read; write the fields out", mark)
        self._anchor(event.anchor, scalar(event.value, mark))
        self._builder.key(event.value, mark)

    def _alias(self, event: Any, mark: Mark) -> None:
        if self._builder.wants_key:
            raise UnreadableText("an alias cannot be a key", mark)
        node = self._anchors.get(event.anchor)
        if node is None:
            raise UnreadableText(
                f"the alias *{event.anchor} has no finished anchor &{event.anchor} before it", mark
            )
        self._builder.alias(node, mark)

    def _anchor(self, name: str | None, node: Node) -> None:
        if name is not None:
            self._anchors[name] = node


def _scalar(event: Any, mark: Mark) -> Node:
    text: str = event.value
    if not event.implicit[0]:  # quoted or a block: always text
        return scalar(text, mark)
    if text in _NULLS:
        return scalar(None, mark)
    if text in _BOOLEANS:
        return scalar(_BOOLEANS[text], mark)
    if text[0] in "0123456789+-.":
        for pattern, base, integer in _NUMBERS:
            if pattern.fullmatch(text):
                return number(text if base == 10 else text[2:], mark, base=base, integer=integer)
        if _NOT_FINITE.fullmatch(text):
            return scalar(text, mark, Fault("wrong-type", f"{text} is not a finite number", mark))
    return scalar(text, mark)


def _mark(event: Any) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1)


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _worded(error: yaml.YAMLError, text: str) -> UnreadableText:
    """The scanner's complaint in words, a tab in the indentation named first of all."""
    place = getattr(error, "problem_mark", None)
    if place is None:
        return UnreadableText(f"this is not YAML: {error}", Mark(1, 1))
    mark = Mark(place.line + 1, place.column + 1)
    lines = text.split("\n")
    line = lines[place.line] if place.line < len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        column = indent.index("\t") + 1
        return UnreadableText("a tab cannot indent YAML; use spaces", Mark(mark.line, column))
    problem = str(getattr(error, "problem", None) or error)
    opened = getattr(error, "context_mark", None)
    since = f" (it begins on line {opened.line + 1})" if opened and opened.line < place.line else ""
    for start, words in _WORDS:
        if start in problem:
            return UnreadableText(words + since, mark)
    return UnreadableText(problem, mark)
