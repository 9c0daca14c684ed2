"""Model and conversation of older ``data`` bodies, where a payload tells them at all: Custom API
keys, Flowise agent and LLM entries, n8n's model sub-nodes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tracedesk.model.built import Built
from tracedesk.model.reading import Source, Text
from tracedesk.model.trace import Format, Kind, Span, Status, Trace
from tracedesk.reading.messages import Said, said

Model = tuple[str | None, Source | None]
Conversation = tuple[list[Said], Source | None]

FLOWISE_MODELS = (
    ("output", "responseMetadata", "model_name"),
    ("output", "responseMetadata", "model"),
    ("input", "agentModelConfig", "modelName"),
    ("input", "llmModelConfig", "modelName"),
)
"""Where a Flowise entry names its model, below its ``data``."""

N8N_REQUEST = ("inputOverride", "ai_languageModel", 0, 0, "json")
"""Where a run of an n8n model sub-node keeps what it was asked."""

CUSTOM_MODELS = ("model", "model_name", "modelName")
SYSTEM_KEYS = ("system", "system_prompt", "systemPrompt", "system_message")

_SPEAKER = re.compile(r"(?:^|\n)(System|Human|AI|Tool|Function): ")
"""How LangChain renders a conversation as one text."""


def model_of(trace: Trace) -> Model:
    """The model that the latest entry naming one names, else ``data`` itself."""
    for span in reversed(trace.spans):
        if _executed(span):
            for path in _model_paths(trace.format):
                value = _at(span.attributes, path)
                if isinstance(value, str) and value.strip():
                    place = f"{span.place}.{_text_of(path)}"
                    return value, Source(span.span_id, place, "latest entry naming a model")
    data = trace.data if isinstance(trace.data, Mapping) else {}
    for key in CUSTOM_MODELS:
        if isinstance(data.get(key), str) and data[key].strip():
            return data[key], Source(None, f"$.data.{key}", f"key {key}")
    return None, None


def _model_paths(format: Format) -> tuple[tuple[str | int, ...], ...]:
    if format is Format.FLOWISE:
        return tuple(("data", *path) for path in FLOWISE_MODELS)
    if format is Format.N8N_NATIVE:
        return ((*N8N_REQUEST, "options", "model"), (*N8N_REQUEST, "options", "modelName"))
    return ()


def conversation(trace: Trace) -> Conversation:
    """The messages of the latest entry that has any, else those of ``data``."""
    for span in reversed(trace.spans):
        if not _executed(span):
            continue
        if trace.format is Format.FLOWISE:
            found = said(_at(span.attributes, ("data", "input", "messages")))
            answer = _at(span.attributes, ("data", "output", "content"))
            if found and isinstance(answer, str):
                found = [*found, Said("assistant", answer)]
            if found:
                place = f"{span.place}.data.input.messages"
                return found, Source(span.span_id, place, "messages of the latest model entry")
        elif span.kind is Kind.MODEL:
            found = list(_rendered(_at(span.attributes, (*N8N_REQUEST, "messages"))))
            if found:
                place = f"{span.place}.{_text_of((*N8N_REQUEST, 'messages'))}"
                return found, Source(span.span_id, place, "prompt of the latest model run")
    data = trace.data if isinstance(trace.data, Mapping) else {}
    found = said(data.get("messages"))
    return found, Source(None, "$.data.messages", "messages") if found else None


def system_of(trace: Trace, messages: Conversation) -> Text:
    """The system message of the conversation, else a key of ``data``."""
    listed, source = messages
    for message in listed:
        if message.role == "system" and message.text and message.text.strip():
            return Text(text=message.text, source=source)
    data = trace.data if isinstance(trace.data, Mapping) else {}
    for key in SYSTEM_KEYS:
        if isinstance(data.get(key), str) and data[key].strip():
            return Text(text=data[key], source=Source(None, f"$.data.{key}", f"key {key}"))
    return Text(tried=("system message of a model entry", *(f"data.{key}" for key in SYSTEM_KEYS)))


def _executed(span: Span) -> bool:
    return isinstance(span.payload, Built) and span.status is not Status.SKIPPED


def _rendered(prompts: Any) -> Iterator[Said]:
    """Messages out of a prompt that was rendered as ``System: …``, ``Human: …`` lines."""
    for prompt in prompts if isinstance(prompts, list) else ():
        if not isinstance(prompt, str):
            continue
        pieces = _SPEAKER.split(prompt)
        if pieces[0].strip():
            yield from said([{"role": "user", "content": pieces[0]}])
        for role, text in zip(pieces[1::2], pieces[2::2], strict=True):
            yield from said([{"role": role, "content": text}])


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _text_of(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
