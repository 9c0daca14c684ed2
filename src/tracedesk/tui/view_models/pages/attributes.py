"""The Attributes page: names and values as a tree, JSON text opened as JSON, searched as a whole.

Nothing recurses, and of a value only what is on the page is looked at: a list of a million
items costs a page of them.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tracedesk.model.trace import Resource, Span
from tracedesk.query.paths import key_step
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import cells, fit, plain
from tracedesk.tui.view_models.folds import MORE, Folds
from tracedesk.tui.view_models.pages.builder import HEAD_LINES, Page
from tracedesk.tui.view_models.pages.json_lines import opened, scalar

REDACTED = "[REDACTED]"
BY_SENDER, ON_RECEIPT = "redacted by the sender", "redacted before it was stored"
"""What is said beside a blanked value; the second where this trace was redacted on receipt."""

ITEMS_A_PAGE = 100
"""Children of one list or object that are shown at a time."""

NESTED_LINES = 3
"""Lines shown of a long text inside a list or object."""

SMALL = HEAD_LINES
"""A list or object with at most so many values stands unfolded."""

SEARCHED_CHARS = 2_000_000
"""Characters of one text that the search of the page looks at, some milliseconds; a larger one
is opened and searched there."""

SEARCHED_VALUES = 100_000
"""Values inside one attribute that the search looks at."""

MAX_DEPTH_SHOWN = 12
"""Levels of indentation drawn."""

Container = dict[Any, Any] | list[Any]


class Node(msgspec.Struct, frozen=True, gc=False):
    """One name and value of the tree."""

    key: str
    """Name of an attribute, key of an object, or ``[3]``."""
    value: Any
    path: str
    """Attribute, and below it the JSONPath."""
    depth: int
    as_text: bool = False
    """True for JSON that was sent as text."""

    @property
    def children(self) -> int:
        return len(self.value) if isinstance(self.value, dict | list) else 0


def attributes_page(
    span: Span,
    resource: Resource | None,
    width: int,
    search: str = "",
    folds: Folds | None = None,
    *,
    redacted_here: bool = False,
) -> list[Line]:
    """Attributes of a span and of who sent it; ``search`` keeps names and values that hold it."""
    page = Page(width)
    tree = Tree(page, search, folds or Folds(), redacted_here=redacted_here)
    groups: list[tuple[str, dict[str, Any]]] = [("Attributes", span.attributes)]
    if resource is not None and resource.attributes:
        groups.append((f"Resource  {resource.scope}".rstrip(), resource.attributes))
    if span.links:
        groups.append(("Links", {f"link {n}": link for n, link in enumerate(span.links)}))
    for title, attributes in groups:
        found = {k: v for k, v in attributes.items() if holds(k, v, search)}
        if title == "Links" and not found:
            continue
        note = f"{len(found)}" if not search else f"{len(found)} of {len(attributes)}"
        page.heading(title, note)
        for name, value in sorted(found.items()):
            tree.attribute(name, value)
    return page.lines


def holds(name: str, value: Any, search: str) -> bool:
    """True when a name, or a text or number in a value, holds the searched text."""
    wanted = search.casefold()
    if not wanted or wanted in name.casefold():
        return True
    return next(_found(node(name, value), wanted), None) is not None


def node(name: str, value: Any) -> Node:
    """The root of one attribute's tree."""
    value, as_text = opened(value)
    return Node(name, value, name, 0, as_text)


def children(above: Node) -> Iterator[Node]:
    """The names and values directly below a list or object."""
    root = f"{above.path} $" if not above.depth else above.path
    depth = above.depth + 1
    if isinstance(above.value, dict):
        for key, item in above.value.items():
            name = str(key)
            value, as_text = opened(item)
            yield Node(name, value, root + key_step(name), depth, as_text)
    elif isinstance(above.value, list):
        for at, item in enumerate(above.value):
            value, as_text = opened(item)
            yield Node(f"[{at}]", value, f"{root}[{at}]", depth, as_text)


def _found(top: Node, wanted: str) -> Iterator[list[Node]]:
    """Each value, or key below the top, that holds the text, with all that is above it."""
    above: list[Node] = []
    waiting: list[Iterator[Node]] = [iter((top,))]
    looked = 0
    while waiting:
        here = next(waiting[-1], None)
        if here is None:
            waiting.pop()
            if above:
                above.pop()
            continue
        looked += 1
        if looked > SEARCHED_VALUES:
            return
        named = here.depth and wanted in here.key.casefold()
        if here.children:
            if named:
                yield [*above, here]
            above.append(here)
            waiting.append(children(here))
        elif named or wanted in _searched(here.value):
            yield [*above, here]


def _searched(value: Any) -> str:
    if isinstance(value, str):
        return value[:SEARCHED_CHARS].casefold()
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)[:SEARCHED_CHARS].casefold()


def _small(top: Node) -> bool:
    """True for a tree of few values, counted no further than needed."""
    waiting = [children(top)]
    count = 0
    while waiting:
        here = next(waiting[-1], None)
        if here is None:
            waiting.pop()
        else:
            count += 1
            if count > SMALL:
                return False
            if here.children:
                waiting.append(children(here))
    return True


class Tree:
    """Lays trees of attributes out on a page."""

    def __init__(
        self,
        page: Page,
        search: str,
        folds: Folds,
        *,
        redacted_here: bool = False,
        about: str = "attribute",
    ) -> None:
        """``about`` begins the keys of its folds."""
        self._page = page
        self._wanted = search.casefold()
        self._folds = folds
        self._redacted = ON_RECEIPT if redacted_here else BY_SENDER
        self._about = about

    def attribute(self, name: str, value: Any) -> None:
        """One attribute, open where the reader or a search wants it so."""
        top = node(name, value)
        kept = self._kept(top)
        waiting = [iter((top,))]
        while waiting:
            here = next(waiting[-1], None)
            if here is None:
                waiting.pop()
            elif here.value is _MORE:
                self._more(here)
            elif not here.children:
                self._leaf(here)
            elif self._branch(here, kept):
                waiting.append(self._shown(here, kept))

    def _kept(self, top: Node) -> frozenset[str] | None:
        """Paths of what a search found and of what is above it; None to keep all."""
        if not self._wanted or not top.children or self._wanted in top.key.casefold():
            return None
        kept: set[str] = set()
        for count, nodes in enumerate(_found(top, self._wanted)):
            kept.update(each.path for each in nodes)
            if count >= ITEMS_A_PAGE:
                break
        return frozenset(kept)

    def _shown(self, above: Node, kept: frozenset[str] | None) -> Iterator[Node]:
        if kept is not None and any(each.path in kept for each in children(above)):
            yield from (each for each in children(above) if each.path in kept)
            return
        upto = self._folds.pages(self._key(above)) * ITEMS_A_PAGE
        for at, each in enumerate(children(above)):
            if at == upto:
                yield Node(f"{above.children - upto:,}", _MORE, above.path, above.depth + 1)
                return
            yield each

    def _branch(self, here: Node, kept: frozenset[str] | None) -> bool:
        """The line of a list or object; True when what is in it follows."""
        key = self._key(here)
        found = kept is not None and here.path in kept
        shown = self._folds.open(key, found or _small(here))
        count = f"{{{here.children}}}" if isinstance(here.value, dict) else f"[{here.children}]"
        value = Value(here.key, here.value, here.path)
        size = "" if shown else figures.size(value.size)
        notes = "  ".join(filter(None, (count, size, "sent as text" if here.as_text else "")))
        indent = _indent(here)
        room = self._page.width - indent - 2
        name = fit(here.key, room)
        self._page.add(
            Piece(" " * indent),
            Piece("▾ " if shown else "▸ ", "dim"),
            *self._marked(name, "key"),
            Piece("  " + fit(notes, room - cells(name) - 2), "faint"),
            toggle=key,
            folded=not shown,
            value=value,
        )
        return shown

    def _leaf(self, here: Node) -> None:
        page, value = self._page, here.value
        indent = _indent(here) + 2
        lead = fit(here.key, max(page.width - indent - 8, 4))
        note = f"  {self._redacted}" if value == REDACTED else ""
        room = page.width - indent - cells(lead) - 2 - len(note)
        whole = Value(here.key, value, here.path)
        name = (Piece(" " * indent), *self._marked(lead, "key"))
        if not isinstance(value, str) or (len(value) <= room and "\n" not in value):
            piece = scalar(value)
            text = value if isinstance(value, str) and not here.depth else piece.text
            if cells(plain(text)) <= room:
                shown = self._marked(plain(text), piece.role)
                page.add(*name, Piece("  "), *shown, Piece(note, "faint"), value=whole)
                return
        page.add(*name, value=whole)
        text = value if isinstance(value, str) else scalar(value).text
        lines = NESTED_LINES if here.depth else HEAD_LINES
        page.text(text, here.key, path=here.path, indent=indent + 2, role="string", lines=lines)

    def _more(self, here: Node) -> None:
        told = f"… {here.key} more, Enter shows the next {ITEMS_A_PAGE}"
        key = MORE + self._key(here)
        indent = _indent(here) + 2
        self._page.add(
            Piece(" " * indent),
            Piece(fit(told, self._page.width - indent), "accent"),
            toggle=key,
            folded=True,
        )

    def _key(self, here: Node) -> str:
        return f"{self._about} {here.path}"

    def _marked(self, text: str, role: str) -> list[Piece]:
        """A text with what was searched for standing out."""
        lower = text.lower()
        at = lower.find(self._wanted) if self._wanted and len(lower) == len(text) else -1
        if at < 0:
            return [Piece(text, role)]
        end = at + len(self._wanted)
        return [Piece(text[:at], role), Piece(text[at:end], "match"), Piece(text[end:], role)]


_MORE = object()
"""Stands for the children that are not shown yet."""


def _indent(here: Node) -> int:
    return 2 * min(here.depth, MAX_DEPTH_SHOWN)
