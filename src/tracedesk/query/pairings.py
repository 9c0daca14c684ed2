"""Matchers on lists that pair expectations with elements, always by maximum matching."""

from collections.abc import Sequence
from typing import Any

from tracedesk.query.assignment import UNPAIRED, pair
from tracedesk.query.expected import Env, Expected
from tracedesk.query.values import show


class Assigned(Expected):
    """Base of the matchers that pair expectations with distinct elements."""

    __slots__ = ("elements",)

    def __init__(self, source: Any, elements: Sequence[Expected], **base: Any) -> None:
        super().__init__(source, **base)
        self.elements = tuple(elements)

    @property
    def expected_type(self) -> str:
        return "array"

    def unpaired(self, actual: Sequence[Any], env: Env) -> list[int]:
        """Indexes of the expectations that no largest pairing serves."""
        edges = [
            [i for i, item in enumerate(actual) if element.accepts(item, env)]
            for element in self.elements
        ]
        partner = pair(edges, len(actual))
        return [index for index, right in enumerate(partner) if right == UNPAIRED]

    def hint(self, actual: Any, env: Env) -> str:
        if not isinstance(actual, list | tuple):
            return super().hint(actual, env)
        left = self.unpaired(actual, env)
        return f"nothing left for {self.elements[left[0]].words}" if left else ""


class ContainsAll(Assigned):
    """Every listed substring, or every listed expectation with an element of its own."""

    __slots__ = ("values",)

    def __init__(
        self, source: Any, values: Sequence[Any], elements: Sequence[Expected], **base: Any
    ) -> None:
        super().__init__(source, elements, **base)
        self.values = tuple(values)

    @property
    def words(self) -> str:
        return f"contains all of {', '.join(element.words for element in self.elements)}"

    def accepts(self, actual: Any, env: Env) -> bool:
        if isinstance(actual, str):
            return all(isinstance(value, str) and value in actual for value in self.values)
        return isinstance(actual, list | tuple) and not self.unpaired(actual, env)

    def hint(self, actual: Any, env: Env) -> str:
        if isinstance(actual, str):
            absent = [v for v in self.values if not (isinstance(v, str) and v in actual)]
            return f"does not contain {show(absent[0])}" if absent else ""
        return super().hint(actual, env)


class Unordered(Assigned):
    """Lists of equal length, paired one to one in any order."""

    __slots__ = ()

    @property
    def words(self) -> str:
        return f"in any order: {', '.join(element.words for element in self.elements) or 'nothing'}"

    def accepts(self, actual: Any, env: Env) -> bool:
        return (
            isinstance(actual, list | tuple)
            and len(actual) == len(self.elements)
            and not self.unpaired(actual, env)
        )

    def hint(self, actual: Any, env: Env) -> str:
        if isinstance(actual, list | tuple) and len(actual) != len(self.elements):
            return f"{len(actual)} elements, not {len(self.elements)}"
        return super().hint(actual, env)
