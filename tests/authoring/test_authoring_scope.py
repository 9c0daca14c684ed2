"""Which stored traces a case is about: as its file says, else where its assertion came from."""

import pytest

from tracedesk.authoring.scope import kept_to, scope_of
from tracedesk.authoring.targets import Target
from tracedesk.evaluation.load import Loaded
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.model.trace import Resource
from tracedesk.reading import read
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_tool, make_trace

BOOKING = Agent(id="7d6c1c39-5b0e-4c0f-9d55-6e2f54f0a9b1", name="Booking")
OTHER = Agent(id="7d6c1c39-5b0e-4c0f-9d55-6e2f54f0a9b2", name="Other")

FILE = """\
cases:
  - name: plans
    when: {service_name: planner}
    assertions: [{target: no_errors}]
  - name: books
    agent: Booking
    assertions: [{target: no_errors}]
  - name: any
    assertions: [{target: no_errors}]
  - name: slow to decide
    when: {response: {matcher: after, value: "{{NOW nonsense}}"}}
    assertions: [{target: no_errors}]
"""
DEFAULTS = "defaults: {agent: Booking}\n" + FILE


def sent_by(*services):
    """A trace of some services."""
    trace = make_trace(make_tool("t", "book", arguments={"n": 1}))
    trace.resources[:] = [Resource({"service.name": name}) for name in services]
    return Loaded(None, trace, read(trace))


def scope(target, agent=LOCAL_AGENT, services=("planner",), text=FILE):
    files = [load_text(text, "testcases/a.yaml")]
    return scope_of(target, files, agent, sent_by(*services).trace)


def of_case(name):
    case = next(c for c in load_text(FILE, "testcases/a.yaml").cases if c.name == name)
    return scope(Target("testcases/a.yaml", case.id, case.name))


def test_a_case_of_a_file_is_about_what_its_agent_and_its_condition_say():
    plans = of_case("plans")
    assert plans.whose == "for “plans”"
    assert plans.holds(sent_by("planner", "fares"), LOCAL_AGENT)
    assert not plans.holds(sent_by("research"), LOCAL_AGENT)
    books = of_case("books")
    assert books.whose == "of Booking"
    assert books.holds(sent_by(), BOOKING)
    assert not books.holds(sent_by(), OTHER)
    assert of_case("any").whose == ""
    assert of_case("any").holds(sent_by("research"), OTHER)


@pytest.mark.parametrize(
    "target", [Target("testcases/a.yaml"), Target("testcases/b.yaml", new=True)]
)
def test_a_new_case_is_kept_to_where_its_assertion_came_from(target):
    assert scope(target, BOOKING).whose == "of Booking"
    assert not scope(target, BOOKING).holds(sent_by("planner"), OTHER)
    service = scope(target)
    assert service.whose == "of service planner"
    assert service.holds(sent_by("planner"), LOCAL_AGENT)
    assert not service.holds(sent_by("research"), LOCAL_AGENT)


@pytest.mark.parametrize("services", [(), ("planner", "fares")])
def test_a_trace_of_no_or_several_services_keeps_a_new_case_to_nothing(services):
    found = scope(Target("testcases/a.yaml"), services=services)
    assert found.whose == ""
    assert found.holds(sent_by("research"), OTHER)


def test_what_the_defaults_of_a_file_say_is_left_to_them():
    assert kept_to(DEFAULTS, OTHER, sent_by("planner").trace) == {}
    found = scope(Target("testcases/a.yaml"), OTHER, text=DEFAULTS)
    assert found.whose == "by the file's defaults"
    assert found.holds(sent_by(), BOOKING)
    assert not found.holds(sent_by(), OTHER)
