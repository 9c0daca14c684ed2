"""The names that stored traces know: tools, nodes, their arguments and outputs, paths of JSON
responses. For completion; bounded, since a trace may make up names."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from tracedesk.authoring.naming import dot_path
from tracedesk.evaluation.load import Loaded
from tracedesk.model.reading import Call
from tracedesk.query.values import ABSENT, json_text

NEWEST: Final = 200
"""Traces whose names are offered."""

MAX_NAMES: Final = 2_000
MAX_PATHS: Final = 200
"""Paths kept of one tool, and of responses."""

MAX_CHARS: Final = 120
"""Longer names and paths are not offered."""

_DEPTH: Final = 4


class Vocabulary:
    """What was seen, each name with how often."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.tools: Counter[str] = Counter()
        self.arguments: dict[str, Counter[str]] = {}
        """Paths of a call's arguments by its label; of a node, of its output."""
        self.outputs: dict[str, Counter[str]] = {}
        self.attributes: Counter[str] = Counter()
        self.response: Counter[str] = Counter()

    def note(self, trace: Loaded) -> None:
        """Take in a trace."""
        for call in trace.reading.calls:
            self._call(call)
        for span in trace.trace.spans[:MAX_PATHS]:
            _add(self.attributes, span.attributes, MAX_NAMES)
        text = trace.reading.response.text
        value = ABSENT if text is None else json_text(text)
        if value is not ABSENT:
            _add(self.response, _paths(value), MAX_PATHS)

    def _call(self, call: Call) -> None:
        label = call.label
        if len(self.calls) >= MAX_NAMES and label not in self.calls:
            return
        _add(self.calls, (label,), MAX_NAMES)
        if call.tool:
            _add(self.tools, (label,), MAX_NAMES)
        if call.arguments_state == "captured":
            known = self.arguments.setdefault(label, Counter())
            _add(known, _paths(call.arguments), MAX_PATHS)
        if call.output_state == "captured":
            value = json_text(call.output)
            known = self.outputs.setdefault(label, Counter())
            _add(known, _paths(call.output if value is ABSENT else value), MAX_PATHS)

    def paths_of(self, name: str, output: bool = False) -> list[str]:
        """Argument (or output) paths of the calls that a name may mean, frequent ones first."""
        known = self.outputs if output else self.arguments
        wanted = name.casefold()
        found: Counter[str] = Counter()
        for label, paths in known.items():
            if label.casefold() == wanted:
                return frequent(paths)
            if wanted in label.casefold():
                found.update(paths)
        return frequent(found)


def frequent(counter: Counter[str]) -> list[str]:
    """The most frequent first, else by name."""
    return sorted(counter, key=lambda name: (-counter[name], name))


def _add(counter: Counter[str], names: Iterable[str], limit: int) -> None:
    for name in names:
        if (
            len(name) <= MAX_CHARS
            and name.isprintable()
            and (name in counter or len(counter) < limit)
        ):
            counter[name] += 1


def _paths(value: Any) -> list[str]:
    """Dot paths of the members of a value, some levels deep."""
    found: list[str] = []
    level: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    for _ in range(_DEPTH):
        below: list[tuple[tuple[str | int, ...], Any]] = []
        for steps, item in level:
            if isinstance(item, dict):
                below += [((*steps, key), inner) for key, inner in list(item.items())[:MAX_PATHS]]
            elif isinstance(item, list) and item:
                below.append(((*steps, 0), item[0]))
        found += [dot_path(steps) for steps, _ in below if isinstance(steps[0], str)]
        level = below
        if len(found) > MAX_PATHS:
            break
    return found[:MAX_PATHS]
