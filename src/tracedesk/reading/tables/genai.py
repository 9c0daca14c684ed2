"""OpenTelemetry GenAI semantic conventions: the canonical names, and what they were before.

``CANONICAL`` is ingestion spec 14.1; ``OLDER`` are the names that real clients still send.
"""

from tracedesk.reading.messages import assistant_text, input_text
from tracedesk.reading.tables.convention import Convention, Field, Tokens
from tracedesk.reading.tables.readers import (
    assistant,
    completion,
    indexed,
    plain,
    prompt,
    system,
    user,
)

AI_MARKS = ("gen_ai.system", "gen_ai.request.model", "gen_ai.provider.name")
"""Attributes that mark an AI-orchestrator span."""

CANONICAL = Convention(
    name="GenAI",
    response=(
        Field("gen_ai.output.messages", assistant, "last assistant message of the output"),
        Field("gen_ai.response.text", plain, "response text"),
    ),
    input=(
        Field("gen_ai.input.messages", user, "latest user message of the input"),
        Field("gen_ai.prompt", prompt, "prompt"),
    ),
    system=(Field("gen_ai.system_instructions", system, "system instructions"),),
    messages_in=("gen_ai.input.messages",),
    messages_out=("gen_ai.output.messages",),
    tool_arguments=("gen_ai.tool.call.arguments",),
    tool_results=("gen_ai.tool.call.result",),
    tokens=Tokens(
        input=("gen_ai.usage.input_tokens",),
        output=("gen_ai.usage.output_tokens",),
        total=("gen_ai.usage.total_tokens",),
        reasoning=("gen_ai.usage.reasoning.output_tokens",),
    ),
    model=("gen_ai.response.model", "gen_ai.request.model"),
    http_status=("http.response.status_code",),
)

OLDER = Convention(
    name="older GenAI",
    response=(
        Field(
            "gen_ai.completion.0.role",
            indexed("gen_ai.completion", assistant_text),
            "last assistant message among gen_ai.completion.N",
        ),
        Field(
            "gen_ai.completion.0.content",
            indexed("gen_ai.completion", assistant_text),
            "last assistant message among gen_ai.completion.N",
        ),
        Field("gen_ai.completion", completion, "completion"),
    ),
    input=(
        Field(
            "gen_ai.prompt.0.content",
            indexed("gen_ai.prompt", input_text),
            "latest user message among gen_ai.prompt.N",
        ),
    ),
    indexed_messages=(("gen_ai.prompt.", ""), ("gen_ai.completion.", "")),
    tool_arguments=("gen_ai.tool.arguments", "gen_ai.tool.input", "gen_ai.prompt"),
    tool_results=("gen_ai.tool.result", "gen_ai.tool.output", "gen_ai.completion"),
    tokens=Tokens(
        input=("gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"),
        output=("gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"),
        total=("llm.usage.total_tokens",),
        reasoning=("gen_ai.usage.reasoning_tokens",),
        whole=("gen_ai.aggregated_usage.input_tokens", "gen_ai.aggregated_usage.output_tokens"),
    ),
    http_status=("http.status_code",),
)
