"""Vercel AI SDK before 7 (``ai.*``). Its outer spans repeat the last step's usage only, so
tokens are read on the model calls."""

from tracedesk.model.trace import Kind
from tracedesk.reading.tables.convention import Convention, Field, Tokens
from tracedesk.reading.tables.readers import below, plain, prompt, user

TABLE = Convention(
    name="Vercel AI SDK",
    response=(
        Field("ai.response.text", plain, "response text"),
        Field("ai.response.object", plain, "response object"),
        Field("ai.result.text", plain, "result text"),
        Field("ai.result.object", plain, "result object"),
    ),
    input=(
        Field("ai.prompt.messages", user, "latest user message of the prompt"),
        Field("ai.prompt", prompt, "prompt"),
    ),
    system=(Field("ai.prompt", below("system"), "system of the prompt"),),
    messages_in=("ai.prompt.messages",),
    messages_out=("ai.response.toolCalls",),
    tool_arguments=("ai.toolCall.args", "ai.toolCall.input"),
    tool_results=("ai.toolCall.result", "ai.toolCall.output"),
    tokens=Tokens(
        input=("ai.usage.inputTokens", "ai.usage.promptTokens"),
        output=("ai.usage.outputTokens", "ai.usage.completionTokens"),
        total=("ai.usage.totalTokens", "ai.usage.tokens"),
        reasoning=("ai.usage.reasoningTokens",),
        kinds=(Kind.MODEL,),
    ),
    model=("ai.response.model", "ai.model.id"),
)
