"""What the shapes and parents of a trace's spans tell: where each rule can find anything at all.

Programs repeat their traces with other values, so the form of a small trace is looked at once.
Nothing here depends on a value or a time; shared by threads, and never changed.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

import msgspec

from tracedesk.model.links import NO_PARENT
from tracedesk.reading.plan import Plan, Rows, Shape
from tracedesk.reading.tables.convention import Field, Tokens

Order = tuple[tuple[bool, list[int]], ...]
"""Candidates in the order of trying, in groups: whether the latest comes first, and indexes in
body order. No group is empty."""

_MAX_FORMS = 1024
_MAX_SPANS = 64
"""Larger traces hardly repeat, and their forms would take memory."""


class Counting(msgspec.Struct, frozen=True):
    """Where the names of one convention count tokens."""

    tokens: Tokens
    reporting: list[int]
    """Spans that count their own."""
    roots: list[int]
    """Those of them that are roots."""
    whole: list[int]
    """Roots that state the whole run."""


class Form:
    """See the module. Indexes are of executed spans, in body order, unless said otherwise."""

    def __init__(self, plan: Plan, shapes: Sequence[Shape], parents: Sequence[int]) -> None:
        self._plan = plan
        self.shapes = shapes
        self.parents = parents
        self.roots = [i for i, parent in enumerate(parents) if parent == NO_PARENT]
        """All roots, skipped ones too."""
        self._groups: dict[Shape, list[int]] = {}
        groups = self._groups
        for index, shape in enumerate(shapes):
            found = groups.get(shape)
            if found is not None:
                found.append(index)
            elif not shape.skipped:
                groups[shape] = [index]
        self.names: frozenset[str] = frozenset().union(*(shape.names for shape in groups))
        """Attributes that rules look at and some executed span has."""
        self._having: dict[str, list[int]] = {}
        self._candidates: dict[Rows, tuple[tuple[Field, Order], ...]] = {}

    def having(self, attribute: str) -> list[int]:
        """Spans that carry the attribute."""
        found = self._having.get(attribute)
        if found is None:
            if attribute not in self.names:
                return []
            found = self._having[attribute] = self.having_any((attribute,))
        return found

    def having_any(self, attributes: Iterable[str]) -> list[int]:
        """Spans that carry at least one of the attributes."""
        wanted = self.names.intersection(attributes)
        return _merged([i for s, i in self._groups.items() if not wanted.isdisjoint(s.names)])

    @cached_property
    def speaking(self) -> list[int]:
        """Spans that hold messages in attributes."""
        return _merged([i for shape, i in self._groups.items() if shape.messages])

    @cached_property
    def speakers(self) -> list[int]:
        """AI spans that hold messages in attributes."""
        return [i for i in self.speaking if self.shapes[i].ai]

    def candidates(self, rows: Rows) -> tuple[tuple[Field, Order], ...]:
        """The rows that any span's attributes allow, each with its candidates."""
        found = self._candidates.get(rows)
        if found is None:
            fields = rows.fields if not self.names.isdisjoint(rows.names) else ()
            listed = [(field, self._allowed(field)) for field in fields]
            found = tuple((field, self.order(rows.role, i)) for field, i in listed if i)
            self._candidates[rows] = found
        return found

    def _allowed(self, field: Field) -> list[int]:
        """Spans that a row may read."""
        found = _merged(
            [
                indexes
                for shape, indexes in self._groups.items()
                if field.attribute in shape.names
                and (not field.kinds or shape.kind in field.kinds)
                and shape.names.isdisjoint(field.unless)
            ]
        )
        return [i for i in found if self.parents[i] == NO_PARENT] if field.roots_only else found

    def order(self, role: str, indexes: Iterable[int]) -> Order:
        """A response: roots, AI spans latest first, the rest latest first (ingestion spec 14.2).
        Else AI spans latest first, roots, the rest latest first (14.3)."""
        roots: list[int] = []
        ai: list[int] = []
        rest: list[int] = []
        roots_first = role == "response"
        shapes, parents = self.shapes, self.parents
        for index in indexes:
            root = parents[index] == NO_PARENT
            if root and roots_first:
                roots.append(index)
            elif shapes[index].ai:
                ai.append(index)
            else:
                (roots if root else rest).append(index)
        groups = [(True, ai), (True, rest)]
        groups.insert(0 if roots_first else 1, (False, roots))
        return tuple(group for group in groups if group[1])

    @cached_property
    def models(self) -> tuple[tuple[str, list[int]], ...]:
        """Attributes that name a model and the spans that have them, in the order of trying."""
        return tuple((n, self.having(n)) for n in self._plan.models if n in self.names)

    @cached_property
    def http_status(self) -> tuple[tuple[str, list[int]], ...]:
        """Attributes with a status code and the spans that have them, roots first.

        The n8n node writes the code on its first root, be it a skipped trigger.
        """
        skipped = [i for i in self.roots if self.shapes[i].skipped]
        found = []
        for name in self._plan.http_status:
            having = self.having(name)
            roots = [i for i in having if self.parents[i] == NO_PARENT]
            roots += (i for i in skipped if name in self.shapes[i].names)
            others = [i for i in having if self.parents[i] != NO_PARENT]
            if roots or others:
                found.append((name, sorted(roots) + others))
        return tuple(found)

    @cached_property
    def counting(self) -> tuple[Counting, ...]:
        """Conventions that count tokens in this trace, in the order of trying."""
        return tuple(
            self._counting(tokens)
            for tokens in self._plan.tokens
            if not self.names.isdisjoint(tokens.names)
        )

    def _counting(self, tokens: Tokens) -> Counting:
        kinds, shapes, parents = tokens.kinds, self.shapes, self.parents
        reporting = self.having_any(tokens.counted)
        if kinds:
            reporting = [i for i in reporting if shapes[i].kind in kinds]
        whole = self.having_any(tokens.whole) if tokens.whole is not None else []
        return Counting(
            tokens,
            reporting,
            [i for i in reporting if parents[i] == NO_PARENT],
            [i for i in whole if parents[i] == NO_PARENT],
        )


def form_of(plan: Plan, shapes: Sequence[Shape], parents: Sequence[int]) -> Form:
    """The form of a trace whose spans have these shapes and parents."""
    if len(shapes) > _MAX_SPANS:
        return Form(plan, shapes, parents)
    return _known(plan, tuple(shapes), tuple(parents))


_known = lru_cache(_MAX_FORMS)(Form)


def _merged(lists: list[list[int]]) -> list[int]:
    """The members of some groups, in body order."""
    if len(lists) == 1:
        return lists[0]
    found: list[int] = []
    for each in lists:
        found += each
    found.sort()
    return found
