"""How n8n nodes are told apart and read: AI nodes, triggers, common keys, provider shapes
(ingestion spec 12.4, 12.5). Shared by the spans of the 1.x node and the older bodies.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tracedesk.model import jsontext

AI_WORDS = ("langchain", "openai", "gemini", "anthropic", "azure", "ollama")
"""A node type that contains one of these is an AI node."""

NOT_ANSWERING = ("lm", "memory", "tool", "outputparser", "embeddings")
"""Starts of a type's last segment that mark model, memory, tool and parser sub-nodes."""

TRIGGER_WORDS = ("webhook", "trigger", "start", "manualtrigger")

RESPONSE_KEYS = ("text", "output", "message", "content", "response")
"""Another order than Custom API and no ``answer`` (C12)."""

TRIGGER_BODY_KEYS = ("message", "chatInput", "question", "text", "input", "query")
TRIGGER_KEYS = ("message", "question", "text", "input", "query")


class Node(msgspec.Struct, kw_only=True):
    """One executed node, however it was reported."""

    span: str
    label: str
    place: str
    """Attribute or body path of the output."""
    type: str | None = None
    output: Any = None
    has_output: bool = True
    index: int = 0
    sub_node: bool = False
    """Known not to lie on the main path."""


def is_http_request(type_: str | None) -> bool:
    return type_ is not None and "httprequest" in type_.lower()


def is_trigger(type_: str | None) -> bool:
    """A webhook, trigger or start node."""
    return type_ is not None and any(word in type_.lower() for word in TRIGGER_WORDS)


def is_ai(type_: str | None) -> bool:
    """An AI node of any sort, sub-nodes included."""
    return type_ is not None and any(word in type_.lower() for word in AI_WORDS)


def is_sub_node(type_: str | None) -> bool:
    """A model, memory, tool, parser or embedding node under an agent."""
    last = (type_ or "").rpartition(".")[2].lower()
    return last.startswith(NOT_ANSWERING)


def answers(node: Node) -> bool:
    """An AI node whose output may be the response."""
    return (
        is_ai(node.type)
        and "trigger" not in (node.type or "").lower()
        and not is_sub_node(node.type)
        and node.has_output
        and node.output not in ({}, [], None)
    )


def response_node(nodes: Sequence[Node]) -> tuple[Node, str] | None:
    """The node that gives the response, and by which rule; None without any."""
    for node in reversed(nodes):
        if answers(node):
            return node, "last AI node"
    for node in reversed(nodes):
        if not is_trigger(node.type) and node.has_output and not node.sub_node:
            return node, "last executed node that is no trigger"
    return None


def output_text(output: Any) -> tuple[str | None, str]:
    """The text in a node's raw output and the key it was under; several items: the last."""
    if isinstance(output, list) and output:
        output = output[-1]
    if isinstance(output, str):
        return output, ""
    if isinstance(output, Mapping):
        for key in RESPONSE_KEYS:
            value = output.get(key)
            if value is not None:
                text, inner = provider_text(value)
                return (jsontext.dump(value), key) if text is None else (text, key + inner)
        text, inner = provider_text(output)
        if text is not None:
            return text, inner.removeprefix(".")
    return (None if output is None else jsontext.dump(output)), ""


def provider_text(value: Any) -> tuple[str | None, str]:
    """Text of a provider's answer object: Gemini parts, OpenAI message or choices."""
    if isinstance(value, str):
        return value, ""
    if isinstance(value, list) and value:
        text, inner = provider_text(value[0])
        return text, f".0{inner}"
    if not isinstance(value, Mapping):
        return None, ""
    parts = value.get("parts")
    if isinstance(parts, list):
        texts = [
            p["text"] for p in parts if isinstance(p, Mapping) and isinstance(p.get("text"), str)
        ]
        if texts:
            return "".join(texts), ".parts"
    for key in ("content", "message", "choices", "text"):
        inner_value = value.get(key)
        if isinstance(inner_value, str):
            return inner_value, f".{key}"
        if isinstance(inner_value, Mapping) or (key == "choices" and inner_value):
            text, inner = provider_text(inner_value)
            if text is not None:
                return text, f".{key}{inner}"
    return None, ""


def trigger_node(nodes: Sequence[Node]) -> Node | None:
    """The first executed trigger; when no type tells, the first node."""
    for node in nodes:
        if is_trigger(node.type) and not is_sub_node(node.type):
            return node
    if nodes and all(node.type in (None, "", "unknown") for node in nodes):
        return nodes[0]
    return None


def trigger_text(output: Any) -> tuple[str | None, str]:
    """What the user said, in a trigger's output, and where in it."""
    if isinstance(output, list) and output:
        output = output[0]
    if not isinstance(output, Mapping):
        return (output, "") if isinstance(output, str) else (None, "")
    if isinstance(output.get("chatInput"), str):
        return output["chatInput"], "chatInput"
    body = output.get("body")
    if isinstance(body, Mapping):
        for key in TRIGGER_BODY_KEYS:
            if isinstance(body.get(key), str):
                return body[key], f"body.{key}"
    for key in TRIGGER_KEYS:
        if isinstance(output.get(key), str):
            return output[key], key
    if body:
        return (body if isinstance(body, str) else jsontext.dump(body)), "body"
    return None, ""
