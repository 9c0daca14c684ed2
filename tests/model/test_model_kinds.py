"""What a span does, read off its attributes alone."""

import pytest

from tracedesk.model.kinds import kind_of, names_of
from tracedesk.model.trace import Kind


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({}, Kind.NODE),
        ({"gen_ai.tool.name": "find"}, Kind.TOOL),
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.request.model": "m"}, Kind.TOOL),
        ({"gen_ai.operation.name": "chat", "gen_ai.agent.name": "a"}, Kind.MODEL),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m"}, Kind.AGENT),
        ({"gen_ai.operation.name": "something else", "gen_ai.system": "openai"}, Kind.MODEL),
        ({"openinference.span.kind": "RETRIEVER"}, Kind.RETRIEVAL),
        ({"openinference.span.kind": "CHAIN"}, Kind.NODE),
        ({"openinference.span.kind": 7}, Kind.NODE),
        ({"gen_ai.tool.definitions": "[]"}, Kind.NODE),
    ],
)
def test_kind(attributes: dict[str, object], kind: Kind):
    assert kind_of(attributes.get) is kind


def test_a_generic_name_gives_way_to_the_node_name_and_stays_an_alias():
    attributes = {"n8n.node.name": "AI Agent", "n8n.workflow.name": "Refunds"}
    assert names_of("node.execute", Kind.NODE, attributes.get) == ("AI Agent", ("node.execute",))


def test_a_tool_name_that_differs_from_the_span_name_is_an_alias():
    attributes = {"gen_ai.tool.name": "get_weather"}
    assert names_of("running tool", Kind.TOOL, attributes.get) == (
        "running tool",
        ("get_weather",),
    )
