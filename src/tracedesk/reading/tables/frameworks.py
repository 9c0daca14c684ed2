"""Smaller conventions: Langfuse, Google ADK, MLflow."""

from tracedesk.model.trace import Kind
from tracedesk.reading.tables.convention import Convention, Field, Tokens
from tracedesk.reading.tables.readers import completion, prompt

LANGFUSE = Convention(
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
    tool_arguments=("langfuse.observation.input",),
    tool_results=("langfuse.observation.output",),
    tokens=Tokens(
        input=(), output=(), details="langfuse.observation.usage_details", kinds=(Kind.MODEL,)
    ),
    model=("langfuse.observation.model.name",),
)

GOOGLE_ADK = Convention(
    name="Google ADK",
    response=(Field("gcp.vertex.agent.llm_response", completion, "response of the model"),),
    input=(Field("gcp.vertex.agent.llm_request", prompt, "request to the model"),),
    tool_arguments=("gcp.vertex.agent.tool_call_args",),
    tool_results=("gcp.vertex.agent.tool_response",),
)

MLFLOW = Convention(
    name="MLflow",
    response=(Field("mlflow.spanOutputs", completion, "outputs of a root", roots_only=True),),
    input=(Field("mlflow.spanInputs", prompt, "inputs of a root", roots_only=True),),
    tool_arguments=("mlflow.spanInputs",),
    tool_results=("mlflow.spanOutputs",),
)
