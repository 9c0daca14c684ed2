"""OpenLLMetry (Traceloop): entity input and output, JSON with the call's arguments inside."""

from tracedesk.reading.tables.convention import Convention, Field
from tracedesk.reading.tables.readers import completion, prompt

TABLE = Convention(
    name="OpenLLMetry",
    response=(
        Field("traceloop.entity.output", completion, "output of a root entity", roots_only=True),
    ),
    input=(Field("traceloop.entity.input", prompt, "input of a root entity", roots_only=True),),
    tool_arguments=("traceloop.entity.input",),
    tool_results=("traceloop.entity.output",),
)
