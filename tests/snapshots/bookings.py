"""A desk that three versions of an agent sent a booking to, at a fixed moment, without a port.

The second version books for the text "4" where a number is wanted, and asks around before.
"""

import json
import time

from tracedesk.desk import EndpointState
from tracedesk.evaluation.progress import Progress

CASES = """\
version: 1
cases:
  - name: Books for four
    assertions:
      - target: node_call
        expected_name: create_booking
        expected_arguments: {party: 4}
      - {target: node_call, expected_name: cancel_booking, condition: MUST_NOT_CALL}
  - name: Says that it is done
    assertions:
      - {target: response_regex, pattern: booked}
"""

START_NS = 1_780_000_000_000_000_000
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
NOW_NS = START_NS + 3 * DAY
"""When everything arrives and is looked at."""

RUNS = (
    ("run-1", "1.0", 4, ()),
    ("run-2", "1.1", "4", (("ask_around", {"city": "Graz"}),)),
    ("run-3", "1.2", 4, ()),
)
"""Id, version, party as it was passed, and what was called besides."""


def body(day, version, party, more):
    """A run as canonical spans: the agent, its search, what else it calls, and the booking."""

    def span(number, name, attributes):
        at = START_NS + day * DAY + number * SECOND
        return {
            "span_id": f"{number:016x}", "parent_span_id": f"{1:016x}" if number > 1 else None,
            "name": name, "attributes": attributes, "status": {"code": 1},
            "start_time_unix_nano": at,
            "end_time_unix_nano": at + (9 if number == 1 else 1) * SECOND,
        }  # fmt: skip

    said = {"gen_ai.prompt": "A table for four, please.", "gen_ai.response.text": "It is booked."}
    calls = [("search_tables", {"city": "Graz", "party": 4}), *more]
    calls.append(("create_booking", {"party": party, "guest": {"name": "Ana Ruiz"}}))
    tools = [
        (name, {"gen_ai.tool.name": name, "gen_ai.tool.call.arguments": json.dumps(given)})
        for name, given in calls
    ]
    return {
        "metadata": {"version": version, "environment": "staging"},
        "spans": [
            span(1, "booking agent", said), *(span(at, *tool) for at, tool in enumerate(tools, 2))
        ],
    }  # fmt: skip


def booked(folder, open_desk, call, monkeypatch):
    """The desk, everything judged, with the address and the run that a picture may show."""
    monkeypatch.setattr(time, "time_ns", lambda: NOW_NS)
    (folder / "testcases").mkdir()
    (folder / "testcases" / "booking.yaml").write_text(CASES)
    desk = open_desk()
    for day, (name, version, party, more) in enumerate(RUNS):
        status, _ = call(desk, "/public/traces", body(day, version, party, more), x_request_id=name)
        assert status == 201
    return desk


def composed(desk):
    """The desk with an address that is the same everywhere, and no run timed."""
    desk.endpoint = EndpointState("listening", url="http://127.0.0.1:4318")
    desk.progress = Progress
    return desk
