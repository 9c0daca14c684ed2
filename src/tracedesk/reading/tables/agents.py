"""pydantic-ai and Logfire: the run's result and messages on the agent span."""

from tracedesk.reading.tables.convention import Convention, Field
from tracedesk.reading.tables.readers import assistant, plain, user

PYDANTIC_AI = Convention(
    name="pydantic-ai",
    response=(
        Field("final_result", plain, "final result of the run"),
        Field("pydantic_ai.all_messages", assistant, "last assistant message of the run"),
        Field("all_messages_events", assistant, "last assistant message of the run"),
        Field("events", assistant, "last assistant message among the logged events"),
    ),
    input=(
        Field("pydantic_ai.all_messages", user, "latest user message of the run"),
        Field("all_messages_events", user, "latest user message of the run"),
        Field("events", user, "latest user message among the logged events"),
    ),
    tool_arguments=("tool_arguments",),
    tool_results=("tool_response",),
    model=("model_name",),
)
