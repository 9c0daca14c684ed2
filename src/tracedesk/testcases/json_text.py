"""JSON text → positioned tree, strictly by RFC 8259.

The same tree as from YAML, so that a diagnostic does not care which of the two was written.
Iterative, since the depth of a file is its author's choice.
"""

import re
from bisect import bisect_right
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

from tracedesk.testcases.positions import (
    UNENCODABLE,
    Mark,
    Node,
    TreeBuilder,
    UnreadableText,
    mapping,
    number,
    scalar,
    sequence,
)

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_]+")
_LINE_START = re.compile(r"\r\n|\r|\n")
_LITERALS = {"true": True, "false": False, "null": None}


def parse_json(text: str) -> Node | None:
    """The positioned tree; None when the text is blank. Raises ``UnreadableText``."""
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(m.end() for m in _LINE_START.finditer(text))]
        self._builder = TreeBuilder()
        self._open: list[tuple[str, Node]] = []
        """Closing bracket and node of every list and mapping being read."""

    def document(self) -> Node | None:
        if not self._peek():
            return None
        self._value()
        while self._open:
            self._step()
        if self._peek():
            raise self._wrong("more text after the end of the JSON value")
        return self._builder.root

    def _step(self) -> None:
        """One more item of the innermost list or mapping, or its end."""
        closer, node = self._open[-1]
        found = self._peek()
        if found == closer:
            self._at += 1
            self._open.pop()
            self._builder.end()
            return
        if node.children:
            if found != ",":
                raise self._wrong(f"expected ',' or '{closer}'")
            self._at += 1
            if self._peek() == closer:
                raise self._wrong(f"a comma before '{closer}' is not JSON; remove it")
        if closer == "}":
            self._key()
        self._value()

    def _key(self) -> None:
        if self._peek() != '"':
            raise self._wrong('expected a key in "double quotes"')
        mark = self._mark()
        key = self._string()
        if self._peek() != ":":
            raise self._wrong("expected ':' after the key")
        self._at += 1
        self._builder.key(key, mark)

    def _value(self) -> None:
        found, mark = self._peek(), self._mark()
        if found == "{":
            self._begin("}", mapping(mark))
        elif found == "[":
            self._begin("]", sequence(mark))
        elif found == '"':
            self._builder.add(scalar(self._string(), mark))
        else:
            self._builder.add(self._bare(mark))

    def _begin(self, closer: str, node: Node) -> None:
        self._at += 1
        self._builder.start(node)
        self._open.append((closer, node))

    def _bare(self, mark: Mark) -> Node:
        """A number or one of the three words."""
        digits = _NUMBER.match(self._text, self._at)
        if digits is not None:
            self._at = digits.end()
            integer = digits.group(2) is None and digits.group(3) is None
            return number(digits.group(), mark, integer=integer)
        word = _WORD.match(self._text, self._at)
        if word is None or word.group() not in _LITERALS:
            raise self._wrong("expected a JSON value")
        self._at = word.end()
        return scalar(_LITERALS[word.group()], mark)

    def _string(self) -> str:
        text: str
        try:
            text, self._at = scanstring(self._text, self._at + 1, True)
        except JSONDecodeError as error:
            self._at = error.pos
            raise self._wrong(error.msg[0].lower() + error.msg[1:].removesuffix(" at")) from None
        if UNENCODABLE.search(text):
            raise self._wrong("this text holds half of a surrogate pair (\\ud800 to \\udfff)")
        return text

    def _peek(self) -> str:
        """The next character that is not white space, blank at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _mark(self) -> Mark:
        line = bisect_right(self._starts, self._at)
        return Mark(line, self._at - self._starts[line - 1] + 1)

    def _wrong(self, message: str) -> UnreadableText:
        return UnreadableText(message, self._mark())
