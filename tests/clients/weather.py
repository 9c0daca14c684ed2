"""What the agents of real frameworks here are asked, and what their scripted model says.

One tool call, then the answer; with ``fails`` the tool raises and the model says so.
"""

QUESTION = "What is the weather in Lisbon?"
SYSTEM = "You are a terse weather assistant."
ANSWER = "It is 19 degrees celsius and sunny in Lisbon."
REGRET = "I could not find out."

TOOL = "get_weather"
CALL_ID = "call_7f3a"
ARGUMENTS = {"city": "Lisbon", "unit": "celsius"}
WEATHER = {"city": "Lisbon", "temperature": 19, "conditions": "sunny"}
ERROR = "the weather service is down"

MODEL = "gpt-4o-mini"
TOKENS = ((112, 21), (158, 14))
"""Input and output tokens of the two model calls."""
