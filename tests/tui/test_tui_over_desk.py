"""The screen over a real desk: sent over HTTP, seen, judged, saved again, judged again."""

from piloting import lines_of, until

from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.workbench import Workbench

CASES = """\
version: 1
cases:
  - name: Books for four
    assertions:
      - target: node_call
        expected_name: create_booking
        expected_arguments: {party: %s}
"""

START = 1_780_000_000_000_000_000


def booking(name):
    """A canonical body: an agent and its one tool call."""

    def span(span_id, label, parent, attributes):
        return {
            "span_id": span_id, "name": label, "parent_span_id": parent, "status": {"code": 1},
            "start_time_unix_nano": START, "end_time_unix_nano": START + 10**9,
            "attributes": attributes,
        }  # fmt: skip

    return {
        "spans": [
            span("a" * 16, name, None, {"gen_ai.operation.name": "invoke_agent"}),
            span(
                "b" * 16, "create_booking", "a" * 16,
                {"gen_ai.tool.name": "create_booking",
                 "gen_ai.tool.call.arguments": '{"party": "4"}'},
            ),
        ]
    }  # fmt: skip


async def test_from_the_wire_to_a_verdict_on_the_tree_and_back(tmp_path, open_desk, call):
    cases = tmp_path / "testcases" / "booking.cases.yaml"
    cases.parent.mkdir()
    cases.write_text(CASES % "4")
    desk = open_desk()
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = app.screen
        assert isinstance(screen, Workbench)
        await until(pilot, lambda: screen.has_class("-empty"), "the empty workbench")

        status, _ = call(desk, "/public/traces", booking("first"), content_type="application/json")
        assert status == 201
        await until(pilot, lambda: screen.opened is not None, "the trace is open")
        await until(
            pilot, lambda: "✗1" in lines_of(app, "#spans")[1], "the failure stands on its span"
        )
        assert desk.endpoint.url.rsplit(":", 1)[1] in screen.query_one("#header").text

        cases.write_text(CASES % '"4"')
        await until(
            pilot, lambda: "✓1" in lines_of(app, "#spans")[1], "the saved file was run again"
        )
        await until(
            pilot,
            lambda: "re-run" in str(screen.query_one("#tests-pane").border_subtitle),
            "the drawer says so",
        )

        call(desk, "/public/traces", booking("second"), content_type="application/json")
        await until(pilot, lambda: screen.traces.total == 2, "the second trace is listed")
        assert "first" in screen.traces.entry(screen.traces.cursor).row.name

        await pilot.press("5")
        await until(pilot, lambda: screen.requests is not None, "the wire bytes are read")
        await pilot.pause()
        assert any("POST /public/traces" in text for text in lines_of(app, "#page"))
