"""One of two traces: its spans in call order, each known by its role, its name, and what it was
given and gave.

What a call said is looked at once, for a digest; ids, times and token counts are no part of it,
since no two runs share them. The values themselves are read again for the pair that is shown.
"""

from collections.abc import Hashable, Iterable, Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any

import msgspec

from tracedesk.model.peek import eventful, opened
from tracedesk.model.reading import Call, Reading
from tracedesk.model.trace import Kind, Span, Trace
from tracedesk.model.tree import ROOT, SpanTree
from tracedesk.query.values import ABSENT, equality_key, json_text
from tracedesk.reading.events import each_message
from tracedesk.reading.messages import Said
from tracedesk.reading.plan import Messages
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.tables.readers import indexed_messages
from tracedesk.reading.view import View

ROLES: Mapping[Kind, str] = {Kind.AGENT: "agent", Kind.MODEL: "model", Kind.TOOL: "tool"}
"""What a span is for, by its kind; all else is ``other``."""

SETTINGS = ("gen_ai.request.", "llm.invocation_parameters", "ai.settings.")
"""How the attributes begin that say how a model was asked."""

NO_MODELS: frozenset[str] = frozenset()

NOTHING = b""
"""Digest of what was not recorded."""


class Content(msgspec.Struct, frozen=True):
    """What a call was given, or what it gave."""

    what: str = ""
    """``arguments``, ``messages``, ``parameters``, ``input``, ``result`` or ``output``; blank
    when nothing was recorded."""
    value: Any = ABSENT
    place: str = ""
    """Attribute or body path it was read from."""


BLANK = Content()


class Side:
    """A trace ready to be compared. All lists are by row of the tree, which is call order."""

    def __init__(
        self,
        trace: Trace,
        tree: SpanTree,
        reading: Reading,
        settings: ReadingSettings = ReadingSettings(),
    ) -> None:
        self.trace = trace
        self.tree = tree
        self.reading = reading
        self._view = View(trace, settings)
        spans = map(trace.spans.__getitem__, tree.order)
        self.spans: list[Span] = list(spans)
        calls = {call.id: call for call in reading.calls if call.shown_by is None}
        self._calls = [calls.get(span.span_id) for span in self.spans]
        plan = self._view.plan
        self._inputs = (*plan.input.attributes, *plan.input_gaps.attributes)
        self.models = [self._models(row) for row in range(len(self.spans))]
        """Names of the models that each model call was made to; empty for all else."""
        self.roles = [ROLES.get(span.kind, "other") for span in self.spans]
        self.names = [self._name(row) for row in range(len(self.spans))]
        self.given = [digest(self.given_at(row)) for row in range(len(self.spans))]
        """Digests of what each call was given."""
        self.gave = [digest(self.gave_at(row)) for row in range(len(self.spans))]

    def __len__(self) -> int:
        return len(self.spans)

    def call(self, row: int) -> Call | None:
        """The call that a span is; None for one that did not run."""
        return self._calls[row]

    def _name(self, row: int) -> str:
        """A tool by its own name, a model call without its model, all else by its label."""
        span = self.spans[row]
        if span.kind is Kind.TOOL:
            call = self.call(row)
            return span.label if call is None else call.label
        if span.kind is not Kind.MODEL:
            return span.label
        words, models = span.label.split(), self.models[row]
        return " ".join(word for word in words if word not in models) or "model"

    def _models(self, row: int) -> frozenset[str]:
        if self.spans[row].kind is not Kind.MODEL:
            return NO_MODELS
        seen = self._view.seen[self.tree.order[row]]
        values = [opened(seen[name]) for name in self._view.plan.models if name in seen]
        return frozenset([value for value in values if isinstance(value, str)])

    # -- what was said ---------------------------------------------------------------

    def given_at(self, row: int) -> Content:
        """What a call was given: a tool its arguments, a model its messages."""
        index = self.tree.order[row]
        shape, call = self._view.shapes[index], self.call(row)
        if call is not None and call.tool:
            if call.arguments_state == "absent":
                return BLANK
            return Content("arguments", call.arguments, call.arguments_place)
        if call is not None and call.parameters is not None:
            return Content("parameters", call.parameters, "n8n.node.parameters")
        found = self._messages(index, shape.told, "input")
        return found or self._attribute(index, "input")

    def gave_at(self, row: int) -> Content:
        """What a call gave: a tool its result, a model its messages, a node its output."""
        index = self.tree.order[row]
        shape, call = self._view.shapes[index], self.call(row)
        if call is None or not call.tool:
            found = self._messages(index, shape.spoken, "response")
            if found is not None:
                return found
        if call is None:
            return BLANK
        if call.output_state != "absent":
            return Content("result" if call.tool else "output", call.output, call.output_place)
        if not call.tool and call.arguments_state != "absent":  # the output of a built node
            return Content("output", call.arguments, call.arguments_place)
        return BLANK

    def _messages(self, index: int, sources: Messages, role: str) -> Content | None:
        view = self._view
        ai = view.shapes[index].ai
        if not (sources or ai):
            return None
        for attributes, indexed in sources:
            said = [message for name in attributes for message in view.said(index, name)]
            for prefix, infix in indexed:
                said += indexed_messages(view.spans[index].attributes, prefix, infix)
            if said:
                place = attributes[0] if attributes else indexed[0][0]
                return Content("messages", [message_value(each) for each in said], place)
        span = view.spans[index]
        if ai and eventful(span):
            told = list(each_message(span.events, role))
            if told:
                values = [message_value(message) for message, _ in told]
                return Content("messages", values, f"event {told[0][1]}")
        return None

    def _attribute(self, index: int, what: str) -> Content:
        """The first attribute that the tables of conventions name for an input."""
        seen = self._view.seen[index]
        if seen.keys().isdisjoint(self._inputs):
            return BLANK
        for name in self._inputs:
            if name in seen:
                value = opened(seen[name])
                inner = json_text(value)
                return Content(what, value if inner is ABSENT else inner, name)
        return BLANK

    def settings_at(self, row: int) -> dict[str, Any]:
        """How a model was asked: its name, temperature and the like."""
        span = self.spans[row]
        if span.kind is not Kind.MODEL:
            return {}
        found = span.attributes.items()
        return {name: value for name, value in found if name.startswith(SETTINGS)}

    # -- keys ------------------------------------------------------------------------

    @cached_property
    def paths(self) -> list[int]:
        """Per row a number that is the same for rows below the same names."""
        numbers: dict[tuple[int, str, str], int] = {}
        found: list[int] = []
        for row, above in enumerate(self.tree.parent):
            over = 0 if above == ROOT else found[above]
            key = (over, self.roles[row], self.names[row])
            if key not in numbers:
                numbers[key] = stable_number(*key)
            found.append(numbers[key])
        return found

    def keys(self) -> tuple[list[Hashable], ...]:
        """What rows of two traces are found again by, the strictest kind of key first: place,
        name and content; name and content; place and name; name."""
        paths = self.paths
        named = list(zip(self.roles, self.names, strict=True))
        said = list(zip(self.given, self.gave, strict=True))
        return (
            list(zip(paths, said, strict=True)),
            [
                (name, content) if any(content) else None
                for name, content in zip(named, said, strict=True)
            ],
            list(paths),
            list(named),
        )

    def fingerprint(self) -> bytes:
        """Orders two traces, so that comparing them is the same from either side."""
        found = blake2b(digest_size=16)
        for row in range(len(self.spans)):
            found.update(f"{self.paths[row]}".encode())
            found.update(self.given[row] + self.gave[row])
        return found.digest()


def stable_number(above: int, role: str, name: str) -> int:
    """A number of 64 bits that depends on these alone, in this process and any other."""
    text = f"{above}\0{role}\0{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest())


def message_value(message: Said) -> dict[str, Any]:
    """A message as JSON without the ids that tie requests to results: each run has its own."""
    value: dict[str, Any] = {"role": message.role}
    if message.text is not None:
        value["text"] = message.text
    if message.requests:
        value["tool_calls"] = [
            {"name": call.name, "arguments": call.arguments} for call in message.requests
        ]
    if message.results:
        value["tool_results"] = [result.value for result in message.results]
    return value


def digest(content: Content) -> bytes:
    """The same for contents whose values are JSON-equal, blank for none."""
    if not content.what:
        return NOTHING
    key = equality_key(content.value)
    raw = key if isinstance(key, bytes) else repr(key).encode("utf-8", "surrogatepass")
    return blake2b(raw, digest_size=16).digest()


def words_of(contents: Iterable[Content]) -> frozenset[str]:
    """The words of what was said, of the beginning of it when it is long."""
    text = " ".join(str(content.value)[:SIMILAR_CHARS] for content in contents if content.what)
    return frozenset(text.split())


SIMILAR_CHARS = 2_000
"""Characters of a content that are looked at for how alike two calls are."""
