"""What the rules look for under some settings, and what a span tells before any value is looked
at. Spans of one program repeat the names of their attributes, so each set is looked at once.
"""

from functools import lru_cache

import msgspec

from tracedesk.model.trace import Kind
from tracedesk.reading.events import EVENT_SOURCES
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.tables import ALL, CANONICAL, GAPS
from tracedesk.reading.tables.convention import Field, Tokens
from tracedesk.reading.tables.genai import AI_MARKS
from tracedesk.reading.tables.readers import completion, prompt, system

N8N_TYPE, N8N_OUTPUT = "n8n.node.type", "n8n.node.output"
N8N_NAMES = (N8N_TYPE, N8N_OUTPUT, "n8n.node.parameters")
TOOL_NAMES = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
TOOL_CALL_IDS = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id", "tool.call.id", "tool.id")
"""Attributes of a tool span that repeat the id of the request."""

_MAX_SHAPES = 4096
_MAX_NAMES = 100
"""Longer sets of names are not remembered: they hardly repeat."""


Messages = tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], ...]
"""Per convention: attributes with whole messages, and prefix and infix of indexed ones."""

ShapeKey = tuple[tuple[str, ...], Kind, bool]
"""Names of the attributes, kind, and whether the span was skipped."""


class Shape(msgspec.Struct, frozen=True, eq=False):
    """What a span's kind and the names of its attributes tell, whatever the values are."""

    names: frozenset[str]
    """Those of the names that any rule looks at."""
    kind: Kind
    skipped: bool
    """The span did not run; no rule reads it."""
    ai: bool
    """A model span, or one whose attributes name a model or provider, tools apart."""
    tool: bool
    """A tool by its kind, or by an attribute that is mapped to ``tool_name``."""
    tool_names: tuple[str, ...]
    arguments: str | None
    """The first attribute that holds a tool's arguments."""
    result: str | None
    output: Field | None
    """The first table row that reads what the span gave."""
    n8n: bool
    """Has the output of an n8n node."""
    n8n_type: bool
    """Has the type of an n8n node."""
    counts: str | None
    """The first attribute that counts tokens."""
    messages: Messages
    told: Messages
    """Those of the messages that went into the model."""
    spoken: Messages
    """Those that came out of it."""


class Rows:
    """Table rows in the order of trying."""

    def __init__(self, role: str, *fields: Field) -> None:
        self.role = role
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
        self.http_status_tried = (*self.http_status, "metadata.http_status", "data._http_status")
        self.response = Rows(
            "response", *_fields(settings, "response", completion), *CANONICAL.response
        )
        self.response_gaps = Rows("response", *(f for table in GAPS for f in table.response))
        self.input = Rows("input", *_fields(settings, "input", prompt), *CANONICAL.input)
        self.input_gaps = Rows("input", *(f for table in GAPS for f in table.input))
        self.system = Rows(
            "system",
            *_fields(settings, "system", system),
            *(field for table in ALL for field in table.system),
        )
        self.response_tried = _tried(self.response, self.response_gaps)
        """What a blank response names as tried in vain."""
        self.input_tried = _tried(self.input, self.input_gaps)
        self.tokens = _tokens(settings)
        self.usage_tried = tuple(
            dict.fromkeys(name for tokens in self.tokens for name in tokens.ordered)
        )
        self.token_names = frozenset(name for tokens in self.tokens for name in tokens.names)
        self.wanted = self._wanted()
        self._output_rows = (*self.response.fields, *self.response_gaps.fields)
        self._outputs = _first_fields(self._output_rows)
        self.shapes: dict[ShapeKey, Shape] = {}
        """The shapes that are known, to be asked before ``shape``."""

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

    def shape(self, key: ShapeKey) -> Shape:
        """What these names tell of a span of this kind."""
        found = self.shapes.get(key)
        if found is None:
            found = self._shape(*key)
            if len(key[0]) <= _MAX_NAMES:
                if len(self.shapes) >= _MAX_SHAPES:
                    self.shapes.clear()
                self.shapes[key] = found
        return found

    def _shape(self, names: tuple[str, ...], kind: Kind, skipped: bool) -> Shape:
        present = self.wanted.intersection(names)
        outputs = sorted(self._outputs[name] for name in present if name in self._outputs)
        marked = kind is not Kind.TOOL and not present.isdisjoint(AI_MARKS)
        return Shape(
            names=present,
            kind=kind,
            skipped=skipped,
            ai=kind is Kind.MODEL or marked,
            tool=kind is Kind.TOOL or not present.isdisjoint(self.mapped_tool_names),
            tool_names=tuple(name for name in self.tool_names if name in present),
            arguments=next((name for name in self.arguments if name in present), None),
            result=next((name for name in self.results if name in present), None),
            output=self._output_rows[outputs[0]] if outputs else None,
            n8n=N8N_OUTPUT in present,
            n8n_type=N8N_TYPE in present,
            counts=next((name for name in self.usage_tried if name in present), None),
            messages=_messages(present, told=True, spoken=True),
            told=_messages(present, told=True, spoken=False),
            spoken=_messages(present, told=False, spoken=True),
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


def _tried(rows: Rows, gaps: Rows) -> tuple[str, ...]:
    """Everything that a text is looked for in, in order."""
    last = EVENT_SOURCES[rows.role]
    return tuple(dict.fromkeys((*rows.attributes, N8N_OUTPUT, *gaps.attributes, *last)))


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


def _messages(present: frozenset[str], *, told: bool, spoken: bool) -> Messages:
    """Where messages are that went into the model, that came out of it, or both."""
    found = []
    for table in ALL:
        names = (*(table.messages_in if told else ()), *(table.messages_out if spoken else ()))
        parts = table.indexed_messages[0 if told else 1 : None if spoken else 1]
        whole = tuple(name for name in names if name in present)
        indexed = tuple(
            (prefix, infix)
            for prefix, infix in parts
            if any(name.startswith(prefix) for name in present)
        )
        if whole or indexed:
            found.append((whole, indexed))
    return tuple(found)
