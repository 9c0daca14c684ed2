"""Which calls an expected name means: each name is held against each set of names once.

Calls that bear the same names are one group. An exact name leaves out those that it only
fits in part (assertion spec 3).
"""

from collections.abc import Sequence
from functools import cached_property
from operator import attrgetter

import msgspec

from tracedesk.model.reading import Call
from tracedesk.query.names import FULLY, PARTLY, NameTest, edit_distance, fold


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """The calls that one expected name means."""

    calls: tuple[Call, ...] = ()
    shadowed: tuple[str, ...] = ()
    """Labels of calls that match in part, left out because others match in full."""


_NOTHING = Resolution()


def preferred(fully: list[Call], partly: list[Call]) -> Resolution:
    """Calls that a name fits in full leave out those that it fits in part."""
    if fully:
        return Resolution(tuple(fully), tuple([call.label for call in partly]))
    return Resolution(tuple(partly)) if partly else _NOTHING


class _Group(msgspec.Struct, frozen=True):
    """Calls that bear the same names."""

    tool: bool
    names: tuple[str, ...]
    folded: tuple[str, ...]
    text: str
    """The folded names, one a line."""
    calls: list[Call]


_NONE: tuple[list[Call], list[Call]] = ([], [])
"""What a name finds that fits nothing."""


class CallNames:
    """The names of all calls of a trace."""

    def __init__(self, calls: Sequence[Call], timeout_s: float) -> None:
        self._calls = calls
        self._timeout_s = timeout_s
        self._matching: dict[tuple[str, str, str], tuple[list[Call], list[Call]]] = {}
        self._slips: dict[str, list[tuple[int, Call]]] = {}
        self._found: list[_Group] | None = None
        self._haystack = ""
        """The texts of all groups, set when they are found."""

    @property
    def _groups(self) -> list[_Group]:
        if self._found is None:
            self._found = self._grouped()
            self._haystack = "\n".join([group.text for group in self._found])
        return self._found

    def _grouped(self) -> list[_Group]:
        groups: list[_Group] = []
        tools: dict[str | tuple[str, ...], list[Call]] = {}
        nodes: dict[str | tuple[str, ...], list[Call]] = {}
        for call in self._calls:
            tool, label, aliases = call.tool, call.label, call.aliases
            known = tools if tool else nodes
            names = (label, *aliases) if aliases else label
            calls = known.get(names)
            if calls is None:
                calls = known[names] = []
                groups.append(_group(tool, label, aliases, calls))
            calls.append(call)
        return groups

    @cached_property
    def _labels(self) -> list[tuple[str, list[Call]]]:
        """Folded label and calls of each group."""
        return [(fold(group.names[0]), group.calls) for group in self._groups]

    def slips_of(self, name: str) -> list[tuple[int, Call]]:
        """Calls whose labels look like a slip of a name or are it, nearest first, each with
        its distance in edits."""
        wanted = fold(name)
        found = self._slips.get(wanted)
        if found is None:
            limit = max(2, len(wanted) // 3)
            shortest, longest = len(wanted) - limit, len(wanted) + limit
            found = self._slips[wanted] = []
            for label, calls in self._labels:
                if shortest <= len(label) <= longest:
                    distance = edit_distance(wanted, label, limit)
                    if distance <= limit:
                        found += [(distance, call) for call in calls]
            found.sort(key=_by_distance)
        return found

    def of_tools(self) -> set[str]:
        """Every name by which a tool was called."""
        return {name for group in self._groups if group.tool for name in group.names}

    def matches(self, test: NameTest) -> tuple[list[Call], list[Call]]:
        """The calls that a name fits in full, and in part, both in body order; shared lists.

        Raises PatternTimeoutError under ``regex``.
        """
        known = self._matching.get(test.key)
        if known is None:
            candidates = self._candidates(test)
            if not candidates:
                return _NONE
            fully: list[_Group] = []
            partly: list[_Group] = []
            for group in candidates:
                degree = test.test_folded(group.names, group.folded, group.tool, self._timeout_s)
                if degree == FULLY:
                    fully.append(group)
                elif degree == PARTLY:
                    partly.append(group)
            known = self._matching[test.key] = _in_order(fully), _in_order(partly)
        return known

    def _candidates(self, test: NameTest) -> list[_Group]:
        """The groups that a name may fit: nearly all are ruled out by one look at their text."""
        groups = self._groups
        if not test.plainly:
            return groups
        tool, node, haystack = test.as_tool, test.as_node, self._haystack
        if tool not in haystack and node not in haystack:
            return []
        return [group for group in groups if (tool if group.tool else node) in group.text]


def _group(tool: bool, label: str, aliases: tuple[str, ...], calls: list[Call]) -> _Group:
    if not aliases:  # as nearly every call
        folded = fold(label, tool)
        return _Group(tool, (label,), (folded,), folded, calls)
    names = (label, *aliases)
    every = tuple([fold(name, tool) for name in names])
    return _Group(tool, names, every, "\n".join(every), calls)


def _in_order(groups: Sequence[_Group]) -> list[Call]:
    if len(groups) < 2:
        return groups[0].calls if groups else []
    return sorted([call for group in groups for call in group.calls], key=attrgetter("order"))


def _by_distance(pair: tuple[int, Call]) -> tuple[int, int]:
    return pair[0], pair[1].order
