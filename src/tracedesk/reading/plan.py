"""What the rules look for under some settings, and what the mere names of a span's attributes
tell. Spans of one program repeat their names, so each set of names is looked at once.
"""

from functools import lru_cache

import msgspec

from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.tables import ALL, CANONICAL, GAPS
from tracedesk.reading.tables.convention import Field, Tokens
from tracedesk.reading.tables.genai import AI_MARKS
from tracedesk.reading.tables.readers import completion, prompt, system

N8N_OUTPUT = "n8n.node.output"
N8N_NAMES = ("n8n.node.type", N8N_OUTPUT, "n8n.node.parameters")
TOOL_NAMES = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
TOOL_CALL_IDS = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id", "tool.call.id", "tool.id")
"""Attributes of a tool span that repeat the id of the request."""

_MAX_SHAPES = 4096
_MAX_NAMES = 100
"""Longer sets of names are not remembered: they hardly repeat."""


class Shape(msgspec.Struct, frozen=True, eq=False):
    """What the names of a span's attributes tell, whatever the values are."""

    names: frozenset[str]
    """Those of the names that any rule looks at."""
    ai: bool
    """Some attribute marks an AI-orchestrator span."""
    tool: bool
    """An attribute that is mapped to ``tool_name`` makes the span a tool."""
    tool_names: tuple[str, ...]
    arguments: str | None
    """The first attribute that holds a tool's arguments."""
    result: str | None
    output: Field | None
    """The first table row that reads what the span gave."""
    n8n: bool
    messages: tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], ...]
    """Per convention: attributes with whole messages, and prefix and infix of indexed ones."""


class Rows:
    """Table rows in the order of trying."""

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        self.attributes = tuple(dict.fromkeys(field.attribute for field in fields))
        self.names = frozenset(self.attributes)


class Plan:
    """The tables under one setting, flattened. Shared by all traces that are read so."""

    def __init__(self, settings: ReadingSettings) -> None:
        self.settings = settings
        mapped = settings.mapped
        self.mapped_tool_names = mapped("tool_name")
        self.tool_names = (*self.mapped_tool_names, *TOOL_NAMES)
        self.arguments = (
            *mapped("tool_arguments"),
            *(name for table in ALL for name in table.tool_arguments),
        )
        self.results = (
            *mapped("tool_result"),
            *(name for table in ALL for name in table.tool_results),
        )
        self.models = (*mapped("model"), *(name for table in ALL for name in table.model))
        self.http_status = (
            *mapped("http_status"),
            *(name for table in ALL for name in table.http_status),
        )
        self.response = Rows(*_fields(settings, "response", completion), *CANONICAL.response)
        self.response_gaps = Rows(*(field for table in GAPS for field in table.response))
        self.input = Rows(*_fields(settings, "input", prompt), *CANONICAL.input)
        self.input_gaps = Rows(*(field for table in GAPS for field in table.input))
        self.system = Rows(
            *_fields(settings, "system", system),
            *(field for table in ALL for field in table.system),
        )
        self.tokens = _tokens(settings)
        self.usage_tried = tuple(
            dict.fromkeys(name for tokens in self.tokens for name in tokens.ordered)
        )
        self.token_names = frozenset(name for tokens in self.tokens for name in tokens.names)
        self.wanted = self._wanted()
        self._output_rows = (*self.response.fields, *self.response_gaps.fields)
        self._outputs = _first_fields(self._output_rows)
        self._shapes: dict[tuple[str, ...], Shape] = {}

    def _wanted(self) -> frozenset[str]:
        names = [
            *AI_MARKS,
            *N8N_NAMES,
            *TOOL_CALL_IDS,
            *self.tool_names,
            *self.arguments,
            *self.results,
        ]
        names += (*self.models, *self.http_status, *self.token_names)
        for rows in (
            self.response, self.response_gaps, self.input, self.input_gaps, self.system
        ):  # fmt: skip
            names += rows.attributes
            names += (name for field in rows.fields for name in field.unless)
        for table in ALL:
            names += (*table.messages_in, *table.messages_out)
        return frozenset(names)

    def shape(self, names: tuple[str, ...]) -> Shape:
        """What these attribute names tell."""
        known = self._shapes.get(names)
        if known is None:
            known = self._shape(names)
            if len(names) <= _MAX_NAMES:
                if len(self._shapes) >= _MAX_SHAPES:
                    self._shapes.clear()
                self._shapes[names] = known
        return known

    def _shape(self, names: tuple[str, ...]) -> Shape:
        present = self.wanted.intersection(names)
        outputs = sorted(self._outputs[name] for name in present if name in self._outputs)
        return Shape(
            names=present,
            ai=not present.isdisjoint(AI_MARKS),
            tool=not present.isdisjoint(self.mapped_tool_names),
            tool_names=tuple(name for name in self.tool_names if name in present),
            arguments=next((name for name in self.arguments if name in present), None),
            result=next((name for name in self.results if name in present), None),
            output=self._output_rows[outputs[0]] if outputs else None,
            n8n=N8N_OUTPUT in present,
            messages=_messages(present),
        )


@lru_cache(maxsize=64)
def plan_of(settings: ReadingSettings) -> Plan:
    """The plan of some settings; one for all traces."""
    return Plan(settings)


def _fields(settings: ReadingSettings, role: str, read: "object") -> tuple[Field, ...]:
    return tuple(
        Field(attribute, read, f"mapped to {role} in the settings")  # type: ignore[arg-type]
        for attribute in settings.mapped(role)
    )


def _tokens(settings: ReadingSettings) -> tuple[Tokens, ...]:
    given, said = settings.mapped("usage_input"), settings.mapped("usage_output")
    total, reasoning = settings.mapped("usage_total"), settings.mapped("usage_reasoning")
    mapped = (Tokens(given, said, total, reasoning),) if given or said or total else ()
    return (*mapped, *(table.tokens for table in ALL if table.tokens is not None))


def _first_fields(fields: tuple[Field, ...]) -> dict[str, int]:
    """Attribute → rank of the first row that reads it."""
    ranks: dict[str, int] = {}
    for rank, field in enumerate(fields):
        ranks.setdefault(field.attribute, rank)
    return ranks


def _messages(
    present: frozenset[str],
) -> tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], ...]:
    found = []
    for table in ALL:
        whole = tuple(n for n in (*table.messages_in, *table.messages_out) if n in present)
        indexed = tuple(
            (prefix, infix)
            for prefix, infix in table.indexed_messages
            if any(name.startswith(prefix) for name in present)
        )
        if whole or indexed:
            found.append((whole, indexed))
    return tuple(found)
