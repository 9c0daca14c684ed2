"""What is being written at a place in a file of test cases that is not finished yet.

The word at the cursor is put in as a marker, whatever is still open is closed, and the text is
read as usual; the place where the marker comes out tells what is meant.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from tracedesk.testcases.positions import Node, Path, UnreadableText
from tracedesk.testcases.yaml import parse_yaml

MARKER: Final = "__here__"

_WORD = re.compile(r"""(?:"(?:[^"\\]|\\.)*|'[^']*|[^\s,:{}\[\]"'#][^,:{}\[\]"'#]*)?\Z""")
_OPENERS: Final = {"{": "}", "[": "]"}


class Writing(msgspec.Struct, frozen=True):
    """What is being written."""

    path: Path
    """Where it comes to stand; of a key, the mapping that it is a key of."""
    key: bool
    """A key of a mapping, rather than a value."""
    word: str
    """What is written of it so far, without quotes."""
    start: int
    """Column where the word begins, its quote included, from 0."""
    root: Any
    """The value of the whole text, the marker in its place."""
    colon: bool = False
    """A key whose colon is written already."""

    def above(self, levels: int = 0) -> Any:
        """The value so many levels above the path."""
        value = self.root
        for step in self.path[: len(self.path) - levels]:
            value = value[step]
        return value


def writings_at(text: str, line: int, column: int) -> Iterator[Writing]:
    """What may be being written before a column of a line, both from 0, the likeliest first;
    nothing when nobody can tell, as in a comment. Only the lines above need to be readable."""
    lines = text.split("\n")
    if not 0 <= line < len(lines):
        return
    here = lines[line]
    before, after = here[:column], here[column:]
    found = _WORD.search(before)
    if found is None or _in_comment(before):
        return
    word = found.group()
    if word[:1] not in "\"'":
        skipped = len(word) - len(word.lstrip("- ")) if word.lstrip()[:2] == "- " else 0
        word = word[skipped:]
    start = column - len(word)
    rest = re.sub(r"""^[^\s,:{}\[\]"'#]*["']?""", "", after)
    above, below = "\n".join(lines[:line]), "\n".join(lines[line + 1 :])
    colon = rest.lstrip().startswith(":")
    for tail in dict.fromkeys((f"{rest}\n{below}", "")):
        for made, key in _finished(above, before[: len(before) - len(word)], tail, colon):
            node = _parsed(made)
            path = None if node is None else _find(node, key)
            if path is not None and node is not None:
                written = word.strip("\"'").strip()
                yield Writing(path, key, written, start, node.value, colon and key)


def _in_comment(before: str) -> bool:
    return re.search(r"(?:^|\s)#", re.sub(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', "", before)) is not None


def _finished(above: str, lead: str, tail: str, colon: bool) -> Iterator[tuple[str, bool]]:
    """Ways to finish the text, each with whether the marker is a key in it."""
    head = f"{above}\n{lead}" if above else lead
    closing = "" if tail else _closing(lead)
    if colon:
        yield f"{head}{MARKER}{tail}", True
        yield f"{head}{MARKER}: 0{closing}", True
        return
    yield f"{head}{MARKER}: 0{closing}{tail}", True
    yield f"{head}{MARKER}{closing}{tail}", False


def _closing(lead: str) -> str:
    """The brackets that are still open on a line."""
    opened: list[str] = []
    for letter in re.sub(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', "", lead):
        if letter in _OPENERS:
            opened.append(_OPENERS[letter])
        elif letter in "}]" and opened:
            opened.pop()
    return "".join(reversed(opened))


def _parsed(text: str) -> Node | None:
    try:
        return parse_yaml(text)
    except UnreadableText:
        return None


def _find(node: Node, key: bool) -> Path | None:
    """Where the marker is: the path of the value, or of the mapping that has it as a key."""
    stack: list[tuple[Path, Node]] = [((), node)]
    while stack:
        path, current = stack.pop()
        children = current.children
        if isinstance(children, dict):
            if key and MARKER in children:
                return path
            stack += [((*path, name), child) for name, child in children.items()]
        elif isinstance(children, list):
            stack += [((*path, at), child) for at, child in enumerate(children)]
        elif not key and current.value == MARKER:
            return path
    return None
