"""Values that know where they were written: a tree parallel to the plain value.

Every node and every mapping key has a 1-based line and column. An aliased node is shared,
never copied, so the tree costs what the text costs; what expansion would cost is counted
and capped. Building is iterative: depth is a limit, never a stack overflow.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

MAX_BYTES = 5 * 1024 * 1024
"""Largest test-case file that is read (assertion spec 9.1)."""

MAX_DEPTH = 100
"""Deepest nesting accepted; hand-written files stay under twenty."""

MAX_ALIASED = 100_000
"""Nodes that all aliases of a file may stand for together."""

UNENCODABLE = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: cannot be written out, so it is refused on the way in."""

LINE_BREAK = re.compile("\r\n|\r|\n|\x85|\u2028|\u2029")
"""What ends a line for the YAML reader, and so for every code frame."""

Path = tuple[str | int, ...]
"""Keys and indexes from the root of a file or of one assertion."""


class Mark(NamedTuple):
    """A place in a text, both numbers from 1; columns count characters."""

    line: int
    column: int


class Fault(msgspec.Struct, frozen=True):
    """Something wrong at one node that reading could get past, such as a repeated key."""

    code: str
    message: str
    mark: Mark


class UnreadableText(Exception):  # noqa: N818 - it says what the text is
    """The text cannot be read at all; ``mark`` is where reading stopped."""

    def __init__(self, message: str, mark: Mark, code: str = "syntax") -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark
        self.code = code


class Node(msgspec.Struct):
    """One value with its place. ``value`` is plain JSON: dict, list, text, number, …"""

    value: Any
    mark: Mark
    children: "dict[str, Node] | list[Node] | None" = None
    keys: dict[str, Mark] = msgspec.field(default_factory=dict)
    faults: list[Fault] = msgspec.field(default_factory=list)
    size: int = 1
    """Nodes of the subtree once aliases are expanded."""
    troubled: bool = False
    """Some node of the subtree has a fault."""

    def child(self, step: str | int) -> "Node | None":
        """The value under a key or index, None when there is none."""
        if isinstance(self.children, dict):
            return self.children.get(step) if isinstance(step, str) else None
        if isinstance(self.children, list) and isinstance(step, int):
            return self.children[step] if 0 <= step < len(self.children) else None
        return None

    def locate(self, path: Path, *, on_key: bool = False) -> Mark:
        """Where a path is written; the nearest node above it when it is not written at all."""
        node, mark = self, self.mark
        for depth, step in enumerate(path):
            below = node.child(step)
            if below is None:
                return node.keys.get(str(step), mark)
            mark = below.mark
            if on_key and depth == len(path) - 1 and isinstance(step, str):
                mark = node.keys.get(step, mark)
            node = below
        return mark

    def all_faults(self, path: Path = ()) -> Iterator[tuple[Path, Fault]]:
        """Every fault of the subtree with its path; a shared node reports at each use."""
        if not self.troubled:
            return
        for fault in self.faults:
            yield path, fault
        steps: Iterator[tuple[str | int, Node]] = iter(())
        if isinstance(self.children, dict):
            steps = iter(self.children.items())
        elif isinstance(self.children, list):
            steps = iter(enumerate(self.children))
        for step, node in steps:
            yield from node.all_faults((*path, step))


class _Open:
    """A mapping or list still being read."""

    __slots__ = ("key", "key_mark", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.key: str | None = None
        self.key_mark: Mark | None = None


class TreeBuilder:
    """Puts a tree together from a stream of starts, keys, values and ends."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._aliased = 0

    @property
    def wants_key(self) -> bool:
        """True inside a mapping whose next item must be a key."""
        return bool(self._open) and self._open[-1].key is None and self._in_mapping

    @property
    def _in_mapping(self) -> bool:
        return isinstance(self._open[-1].node.children, dict)

    def key(self, text: str, mark: Mark) -> None:
        """The key of the next value."""
        self._open[-1].key, self._open[-1].key_mark = text, mark

    def start(self, node: Node) -> None:
        """A mapping or list begins; it is attached when it ends."""
        if len(self._open) >= MAX_DEPTH:
            raise UnreadableText(f"nested deeper than {MAX_DEPTH} levels", node.mark)
        self._open.append(_Open(node))

    def end(self) -> Node:
        """The innermost mapping or list is complete."""
        node = self._open.pop().node
        self.add(node)
        return node

    def alias(self, node: Node, mark: Mark) -> None:
        """A finished node once more; only its expanded size is paid for."""
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            raise UnreadableText(
                f"aliases of this file expand to more than {MAX_ALIASED:,} values", mark
            )
        self.add(node)

    def add(self, node: Node) -> None:
        """Attach a finished node under the open mapping or list."""
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        owner, children = top.node, top.node.children
        if isinstance(children, list):
            children.append(node)
            owner.value.append(node.value)
        elif isinstance(children, dict):
            key, mark = top.key, top.key_mark
            assert key is not None
            assert mark is not None
            top.key = top.key_mark = None
            if key in children:
                first = owner.keys[key].line
                message = f"{key!r} is written twice in one mapping, first on line {first}"
                owner.faults.append(Fault("duplicate-key", message, mark))
                owner.troubled = True
            else:
                children[key] = node
                owner.keys[key] = mark
                owner.value[key] = node.value
        owner.size += node.size
        owner.troubled = owner.troubled or node.troubled or bool(node.faults)


def mapping(mark: Mark) -> Node:
    """An empty mapping node."""
    return Node(value={}, mark=mark, children={})


def sequence(mark: Mark) -> Node:
    """An empty list node."""
    return Node(value=[], mark=mark, children=[])


def scalar(value: Any, mark: Mark, *faults: Fault) -> Node:
    """A text, number, boolean or null."""
    return Node(value=value, mark=mark, faults=list(faults), troubled=bool(faults))


def number(text: str, mark: Mark, *, base: int = 10, integer: bool) -> Node:
    """A finite number; one that is too long or not finite is a fault, kept as its text."""
    try:
        value: int | float = int(text, base) if integer else float(text)
    except ValueError:
        return scalar(text, mark, Fault("wrong-type", "this number is too long to be read", mark))
    if isinstance(value, float) and not -_INFINITY < value < _INFINITY:
        return scalar(text, mark, Fault("wrong-type", f"{text} is not a finite number", mark))
    return scalar(value, mark)


_INFINITY = float("inf")


def mark_at(text: str, offset: int) -> Mark:
    """Line and column of a character offset."""
    line, start = 1, 0
    for found in LINE_BREAK.finditer(text, 0, offset):
        line, start = line + 1, found.end()
    return Mark(line, offset - start + 1)
