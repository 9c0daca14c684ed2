"""OpenInference (Phoenix, Arize): ``llm.*`` messages on model spans, ``input.value`` and
``output.value`` on all. Values of inner spans are wiring, so only a root's are a text."""

from tracedesk.model.trace import Kind
from tracedesk.reading.messages import assistant_text, input_text
from tracedesk.reading.tables.convention import Convention, Field, Tokens
from tracedesk.reading.tables.readers import completion, indexed, prompt

OUT = "llm.output_messages"
IN = "llm.input_messages"

TABLE = Convention(
    name="OpenInference",
    response=(
        Field(
            f"{OUT}.0.message.role",
            indexed(OUT, assistant_text, "message."),
            f"last assistant message among {OUT}.N",
        ),
        Field("output.value", completion, "output value of a root", roots_only=True),
        Field(
            "output.value",
            completion,
            "output value of a model span",
            kinds=(Kind.MODEL,),
            unless=(f"{OUT}.0.message.role",),
        ),
    ),
    input=(
        Field(
            f"{IN}.0.message.content",
            indexed(IN, input_text, "message."),
            f"latest user message among {IN}.N",
            kinds=(Kind.MODEL,),
        ),
        Field("input.value", prompt, "input value of a root", roots_only=True),
    ),
    indexed_messages=((f"{IN}.", "message."), (f"{OUT}.", "message.")),
    tool_arguments=("input.value",),
    tool_results=("output.value",),
    tokens=Tokens(
        input=("llm.token_count.prompt",),
        output=("llm.token_count.completion",),
        total=("llm.token_count.total",),
        reasoning=("llm.token_count.completion_details.reasoning",),
    ),
    model=("llm.model_name",),
)
