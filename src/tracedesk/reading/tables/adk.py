"""Google ADK: requests and responses of the Gemini API as JSON on its model spans."""

from tracedesk.reading.tables.convention import Convention, Field, Tokens
from tracedesk.reading.tables.readers import assistant, below, user

REQUEST = "gcp.vertex.agent.llm_request"
RESPONSE = "gcp.vertex.agent.llm_response"

TABLE = Convention(
    name="Google ADK",
    response=(Field(RESPONSE, assistant, "response of the model"),),
    input=(Field(REQUEST, user, "latest user content of the request"),),
    system=(
        Field(REQUEST, below("config", "system_instruction"), "system instruction of the request"),
    ),
    messages_in=(REQUEST,),
    messages_out=(RESPONSE,),
    tool_arguments=("gcp.vertex.agent.tool_call_args",),
    tool_results=("gcp.vertex.agent.tool_response",),
    tokens=Tokens(input=(), output=(), details=RESPONSE),
)
