"""What a screen shows before evaluation has begun is first in line once it has."""

from tracedesk.desk import Desk, Options
from tracedesk.workspace import find_workspace

CASES = "cases: [{name: kept, assertions: [{target: response_regex, pattern: kept}]}]"


def verdicts_in_full(desk, trace_id):
    """The verdicts of a trace, once the evidence of each is known."""
    found = desk.verdicts(trace_id)
    return found if found is not None and not found.pending and not found.brief else None


def test_of_the_trace_that_was_open_at_the_start_the_evidence_is_found(
    tmp_path, open_desk, call, until
):
    folder = tmp_path / "testcases"
    folder.mkdir()
    (folder / "kept.yaml").write_text(CASES)
    earlier = open_desk(tmp_path)
    body = {"spans": [{"span_id": "s", "name": "s", "attributes": {"output.value": "kept"}}]}
    call(earlier, "/public/traces", body, content_type="application/json")
    trace_id = earlier.store.rows()[0].id
    until(lambda: earlier.totals().get("pass"))
    earlier.stop()
    desk = Desk(find_workspace(tmp_path), Options(port=0, quiet_s=0.05))
    desk.show(trace_id)  # as a screen does whose first frame is out before evaluation begins
    with desk:
        found = until(lambda: verdicts_in_full(desk, trace_id))
        assert [verdict.outcome for case in found.cases for verdict in case.verdicts] == ["pass"]
