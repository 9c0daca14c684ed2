"""Langfuse SDKs over OpenTelemetry: input and output of the trace on any span, of each
observation on its own."""

from tracedesk.model.trace import Kind
from tracedesk.reading.tables.convention import Convention, Field, Tokens
from tracedesk.reading.tables.readers import completion, prompt

TABLE = Convention(
    name="Langfuse",
    response=(
        Field("langfuse.trace.output", completion, "output of the trace"),
        Field("langfuse.observation.output", completion, "output of a root", roots_only=True),
        Field(
            "langfuse.observation.output",
            completion,
            "output of a generation",
            kinds=(Kind.MODEL,),
        ),
    ),
    input=(
        Field("langfuse.trace.input", prompt, "input of the trace"),
        Field("langfuse.observation.input", prompt, "input of a root", roots_only=True),
        Field("langfuse.observation.input", prompt, "input of a generation", kinds=(Kind.MODEL,)),
    ),
    messages_in=("langfuse.observation.input",),
    messages_out=("langfuse.observation.output",),
    tool_arguments=("langfuse.observation.input",),
    tool_results=("langfuse.observation.output",),
    tokens=Tokens(
        input=(), output=(), details="langfuse.observation.usage_details", kinds=(Kind.MODEL,)
    ),
    model=("langfuse.observation.model.name",),
)
