"""CrewAI as OpenLLMetry and OpenLIT record it: results of crew and agents beside the model
spans, which are GenAI's."""

from tracedesk.reading.tables.convention import Convention, Field
from tracedesk.reading.tables.readers import completion, prompt

TABLE = Convention(
    name="CrewAI",
    response=(
        Field("crewai.crew.result", completion, "result of the crew"),
        Field("gen_ai.agent.actual_output", completion, "output of the agent"),
    ),
    input=(Field("gen_ai.agent.human_input", prompt, "what a person told the agent"),),
)
