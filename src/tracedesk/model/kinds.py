"""How a span's own attributes tell what it does and what to call it.

Tables as data: the first row that applies decides. They are read on the ingest
path, so they name attributes only, never message content.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tracedesk.model.trace import Kind

KIND_BY_VALUE: tuple[tuple[str, Mapping[str, Kind]], ...] = (
    (
        "gen_ai.operation.name",
        {
            "execute_tool": Kind.TOOL,
            "chat": Kind.MODEL,
            "text_completion": Kind.MODEL,
            "generate_content": Kind.MODEL,
            "embeddings": Kind.MODEL,
            "invoke_agent": Kind.AGENT,
            "create_agent": Kind.AGENT,
            "invoke_workflow": Kind.AGENT,
            "retrieval": Kind.RETRIEVAL,
        },
    ),
    (
        "openinference.span.kind",
        {
            "TOOL": Kind.TOOL,
            "LLM": Kind.MODEL,
            "EMBEDDING": Kind.MODEL,
            "AGENT": Kind.AGENT,
            "RETRIEVER": Kind.RETRIEVAL,
            "RERANKER": Kind.RETRIEVAL,
        },
    ),
    (
        "traceloop.span.kind",
        {"tool": Kind.TOOL, "agent": Kind.AGENT, "workflow": Kind.AGENT},
    ),
    (
        "langfuse.observation.type",
        {
            "tool": Kind.TOOL,
            "generation": Kind.MODEL,
            "embedding": Kind.MODEL,
            "agent": Kind.AGENT,
            "retriever": Kind.RETRIEVAL,
        },
    ),
    (
        "langsmith.span.kind",
        {
            "tool": Kind.TOOL,
            "llm": Kind.MODEL,
            "embedding": Kind.MODEL,
            "retriever": Kind.RETRIEVAL,
        },
    ),
    (
        "ai.operationId",
        {
            "ai.toolCall": Kind.TOOL,
            "ai.generateText.doGenerate": Kind.MODEL,
            "ai.streamText.doStream": Kind.MODEL,
            "ai.generateObject.doGenerate": Kind.MODEL,
            "ai.streamObject.doStream": Kind.MODEL,
            "ai.embed.doEmbed": Kind.MODEL,
            "ai.embedMany.doEmbed": Kind.MODEL,
            "ai.generateText": Kind.AGENT,
            "ai.streamText": Kind.AGENT,
            "ai.generateObject": Kind.AGENT,
            "ai.streamObject": Kind.AGENT,
        },
    ),
)
"""Attribute, and what each of its values means. Unlisted values decide nothing."""

KIND_BY_PRESENCE: tuple[tuple[str, Kind], ...] = (
    ("ai.toolCall.name", Kind.TOOL),
    ("gen_ai.agent.name", Kind.AGENT),
    ("gen_ai.request.model", Kind.MODEL),
    ("gen_ai.system", Kind.MODEL),
    ("gen_ai.provider.name", Kind.MODEL),
    ("llm.model_name", Kind.MODEL),
)
"""Attribute whose mere presence decides, tried after the values."""

TOOL_NAMES = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
"""Attributes that name the tool of a tool span."""

GENERIC_NAMES = frozenset({"workflow.execute", "node.execute"})
"""Span names that say nothing; the label then comes from ``LABEL_ATTRIBUTES``."""

LABEL_ATTRIBUTES = ("n8n.node.name", "flowise.node.label", "n8n.workflow.name")
"""First present wins (ingestion spec 15)."""

PEEKED: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            "gen_ai.tool.name",
            *(name for name, _ in KIND_BY_VALUE),
            *(name for name, _ in KIND_BY_PRESENCE),
            *TOOL_NAMES,
            *LABEL_ATTRIBUTES,
            "n8n.node.status",
            "n8n.node.type",
        )
    )
)
"""Every attribute that the tables above read: all that ingest ever decodes."""


def kind_of(get: Callable[[str], Any]) -> Kind:
    """The kind of a span, given a way to look up one attribute (None = absent).

    A named tool decides alone, whatever else the span says (ingestion spec 14.4).
    """
    tool = get("gen_ai.tool.name")
    if isinstance(tool, str) and tool.strip():
        return Kind.TOOL
    for name, values in KIND_BY_VALUE:
        value = get(name)
        if isinstance(value, str) and value in values:
            return values[value]
    for name, kind in KIND_BY_PRESENCE:
        if get(name) is not None:
            return kind
    return Kind.NODE


def names_of(name: str, kind: Kind, get: Callable[[str], Any]) -> tuple[str, tuple[str, ...]]:
    """Display label and aliases of a span whose raw name is ``name``."""
    label = name
    if name in GENERIC_NAMES:
        label = next((v for a in LABEL_ATTRIBUTES if isinstance(v := get(a), str) and v), name)
    aliases = [name] if label != name else []
    if kind is Kind.TOOL:
        for attribute in TOOL_NAMES:
            tool = get(attribute)
            if isinstance(tool, str) and tool and tool != label and tool not in aliases:
                aliases.append(tool)
    return label, tuple(aliases)
