"""MLflow tracing: inputs and outputs of functions as JSON."""

from tracedesk.reading.tables.convention import Convention, Field
from tracedesk.reading.tables.readers import completion, prompt

TABLE = Convention(
    name="MLflow",
    response=(Field("mlflow.spanOutputs", completion, "outputs of a root", roots_only=True),),
    input=(Field("mlflow.spanInputs", prompt, "inputs of a root", roots_only=True),),
    tool_arguments=("mlflow.spanInputs",),
    tool_results=("mlflow.spanOutputs",),
)
